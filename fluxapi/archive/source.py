"""The instance whose jobs are stored: its identity, and the row that describes it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from fluxapi.instance.protocol import InstanceInfo

__all__ = ["Source", "identity"]

_LABEL = b"fluxapi instance identity"
_ID_LENGTH = 20
"""Hexadecimal digits of an identity; two instances have the same by chance of 2^-80."""


def identity(secret: bytes | None, info: InstanceInfo) -> str:
    """Return the ID of an instance, 20 hexadecimal digits.

    All services in front of an instance share its *secret*, which outlives its restarts, and so
    does the ID. Without one, the ID is that of this run of the instance.
    """
    key = secret or f"{info.kind} {info.uri} {info.owner} {info.starttime}".encode(errors="replace")
    return hmac.new(key, _LABEL, hashlib.sha256).hexdigest()[:_ID_LENGTH]


@dataclass(frozen=True)
class Source:
    """An instance as the history names it.

    Attributes:
        id: See :func:`identity`.
        path: Its place in the tree of instances; ``""`` is the root.
        root: The ID of the root of the tree; empty if no history of it is kept.
        info: Its other properties.
    """

    id: str
    path: str
    info: InstanceInfo
    root: str = ""
