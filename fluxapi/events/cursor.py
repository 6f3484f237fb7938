"""Cursors: opaque texts that mark a position in the stream of one service."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import NamedTuple

__all__ = ["Cursor", "instance_tag", "new_epoch", "parse"]

_FORM = re.compile(r"([0-9a-f]{8})([0-9a-f]{8})\.([0-9]{1,15})\.([0-9]{1,15})\Z", re.ASCII)


class Cursor(NamedTuple):
    """A position: ``instance.process`` (the epoch), ``seq``, and ``time`` in milliseconds.

    ``seq`` numbers the entries of one process. Another process in front of the same instance has
    other numbers and resolves the cursor by ``time``: unless a clock steps back, no event after
    the cursor is older than that.
    """

    instance: str
    process: str
    seq: int
    time: int


def instance_tag(starttime: float, path: str = "") -> str:
    """Return eight hex digits that identify a Flux instance.

    Args:
        starttime: When the instance began, seconds since the epoch.
        path: Its path in the tree.
    """
    return hashlib.sha256(f"{path}{starttime!r}".encode()).hexdigest()[:8]


def new_epoch(instance: str) -> str:
    """Return a new epoch for a process that serves the instance with the tag *instance*."""
    return instance + secrets.token_hex(4)


def parse(text: str) -> Cursor | None:
    """Parse a cursor; return ``None`` for any other text."""
    match = _FORM.match(text)
    if match is None:
        return None
    return Cursor(match[1], match[2], int(match[3]), int(match[4]))
