"""The size of a jobspec as programs of Flux write it, which is not the size in a request."""

from __future__ import annotations

from collections.abc import Mapping
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


_VALUE_BYTES, _CONTAINER_BYTES = 40, 400
"""Memory of a value in Flux besides its text, and of an object or a list."""


class Contents(NamedTuple):
    """The contents of a jobspec that matter to Flux."""

    is_deep: bool
    floats: int
    values: int
    containers: int

    @property
    def growth(self) -> int:
        """Return by how many bytes the jobspec is longer at most when Flux writes it."""
        return self.floats * _FLOAT_BYTES

    @property
    def memory(self) -> int:
        """Return how much memory Flux takes for the values, as long as it keeps the job."""
        return self.values * _VALUE_BYTES + self.containers * _CONTAINER_BYTES


def contents_of(document: Mapping[str, Any]) -> Contents:
    """Return the contents of a jobspec; those beyond the limit of levels are not read."""
    level: list[Any] = [document]
    floats = values = containers = 0
    for _ in range(MAX_LEVELS):
        below: list[Any] = []
        containers += len(level)
        for item in level:
            values += len(item)
            for part in item.values() if isinstance(item, dict) else item:
                if isinstance(part, (dict, list)):
                    below.append(part)
                elif isinstance(part, float):
                    floats += 1
        if not below:
            return Contents(False, floats, values, containers)
        level = below
    return Contents(True, floats, values, containers)


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
