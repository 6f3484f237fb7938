"""Groups of jobs: which group a job is in, as ``attributes.user.fluxapi.group`` of its jobspec.

The jobspec holds a text: the name of the group, or an ID that the service has made. The ID of a
named group is a hash of the name. So all requests with one name mean one group, and no job can
give a group another name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .checked import text

__all__ = [
    "Group",
    "group_id",
    "is_cc_number",
    "is_group_id",
    "read_group",
]

_ID_DIGITS = 15
"""Hexadecimal digits of an ID: 60 bits."""

_MAX_CC_DIGITS = 20

_ID = re.compile(r"g[0-9a-f]{15}(?:\.[0-9]{1,10})?\Z")
_OWN_ID = re.compile(r"g[0-9a-f]{15}\Z")
_NAME = re.compile(r"[^\x00-\x20\x7f][^\x00-\x1f\x7f]{0,127}\Z")
"""The same as in ``schemas/submit.json``: 128 characters, none of them a control character."""


class Group(NamedTuple):
    """The group of a job; ``name`` is empty if it has none."""

    id: str
    name: str = ""

    @classmethod
    def of(cls, value: Any) -> Group:
        """Return the group that a jobspec names; raise ``ValueError`` for an invalid text."""
        found = text(value)
        if _OWN_ID.match(found):
            return cls(found)
        if not _NAME.match(found):
            raise ValueError("is not the name of a group")
        return cls(_digest("name", found), found)

    @classmethod
    def new(cls, key: str | None) -> Group:
        """Return a group without a name; requests with one Idempotency-Key get the same."""
        if key is None:
            return cls(f"g{os.urandom((_ID_DIGITS + 1) // 2).hex()[:_ID_DIGITS]}")
        return cls(_digest("key", key))

    def of_user(self, userid: int) -> Group:
        """Return the group of another user than the instance owner.

        So a job can only be in a group of its own user.
        """
        return Group(f"{self.id.partition('.')[0]}.{userid}", self.name)


def read_group(jobspec: Mapping[str, Any]) -> Group | None:
    """Return the group of a jobspec, if it names one; raise ``ValueError`` for a bad one."""
    found: Any = jobspec
    for key in ("attributes", "user", "fluxapi", "group"):
        if not isinstance(found, dict) or key not in found:
            return None
        found = found[key]
    return Group.of(found)


def is_cc_number(text: str) -> bool:
    """Return whether a text can be the number that ``--cc`` gives a job."""
    return len(text) <= _MAX_CC_DIGITS and text.isascii() and text.isdecimal()


def is_group_id(value: str) -> bool:
    """Return whether a text is the ID of a group, not a name."""
    return _ID.match(value) is not None


def group_id(value: str) -> str:
    """Return the ID of the group with this name or ID."""
    return value if is_group_id(value) else _digest("name", value)


def _digest(kind: str, value: str) -> str:
    from hashlib import sha256  # noqa: PLC0415 - takes long, and the client needs it rarely

    encoded = f"{kind}\x1f{value}".encode("utf-8", "surrogatepass")
    return f"g{sha256(encoded).hexdigest()[:_ID_DIGITS]}"
