"""The size of a jobspec as programs of Flux write it, which is not the size in a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["MAX_LEVELS", "Contents", "contents_of", "size_in_python"]

MAX_LEVELS = 128
"""Limit of the levels of a jobspec, as of the embedded instance."""

_FLOAT_BYTES = 22
"""Bytes by which a float grows at most: jansson writes 0.1 with 17 digits."""

_EXPONENTS = (b"e-", *(b"e%d" % digit for digit in range(1, 10)))
"""The beginnings of exponents, which Python writes with a sign and two digits: 1e+22, 1e-07."""

_DELETE = b"\x7f"
_LEADS_OF_2, _LEADS_OF_3, _LEADS_OF_4 = (
    bytes(range(*bounds)) for bounds in ((0xC0, 0xE0), (0xE0, 0xF0), (0xF0, 0x100))
)
"""The first bytes of characters of two, three and four bytes in UTF-8."""


_VALUE_BYTES, _TEXT_BYTES, _MEMBER_BYTES = 80, 90, 200
_OBJECT_BYTES, _LIST_BYTES = 620, 190
"""Memory of a value in Flux besides its text, and what it takes more if it is a text, a member of
an object, an object or a list. Both the job manager and job-list keep it.
"""


class Contents(NamedTuple):
    """The contents of a jobspec that matter to Flux.

    ``memory`` is how much memory Flux takes for the values, as long as it keeps the job, besides
    twice the length of the jobspec. It is less than 0 if the environment is long, which Flux does
    not keep.
    """

    is_deep: bool
    floats: int
    memory: int

    @property
    def growth(self) -> int:
        """Return by how many bytes the jobspec is longer at most when Flux writes it."""
        return self.floats * _FLOAT_BYTES


def contents_of(document: Mapping[str, Any]) -> Contents:
    """Return the contents of a jobspec; those beyond the limit of levels are not read."""
    level: list[Any] = [document]
    floats = texts = members = memory = 0
    is_deep = True
    for _ in range(MAX_LEVELS):
        below: list[Any] = []
        for item in level:
            memory += _VALUE_BYTES * len(item)
            if isinstance(item, dict):
                members += len(item)
                memory += _OBJECT_BYTES
                parts: Iterable[Any] = item.values()
            else:
                memory += _LIST_BYTES
                parts = item
            for part in parts:
                if isinstance(part, str):
                    texts += 1
                elif isinstance(part, (dict, list)):
                    below.append(part)
                elif isinstance(part, float):
                    floats += 1
        if not below:
            is_deep = False
            break
        level = below
    memory += _TEXT_BYTES * texts + _MEMBER_BYTES * members
    return Contents(is_deep, floats, memory - _environment_bytes(document))


def _environment_bytes(document: Mapping[str, Any]) -> int:
    """Return the memory of the environment, which Flux does not keep."""
    found: Any = document
    for name in ("attributes", "system", "environment"):
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return 0
    texts = [value for value in found.values() if isinstance(value, str)]
    length = sum(map(len, texts)) + sum(map(len, found))
    return (_VALUE_BYTES + _TEXT_BYTES + _MEMBER_BYTES) * len(texts) + 2 * length


def size_in_python(jobspec: bytes) -> int:
    """Return the bytes of a jobspec as Python's encoder writes it, or a few more.

    It writes blanks after commas and colons, and characters beyond ASCII as six or twelve.
    """
    blanks = jobspec.count(b",") + jobspec.count(b":")
    size = len(jobspec) + blanks + 5 * jobspec.count(_DELETE)
    size += sum(map(jobspec.count, _EXPONENTS))
    if jobspec.isascii():
        return size
    for leads, growth in ((_LEADS_OF_2, 4), (_LEADS_OF_3, 3), (_LEADS_OF_4, 8)):
        size += growth * (len(jobspec) - len(jobspec.translate(None, leads)))
    return size
