"""The end of an output while it is read from its beginning."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from fluxapi.model.eventlog import Event

__all__ = ["Tail"]

_LIMIT = 16 << 20
"""Bytes that are kept, about: those who want more read it again, as fast as they take it."""

_WEIGHT = 512
"""Bytes that an entry takes besides its data, about."""


class Tail:
    """The last ``count`` entries with data of ``stream`` (``None``: any), and what is among them.

    ``events`` are the entries from index ``first`` on. Where they would be too large, there are
    none, and only ``first`` is right.
    """

    def __init__(self, count: int, stream: str | None) -> None:
        self._count = count
        self._stream = stream
        self._events: deque[Event] = deque()
        self._first = 0
        self._size = 0
        self._found: deque[int] = deque()
        self._kept = True

    @property
    def first(self) -> int:
        """The index of the first entry of the tail."""
        return self._first

    @property
    def events(self) -> list[Event]:
        """The entries of the tail, in their order."""
        return list(self._events) if self._kept else []

    def take(self, index: int, batch: Sequence[Event]) -> None:
        """The entries from ``index`` on, which follow those before."""
        if not self._count:
            self._first = index + len(batch)
            return
        for at, event in enumerate(batch, index):
            if self._kept:
                self._events.append(event)
                self._size += _size(event)
            if self._is_wanted(event):
                self._found.append(at)
                if len(self._found) > self._count:
                    self._found.popleft()
                if len(self._found) == self._count:
                    self._drop(self._found[0])
        if self._size > _LIMIT:
            self._kept = False
            self._events.clear()

    def _is_wanted(self, event: Event) -> bool:
        context = event.context or {}
        if event.name != "data" or not context.get("data"):
            return False
        return self._stream is None or str(context.get("stream", "")) in {"", self._stream}

    def _drop(self, first: int) -> None:
        """Keep only what is from index ``first`` on."""
        if self._kept:
            for _ in range(first - self._first):
                self._size -= _size(self._events.popleft())
        self._first = first


def _size(event: Event) -> int:
    data = (event.context or {}).get("data")
    return _WEIGHT + (len(data) if isinstance(data, str) else 0)
