"""Subscriptions that are behind: each is replayed piece by piece until it is live."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from .buffer import CursorError
from .fanout import Subscription
from .views import PIECE_BYTES, View

__all__ = ["CatchUp"]

_log = logging.getLogger(__name__)

_MAX_TURN_S = 0.003
"""Processor time after which other tasks run."""


class CatchUp:
    """The subscriptions that are behind. Those whose sockets are full are not visited.

    Clients take turns, so that thousands of subscriptions of one do not delay that of another.

    ``refuse`` restarts a subscription whose position is lost; ``arrive`` is called for one that has
    received everything; ``fail`` for one whose replay raises an exception. ``settle`` applies the
    published changes to the digest of a view.
    """

    def __init__(
        self,
        refuse: Callable[[Subscription, str], None],
        arrive: Callable[[Subscription], None],
        fail: Callable[[Subscription], None],
        settle: Callable[[View], None],
    ) -> None:
        self._settle = settle
        self._fail = fail
        self._refuse = refuse
        self._arrive = arrive
        self._waiting: set[Subscription] = set()
        self._ready: dict[str, dict[Subscription, None]] = {}
        """Those that can go on, by client; the first one of each is next."""
        self._scheduled = False

    def add(self, subscription: Subscription) -> None:
        """Add a subscription that has fallen behind or begins."""
        if subscription.writer.paused:
            self._waiting.add(subscription)
        else:
            self._ready.setdefault(subscription.client, {})[subscription] = None
            self._schedule()

    def resume(self, subscription: Subscription) -> None:
        """Replay a subscription again, since its socket has drained."""
        if subscription in self._waiting:
            self._waiting.remove(subscription)
            self.add(subscription)

    def discard(self, subscription: Subscription) -> None:
        """Remove a subscription that has ended."""
        self._waiting.discard(subscription)
        queue = self._ready.get(subscription.client, {})
        queue.pop(subscription, None)
        if not queue:
            self._ready.pop(subscription.client, None)

    def _take(self) -> Subscription:
        """Return the next subscription; its client comes after the others then."""
        client = next(iter(self._ready))
        queue = self._ready.pop(client)
        subscription = next(iter(queue))
        del queue[subscription]
        if queue:
            self._ready[client] = queue
        return subscription

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        deadline = time.perf_counter() + _MAX_TURN_S
        walked: set[View] = set()
        for _ in range(sum(map(len, self._ready.values()))):
            # An unfinished subscription moves to the end of its queue; others may leave it.
            if not self._ready or time.perf_counter() >= deadline:
                break
            subscription = self._take()
            view = subscription.group.view
            if view not in walked:
                walked.add(view)
                # The jobs are counted in their current state.
                self._settle(view)
                view.digest.walk_on()
            self._serve(subscription)
        if self._ready:
            self._schedule()

    def _serve(self, subscription: Subscription) -> None:
        """Write the next piece, unless another subscription has filled the socket."""
        try:
            done = not subscription.writer.paused and self._advance(subscription)
        except Exception:  # noqa: BLE001 - one failure must not delay the others
            _log.exception("%s failed to catch up", subscription.group.key)
            self._fail(subscription)
            return
        if subscription.left:
            return
        if done:
            self._arrive(subscription)
        else:
            # At the end of the queue, so that every subscription is served.
            self.add(subscription)

    def _advance(self, subscription: Subscription) -> bool:
        """Write the next piece; return whether it was the last and the socket is not full."""
        before = b""
        while subscription.before is not None:
            piece = next(subscription.before, None)
            if piece is None:
                subscription.before = None
                break
            before += piece
            if len(before) >= PIECE_BYTES:
                subscription.writer.write(before)
                return False
        data = self._next(subscription)
        if subscription.first:
            data, subscription.first = subscription.first + data, b""
        if before:
            data = before + data
        if data:
            subscription.writer.write(data)
        return (
            subscription.walk is None
            and subscription.seq == subscription.group.view.head
            and not subscription.writer.paused
            and subscription.group.view.digest.complete
        )

    def _next(self, subscription: Subscription) -> bytes:
        """Return the next piece and move the subscription behind it."""
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
        except CursorError as error:
            self._refuse(subscription, error.reason)
            return b""
        return group.bytes_of(messages)
