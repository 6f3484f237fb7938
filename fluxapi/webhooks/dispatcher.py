"""Sends what is stored: each lane in order, each target within its limits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from fluxapi.errors import NotStored
from fluxapi.process.background import BackgroundTask
from fluxapi.process.timeout import within

from .backoff import MAX_AGE_S, MAX_REFUSALS, pause
from .hooks import Hooks
from .lanes import Hook
from .outbox import Outbox
from .port import DeliveryStore, Pending, Retry
from .sender import Outcome, Sender

__all__ = ["Dispatcher"]

_log = logging.getLogger(__name__)

_MAX_SENDING = 64
"""Messages under way to all targets, besides the first of each webhook."""

_MAX_SENDING_PER_WEBHOOK = 8
"""Messages under way to a target that answers; one that has not answered yet gets one."""

_MAX_IDLE_S = 5.0
_SWEEP_INTERVAL_S = 60.0
_STORE_PAUSE_S = 1.0

TOO_OLD = "It could not be delivered within three days."


class Dispatcher(BackgroundTask):
    """The task that starts deliveries when they are due."""

    def __init__(
        self,
        hooks: Hooks,
        store: DeliveryStore,
        sender: Sender,
        outbox: Outbox,
        on_disabled: Callable[[Hook], None],
    ) -> None:
        super().__init__("webhook dispatcher")
        self.outcomes: dict[str, int] = dict.fromkeys(
            ("delivered", "refused", "unavailable", "gone"), 0
        )
        """How many attempts had which result."""
        self._hooks = hooks
        self._store = store
        self._sender = sender
        self._outbox = outbox
        self._on_disabled = on_disabled
        self._sending: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._turn = 0

    @property
    def sending(self) -> int:
        """Return the number of messages under way."""
        return len(self._sending)

    def take(self, added: list[Pending]) -> None:
        """Take deliveries that were stored."""
        for item in added:
            hook = self._hooks.get(item.webhook)
            if hook is not None:
                hook.add(item)
        if added:
            self._wake.set()

    def wake(self) -> None:
        """Look for deliveries that are due."""
        self._wake.set()

    async def run(self) -> None:
        """Start deliveries when they are due, and give up those that are too old."""
        swept = time.monotonic()
        while True:
            self._wake.clear()
            wait = self._start_due()
            if time.monotonic() - swept >= _SWEEP_INTERVAL_S:
                swept = time.monotonic()
                self._give_up_old()
            with contextlib.suppress(asyncio.TimeoutError):
                await within(wait, self._wake.wait())

    async def aclose(self) -> None:
        """Stop; what is under way is sent again by the next service."""
        await super().aclose()
        for task in list(self._sending):
            task.cancel()
        if self._sending:
            await asyncio.wait(self._sending)

    def _start_due(self) -> float:
        """Start what is due, and return the seconds until the next delivery is."""
        wait = _MAX_IDLE_S
        hooks = self._hooks.enabled
        # Each round begins with another webhook, so that none waits for the others forever.
        self._turn += 1
        for number in range(len(hooks)):
            hook = hooks[(number + self._turn) % len(hooks)]
            wait = min(wait, self._start_of(hook))
        return max(wait, 0.0)

    def _start_of(self, hook: Hook) -> float:
        left = hook.resume_at - time.monotonic()
        if left > 0:
            return left
        # Each webhook may send one message, so that targets that are silent delay no other.
        while not hook.active or (
            len(hook.active) < hook.window and len(self._sending) < _MAX_SENDING
        ):
            item = hook.start()
            if item is None:
                break
            task = asyncio.ensure_future(self._send_lane(hook, item))
            self._sending.add(task)
            task.add_done_callback(self._end)
        due = hook.next_due()
        return _MAX_IDLE_S if due is None else max(due - time.monotonic(), 0.0)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("a delivery of a webhook failed", exc_info=task.exception())

    async def _send_lane(self, hook: Hook, item: Pending) -> None:
        """Send the deliveries of a lane until one fails or there is none."""
        following: Pending | None = item
        lane = item.lane
        try:
            while following is not None:
                item = following
                try:
                    body = (await self._store.bodies([item.seq])).get(item.seq)
                except NotStored:
                    hook.release(lane, time.monotonic() + _STORE_PAUSE_S)
                    return
                if body is None:
                    following = hook.finish(item)
                    continue
                webhook = hook.webhook
                outcome = await self._sender.send(webhook.url, webhook.keys(), item.notice, body)
                if self._hooks.get(hook.id) is not hook:
                    # If it cannot be removed, it comes back.
                    hook.release(lane)
                    return
                following = self._settle(hook, item, outcome)
                if following is not None and len(self._sending) >= _MAX_SENDING:
                    hook.release(lane)  # The others have their turn first.
                    return
        except BaseException:
            hook.release(lane, time.monotonic() + _STORE_PAUSE_S)
            raise

    def _settle(self, hook: Hook, item: Pending, outcome: Outcome) -> Pending | None:
        """Note an outcome, and return the next delivery of the lane to send at once."""
        webhook, changes = hook.webhook, self._outbox.changes
        self.outcomes[outcome.result] += 1
        hook.is_changed = True
        self._outbox.wake()
        if outcome.result == "delivered":
            hook.failures = 0
            hook.window = min(2 * hook.window, _MAX_SENDING_PER_WEBHOOK)
            webhook.delivered += 1
            webhook.last_delivered, webhook.last_error = time.time(), None
            changes.delivered.append(item.seq)
            return hook.finish(item)
        webhook.failed += 1
        reason = webhook.last_error = outcome.reason or "It failed."
        if outcome.result == "gone":
            self.disable(hook, reason, item)
            return None
        attempts = item.attempts + 1
        is_refused = outcome.result == "refused"
        is_over = time.monotonic() - item.created > MAX_AGE_S
        if is_over or (is_refused and attempts >= MAX_REFUSALS):
            changes.dead.append((item.seq, attempts, reason))
            return hook.finish(item)
        self._put_off(hook, item, attempts, outcome)
        return None

    def _put_off(self, hook: Hook, item: Pending, attempts: int, outcome: Outcome) -> None:
        """Plan another attempt: of this message if it was refused, else of any message."""
        now, wait = time.monotonic(), 0.0
        if outcome.result == "refused":
            hook.failures = 0
            wait = pause(attempts, outcome.retry_after)
        elif now >= hook.resume_at:
            # Messages that were under way together count as one failure.
            hook.failures += 1
            hook.window = 1
            hook.resume_at = now + pause(hook.failures, outcome.retry_after)
        hook.put_off(item, attempts, now + wait)
        hook.release(item.lane, now + wait if outcome.result == "refused" else None)
        self._outbox.changes.retried.append(
            Retry(item.seq, attempts, time.time() + wait, outcome.reason or "It failed.")
        )

    def disable(self, hook: Hook, reason: str, sent: Pending | None = None) -> None:
        """Send nothing to a webhook anymore; what waits becomes dead letters.

        *sent* is the delivery that the target has answered, which counts as an attempt.
        """
        hook.webhook.disabled = reason
        hook.webhook.behind = None
        hook.dirty.clear()
        hook.is_changed = True
        self._outbox.changes.dead += [
            (item.seq, item.attempts + (item is sent), reason) for item in hook.take_all()
        ]
        hook.active.clear()
        self._on_disabled(hook)
        self._outbox.wake()

    def _give_up_old(self) -> None:
        before = time.monotonic() - MAX_AGE_S
        for hook in self._hooks:
            for item in hook.take_old(before):
                self._outbox.changes.dead.append((item.seq, item.attempts, TOO_OLD))
                self._outbox.wake()
