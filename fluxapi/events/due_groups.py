"""Groups that are due: thousands of writes take long, so they are spread over the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from fluxapi.events.transport.wire import Wire

from .buffer import CursorError
from .fanout import FanoutGroup
from .views import View

__all__ = ["GROUP_WRITES", "MAX_WRITES_PER_PASS", "DueGroups"]

_log = logging.getLogger(__name__)

MAX_WRITES_PER_PASS = 1000
"""Writes to sockets in one pass of the event loop, at some 8 µs each."""

_MAX_TURN_S = 0.005
"""Processor time in which filters are tested in one pass of the event loop."""

GROUP_WRITES = 2
"""Number of writes that take as long as encoding a batch for one group."""


class DueGroups:
    """The groups whose live subscribers lack the messages after the position of the group.

    ``write`` sends bytes to a group at the given position; ``catch_up`` replays to each of its
    subscribers from there; ``fail`` ends the subscriptions of a group whose replay raises an
    exception.
    """

    def __init__(
        self,
        write: Callable[[FanoutGroup, int, bytes], None],
        catch_up: Callable[[FanoutGroup, int], None],
        fail: Callable[[FanoutGroup], None],
    ) -> None:
        self._write = write
        self._catch_up = catch_up
        self._fail = fail
        self._groups: dict[FanoutGroup, None] = {}
        self._scheduled = False
        self._piece: tuple[View, Wire, int, int, bytes] | None = None
        """The piece that was encoded last, with its start and end; other groups may need it."""

    def __contains__(self, group: object) -> bool:
        return group in self._groups

    def __len__(self) -> int:
        return len(self._groups)

    def add(self, group: FanoutGroup) -> None:
        """Serve a group in a later pass of the event loop."""
        self._groups[group] = None
        self._schedule()

    def discard(self, group: FanoutGroup) -> None:
        """Remove a group that has no subscribers anymore."""
        self._groups.pop(group, None)

    def serve(self) -> None:
        """Write to the groups that have been due for longest."""
        self._scheduled = False
        left = MAX_WRITES_PER_PASS
        deadline = time.perf_counter() + _MAX_TURN_S
        while self._groups and left > 0 and time.perf_counter() < deadline:
            group = next(iter(self._groups))
            left -= len(group.live) + GROUP_WRITES
            self.settle(group)
        if self._groups:
            self._schedule()
        else:
            self._piece = None

    def settle(self, group: FanoutGroup) -> None:
        """Write the missing messages to the live subscribers of a group, if it is due."""
        if group not in self._groups:
            return
        del self._groups[group]
        before, group.seq = group.seq, group.view.head
        try:
            data, reached = self._encode(group, before)
        except CursorError:
            data, reached = b"", before
        except Exception:  # noqa: BLE001 - the other groups must still get theirs
            _log.exception("the group %s failed", group.key)
            self._fail(group)
            return
        if reached == group.seq:
            self._write(group, before, data)
        else:
            self._catch_up(group, before)

    def _encode(self, group: FanoutGroup, before: int) -> tuple[bytes, int]:
        view, wire = group.view, group.wire
        held = self._piece
        if held is not None and held[:4] == (view, wire, before, view.head):
            return held[4], held[3]
        messages, reached = view.replay(before)
        data = group.bytes_of(messages)
        self._piece = (view, wire, before, reached, data)
        return data, reached

    def forget(self) -> None:
        """Forget the encoded piece, so that the next group gets a new one."""
        self._piece = None

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self.serve)
