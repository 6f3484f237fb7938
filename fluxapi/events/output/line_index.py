"""Places in outputs at which the number of the next line is known.

A reader of lines far from the beginning starts at the nearest place, not at the first line. Each
reader adds the places that it passes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from typing import NamedTuple

__all__ = ["Key", "LineIndex", "Place"]

Key = tuple[int, bool]
"""An output eventlog: the job, and whether the history has it.

Files have no places: a job can replace them, and they are read faster.
"""

_MAX_OUTPUTS = 256
"""Outputs whose places are kept."""

_MAX_PLACES = 512
"""Places of one output; with more, every second one is dropped."""

_MIN_BYTES = 1 << 20
"""Bytes of output between two places."""


class Place(NamedTuple):
    """A place between two lines: the lines before it, and the index of the next entry, or less."""

    lines: int = 0
    entry: int = 0


class _Places:
    """The places of one output, in order."""

    def __init__(self) -> None:
        self.lines = [0]
        self.indexes = [0]
        self.spacing = _MIN_BYTES

    def add(self, place: Place) -> None:
        at = bisect_right(self.indexes, place.entry)
        if self.indexes[at - 1] == place.entry:
            return
        self.indexes.insert(at, place.entry)
        self.lines.insert(at, place.lines)
        if len(self.indexes) > _MAX_PLACES:
            self.spacing *= 2
            del self.indexes[1::2], self.lines[1::2]


class LineIndex:
    """The places of the outputs that were read last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, _Places] = OrderedDict()

    def before_line(self, key: Key, line: int) -> Place:
        """Return the last place that has less than *line* lines before it."""
        places = self._of(key)
        at = bisect_right(places.lines, max(line - 1, 0)) - 1
        return Place(places.lines[at], places.indexes[at])

    def before_entry(self, key: Key, index: int) -> Place:
        """Return the last place before the entry with this index, or at it."""
        places = self._of(key)
        at = bisect_right(places.indexes, index) - 1
        return Place(places.lines[at], places.indexes[at])

    def spacing(self, key: Key) -> int:
        """Return how many bytes of output to read between two places."""
        return self._of(key).spacing

    def add(self, key: Key, place: Place) -> None:
        """Remember a place, at which no line may be unfinished."""
        self._of(key).add(place)

    def _of(self, key: Key) -> _Places:
        places = self._kept.get(key)
        if places is None:
            places = self._kept[key] = _Places()
            if len(self._kept) > _MAX_OUTPUTS:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return places
