"""The digests of filtered views; changes are applied to thousands of them in turns."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from .digest import Changed, changed
from .event_log import Batch
from .views import View

__all__ = ["Digests"]

_MAX_TURN_S = 0.003
"""Processor time after which other tasks run."""

_MAX_ROWS = 8192
"""Rows that wait to be applied; beyond it, views that lack the oldest ones count anew."""


class Digests:
    """The views whose digests follow the table, and the batches that some of them lack.

    The views are in the order of their positions: the first one lacks the most batches.
    """

    def __init__(self) -> None:
        self._positions: dict[View, int] = {}
        """Number of the first batch that each view lacks."""
        self._batches: deque[list[Changed]] = deque()
        self._first = 0
        """Number of the first batch that is kept."""
        self._rows = 0
        self._uncounted: dict[View, None] = {}
        """Views that count anew."""
        self._scheduled = False

    def __len__(self) -> int:
        return len(self._positions)

    def add(self, view: View) -> None:
        """Add a new view, which begins to count after the last published batch."""
        self._positions[view] = self._end

    def discard(self, view: View) -> None:
        """Forget a view that nobody follows anymore."""
        self._positions.pop(view, None)
        self._uncounted.pop(view, None)

    def publish(self, batch: Batch) -> None:
        """Apply a batch to all views: to as many as time permits now, and to the others soon."""
        if not self._positions or not batch.rows:
            return
        self._batches.append(changed(batch))
        self._rows += len(batch.rows)
        while self._rows > _MAX_ROWS and len(self._batches) > 1:
            self._drop()
        if not self._scheduled:
            self._turn()

    def settle(self, view: View) -> None:
        """Apply the missing batches to a view."""
        position = self._positions.get(view, self._end)
        if position == self._end:
            return
        del self._positions[view]
        self._positions[view] = self._end
        if position < self._first:
            view.digest.restart()
            self._uncounted[view] = None
            return
        for at in range(position - self._first, len(self._batches)):
            rows = self._batches[at]
            if view.ids is None or any(row.id in view.ids for row in rows):
                view.digest.apply(rows)

    @property
    def _end(self) -> int:
        return self._first + len(self._batches)

    def _drop(self) -> None:
        self._rows -= len(self._batches.popleft())
        self._first += 1

    def _turn(self) -> None:
        self._scheduled = False
        deadline = time.perf_counter() + _MAX_TURN_S
        while time.perf_counter() < deadline:
            view = next(iter(self._positions), None)
            if view is not None and self._positions[view] < self._end:
                self.settle(view)
            elif not self._count_on():
                break
        least = next(iter(self._positions.values()), self._end)
        while self._first < least and self._batches:
            self._drop()
        if self._batches or self._uncounted:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _count_on(self) -> bool:
        """Count some jobs for a view that counts anew; return whether there was one."""
        view = next(iter(self._uncounted), None)
        if view is None:
            return False
        if view.digest.walk_on():
            del self._uncounted[view]
        return True
