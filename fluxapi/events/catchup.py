"""Those who are behind: each gets a piece of the past whenever there is room, until it is live."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from .buffer import EventBuffer, Refused
from .fanout import Subscription
from .views import View

__all__ = ["CatchUp"]

_log = logging.getLogger(__name__)

_TURN = 0.003
"""Seconds after which the event loop gets its turn."""


class CatchUp:
    """The subscriptions that are behind. One that waits for room costs nothing.

    ``refuse`` says what one gets whose place is lost; ``arrive`` is called with who has seen
    everything; ``fail`` with who cannot be served.
    """

    def __init__(
        self,
        buffer: EventBuffer,
        refuse: Callable[[Subscription, str], None],
        arrive: Callable[[Subscription], None],
        fail: Callable[[Subscription], None],
    ) -> None:
        self._buffer = buffer
        self._fail = fail
        self._refuse = refuse
        self._arrive = arrive
        self._waiting: set[Subscription] = set()
        self._ready: dict[Subscription, None] = {}
        self._scheduled = False

    def add(self, subscription: Subscription) -> None:
        """One that has fallen behind, or begins."""
        if subscription.writer.paused:
            self._waiting.add(subscription)
        else:
            self._ready[subscription] = None
            self._schedule()

    def resume(self, subscription: Subscription) -> None:
        """There is room again."""
        if subscription in self._waiting:
            self._waiting.remove(subscription)
            self.add(subscription)

    def discard(self, subscription: Subscription) -> None:
        """It is gone."""
        self._waiting.discard(subscription)
        self._ready.pop(subscription, None)

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        enough = time.perf_counter() + _TURN
        walked: set[View] = set()
        for _ in range(len(self._ready)):
            # One that is served and not done goes to the end of the line; others may leave it.
            subscription = next(iter(self._ready), None)
            if subscription is None or time.perf_counter() >= enough:
                break
            del self._ready[subscription]
            view = subscription.group.view
            if view not in walked:
                walked.add(view)
                view.digest.walk_on()
            self._serve(subscription)
        if self._ready:
            self._schedule()

    def _serve(self, subscription: Subscription) -> None:
        """Let it have the next piece, if another one has not taken the room."""
        try:
            done = not subscription.writer.paused and self._advance(subscription)
        except Exception:  # noqa: BLE001 - it must not hold up those behind it
            _log.exception("%s failed to catch up", subscription.group.key)
            self._fail(subscription)
            return
        if subscription.left:
            return
        if done:
            self._arrive(subscription)
        else:
            # To the end of the line, so that everybody has a turn.
            self.add(subscription)

    def _advance(self, subscription: Subscription) -> bool:
        """Write the next piece; whether that was all, and there still is room."""
        data = self._next(subscription)
        if subscription.first:
            data, subscription.first = subscription.first + data, b""
        if data:
            subscription.writer.write(data)
        return (
            subscription.walk is None
            and subscription.seq == self._buffer.head
            and not subscription.writer.paused
            and subscription.group.view.digest.complete
        )

    def _next(self, subscription: Subscription) -> bytes:
        """The next piece, and the subscription moved behind it."""
        group = subscription.group
        if subscription.walk is not None:
            snapshot, after = subscription.walk
            piece = snapshot.piece(after)
            if piece.after is None:
                subscription.place(snapshot.start)
            else:
                subscription.walk = (snapshot, piece.after)
            return piece.data(group.wire)
        try:
            messages, subscription.seq = group.view.replay(subscription.seq)
        except Refused as refused:
            self._refuse(subscription, refused.reason)
            return b""
        return group.bytes_of(messages)
