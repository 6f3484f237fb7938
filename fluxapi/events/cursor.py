"""Cursors: opaque texts that say where in the stream of one service a reader stands."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import NamedTuple

__all__ = ["Cursor", "instance_tag", "new_epoch", "parse"]

_FORM = re.compile(r"([0-9a-f]{8})([0-9a-f]{8})\.([0-9]{1,15})\.([0-9]{1,15})\Z", re.ASCII)


class Cursor(NamedTuple):
    """``instance.process`` (the epoch), ``seq`` in that process, ``time`` in milliseconds.

    Within one process ``seq`` counts what was published. Another process in front of the same
    instance counts anew, and goes by ``time``: no event after the cursor is older than that, but
    for clocks that step back.
    """

    instance: str
    process: str
    seq: int
    time: int


def instance_tag(starttime: float, path: str = "") -> str:
    """Return eight hex digits that tell a Flux instance from others.

    Args:
        starttime: When the instance began, seconds since the epoch.
        path: Its path in the tree.
    """
    return hashlib.sha256(f"{path}{starttime!r}".encode()).hexdigest()[:8]


def new_epoch(instance: str) -> str:
    """The epoch of a process that relays an instance; ``instance`` is its tag."""
    return instance + secrets.token_hex(4)


def parse(text: str) -> Cursor | None:
    """Read a cursor; ``None`` when it is none of ours."""
    match = _FORM.match(text)
    if match is None:
        return None
    return Cursor(match[1], match[2], int(match[3]), int(match[4]))
