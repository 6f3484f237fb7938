"""Bookmarks for all groups of a hub, of which there may be thousands: written in turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from .fanout import FanoutGroup

__all__ = ["Bookmarks"]

_MAX_TURN_S = 0.003
"""Processor time after which other tasks run."""


class Bookmarks:
    """The groups that get a bookmark soon; *write* sends it."""

    def __init__(self, write: Callable[[FanoutGroup], None]) -> None:
        self._write = write
        self._groups: dict[FanoutGroup, None] = {}
        self._scheduled = False

    def send(self, groups: Iterable[FanoutGroup]) -> None:
        """Send a bookmark to groups: to as many as time permits now, and to the others soon."""
        self._groups.update(dict.fromkeys(groups))
        if not self._scheduled:
            self._turn()

    def _turn(self) -> None:
        self._scheduled = False
        deadline = time.perf_counter() + _MAX_TURN_S
        while self._groups and time.perf_counter() < deadline:
            group = next(iter(self._groups))
            del self._groups[group]
            self._write(group)
        if self._groups:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)
