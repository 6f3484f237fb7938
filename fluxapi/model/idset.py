"""Idsets (RFC 22) as ranges: a set of four million IDs costs no more than its text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .message import NotReadable

__all__ = ["MAX_ID", "MAX_RANGES", "IdSet", "Range", "encode_idset", "read_ranges"]

MAX_RANGES = 65_536
"""Ranges in one text; Flux writes one for each gap in a set."""

MAX_ID = (1 << 32) - 2
"""The largest ID that flux-core's idset accepts (src/common/libidset)."""

_MAX_DIGITS = 18
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?", re.ASCII)


class Range(NamedTuple):
    """The IDs from *first* to *last*, both included, written with at least *width* digits."""

    first: int
    last: int
    width: int = 0

    def __len__(self) -> int:
        return self.last - self.first + 1


def read_ranges(text: str) -> list[Range]:
    """Return the ranges of an ID list without brackets (``0-3,7``), in the order of the text.

    Leading zeros of the first ID set the width of all, as in RFC 29. Raises ``ValueError``.
    """
    if text.count(",") >= MAX_RANGES:
        raise NotReadable("too_many_ranges", limit=MAX_RANGES)
    width: int | None = None
    found: list[Range] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise NotReadable("no_ids", value=repr(part[:40]))
        first, last = match[1], match[2] or match[1]
        if width is None:
            width = len(first) if first.startswith("0") else 0
        if max(len(first), len(last)) > _MAX_DIGITS or int(last) < int(first):
            raise NotReadable("no_usable_range", value=repr(part[:40]))
        found.append(Range(int(first), int(last), width))
    return found


class IdSet:
    """A set of IDs, kept as sorted ranges that neither touch nor overlap."""

    __slots__ = ("_count", "ranges")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self.ranges = _normalized(ranges)
        self._count = sum(last - first + 1 for first, last in self.ranges)

    @classmethod
    def parse(cls, text: str) -> IdSet:
        """Parse an RFC 22 text (``0-3,7`` or ``[0-3,7]``).

        Raises:
            ValueError: *text* is not an idset, or has IDs that Flux does not accept.
        """
        text = text.strip()
        if text.startswith("[") and text.endswith("]"):
            text = text[1:-1]
        ranges = read_ranges(text) if text else []
        for item in ranges:
            if item.last > MAX_ID:
                raise NotReadable("id_too_large", id=str(item.last), limit=str(MAX_ID))
        return cls((first, last) for first, last, _ in ranges)

    @classmethod
    def union(cls, sets: Iterable[IdSet]) -> IdSet:
        """Return the set of all IDs in *sets*."""
        return cls(item for one in sets for item in one.ranges)

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdSet) and self.ranges == other.ranges

    def __hash__(self) -> int:
        return hash(tuple(self.ranges))

    def __repr__(self) -> str:
        return f"<IdSet {self.encode()}>"

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        place = bisect_right(self.ranges, (number, MAX_ID + 1)) - 1
        return place >= 0 and number <= self.ranges[place][1]

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def isdisjoint(self, other: IdSet) -> bool:
        """Return whether the two sets have no ID in common."""
        return len(IdSet.union((self, other))) == len(self) + len(other)

    def encode(self, *, brackets: bool = False) -> str:
        """Return the RFC 22 text; with *brackets*, several IDs are put in brackets."""
        text = ",".join(
            str(first) if first == last else f"{first}-{last}" for first, last in self.ranges
        )
        return f"[{text}]" if brackets and self._count > 1 else text


def encode_idset(ids: Iterable[int], *, brackets: bool = False) -> str:
    """Return the RFC 22 text of *ids*; see :meth:`IdSet.encode`."""
    return IdSet((number, number) for number in ids).encode(brackets=brackets)


def _normalized(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            if last > merged[-1][1]:
                merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return merged
