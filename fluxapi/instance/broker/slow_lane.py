"""Submissions that occupy Flux for long: one at a time, with time for others after each.

Flux processes a jobspec of megabytes, or one of hundreds of dependencies, in up to a second, and
answers few others meanwhile. Several in one batch take longer than one by one. The scheduler
evaluates a constraint after the answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain

from .calls import Submissions

__all__ = ["SlowLane"]

_MIN_WEIGHT = 256
"""Weight of a heavy job: half a megabyte, or 32 dependencies."""

_MAX_PAUSE_S = 5.0
"""Limit of the time after a heavy job; its answer may have been late for another reason."""


_BYTES_PER_S = 16 << 20
"""Bytes of a jobspec that Flux processes in a second."""


class SlowLane:
    """The batches whose next job is heavy, by client; clients take turns.

    One heavy job is with Flux at a time. After its answer, others have as long as it took, or as
    its work takes by its size.
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[Submissions]] = {}
        self._tag = 0
        self._sent_at = 0.0
        self._work_s = 0.0
        self._due = 0.0

    def __iter__(self) -> Iterator[Submissions]:
        return chain.from_iterable(self._queues.values())

    def takes(self, batch: Submissions) -> bool:
        """Return whether the next job of a batch is heavy; if so, keep the batch."""
        is_heavy = batch.weight(batch.sent) >= _MIN_WEIGHT
        if is_heavy:
            self._queues.setdefault(batch.client, deque()).append(batch)
        return is_heavy

    def pop(self, now: float) -> Submissions | None:
        """Return the batch whose next job is to be sent, if one may be sent now."""
        if not self._queues or self._wait_s(now) > 0:
            return None
        client = next(iter(self._queues))
        queue = self._queues.pop(client)
        batch = queue.popleft()
        if queue:
            # The others are before it now.
            self._queues[client] = queue
        return batch

    def note_sent(self, tag: int, size: int, now: float) -> None:
        """Note that the heavy job of the batch from :meth:`pop` is sent, and its size."""
        self._tag, self._sent_at = tag, now
        self._work_s = size / _BYTES_PER_S

    def note_answer(self, tag: int, now: float) -> None:
        """Note that Flux has answered a request."""
        if self._tag == tag:
            self._tag = 0
            self._due = now + min(max(now - self._sent_at, self._work_s), _MAX_PAUSE_S)

    def next_time(self) -> float | None:
        """Return when the next heavy job may be sent, if one waits for that time only."""
        return self._due if self._queues and not self._tag else None

    def clear(self) -> None:
        """Forget all batches, and the job that is with Flux."""
        self._queues.clear()
        self._tag = 0

    def _wait_s(self, now: float) -> float:
        return 1.0 if self._tag else self._due - now
