"""Very many numbers in order, in sorted pieces: one sort of all would delay other tasks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Generic, TypeVar

from fluxapi.process.timeslice import TimeSlice

__all__ = ["SortedPieces"]

_PIECE = 2048
"""Numbers of a piece, which takes a millisecond to sort."""

Number = TypeVar("Number", int, float)


class SortedPieces(Generic[Number]):
    """Numbers that are added in any order; they can be compared after :meth:`settle`."""

    __slots__ = ("_last", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[list[Number]] = []
        self._last: list[Number] = []

    def __len__(self) -> int:
        return len(self._pieces) * _PIECE + len(self._last)

    def add(self, number: Number) -> None:
        """Add a number."""
        self._last.append(number)
        if len(self._last) == _PIECE:
            self.settle()
            self._pieces.append(self._last)
            self._last = []

    def settle(self) -> None:
        """Sort what was added last."""
        self._last.sort()

    @property
    def least(self) -> Number | None:
        """Return the least number, or ``None`` if there is none."""
        return min((piece[0] for piece in self._all()), default=None)

    def below(self, number: Number) -> int:
        """Return how many numbers are less."""
        return sum(bisect_left(piece, number) for piece in self._all())

    async def median(self) -> float | None:
        """Return the number in the middle, or the mean of the two; ``None`` if there is none."""
        count = len(self)
        if not count:
            return None
        return (await self._at((count - 1) // 2) + await self._at(count // 2)) / 2

    async def _at(self, place: int) -> Number:
        """Return the number with so many before it: each step leaves out a quarter at least."""
        turn = TimeSlice()
        parts = [(piece, 0, len(piece)) for piece in self._all()]
        while True:
            await turn.share()
            pivot = _middle(parts)
            places = [
                (bisect_left(piece, pivot, low, high), bisect_right(piece, pivot, low, high))
                for piece, low, high in parts
            ]
            less = sum(first - low for (first, _), (_, low, _) in zip(places, parts, strict=True))
            same = sum(last - first for first, last in places)
            if less <= place < less + same:
                return pivot
            pairs = zip(places, parts, strict=True)
            if place < less:
                parts = [
                    (piece, low, first) for (first, _), (piece, low, _) in pairs if low < first
                ]
            else:
                place -= less + same
                parts = [
                    (piece, last, high) for (_, last), (piece, _, high) in pairs if last < high
                ]

    def _all(self) -> list[list[Number]]:
        return self._pieces + ([self._last] if self._last else [])


def _middle(parts: Sequence[tuple[list[Number], int, int]]) -> Number:
    """Return the middle one of the middles of parts, of which each counts by its length."""
    middles = sorted((piece[(low + high) // 2], high - low) for piece, low, high in parts)
    left = sum(length for _, length in middles) / 2
    for middle, length in middles:
        left -= length
        if left <= 0:
            return middle
    raise AssertionError
