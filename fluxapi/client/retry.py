"""Retries while the service does not answer, and the messages about them."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from . import backoff
from .errors import ClientError

__all__ = ["DEFAULT_TIMEOUT_S", "Failure", "OnWait", "RetryPolicy", "RetryState"]

_log = logging.getLogger("fluxapi.client")

DEFAULT_TIMEOUT_S = 60.0
"""Seconds for which requests, waits and streams are retried."""

_MAX_READ_TIMEOUT_S = 30.0
"""Seconds that the service may be silent in one request."""

_UNREPORTED_PAUSE_S = 1.0
"""Longest first pause that causes no message."""

OnWait = Callable[[str], object]
"""Called with a sentence when the client starts and stops waiting for the service."""


@dataclass(frozen=True)
class Failure:
    """An error, whether a retry may help, and the seconds that the service asked to wait."""

    error: ClientError
    retryable: bool = False
    retry_after: float | None = None
    silent: float = 0.0
    """Seconds for which the service had been silent before the failure was detected."""
    found_no_service: bool = False
    """Nothing has ever answered at the address."""
    reason: str = ""
    """The reason to wait, if the error text says more than that."""


class RetryPolicy:
    """The retry policy of a client: ``timeout`` seconds (``None``: forever), ``retries`` retries.

    Until the service has answered once, requests are retried for at most ``connect_timeout``
    seconds.
    ``on_wait`` is called with the reason to wait; default is the logger ``fluxapi.client``.
    """

    def __init__(
        self,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        retries: int | None = None,
        on_wait: OnWait | None = None,
        connect_timeout: float | None = None,
    ) -> None:
        for seconds in (timeout, connect_timeout):
            if seconds is not None and not seconds > 0:
                raise ValueError(
                    "timeout must be greater than 0; use retries=0 for a single attempt"
                )
        self.timeout = None if timeout is None or math.isinf(timeout) else timeout
        self.connect_timeout = connect_timeout
        self.retries = retries
        self.read_timeout = min(_MAX_READ_TIMEOUT_S, self.timeout or _MAX_READ_TIMEOUT_S)
        """Seconds that the service may be silent in one request."""
        self._on_wait = on_wait
        self._reasons: Counter[str] = Counter()

    def start(self, timeout: float | None = None) -> RetryState:
        """Return the retry state of one request or stream, for at most *timeout* seconds."""
        return RetryState(self, timeout)

    def report_wait(self, reason: str, left: float | None) -> None:
        """Report the reason to wait, unless another request has reported the same."""
        self._reasons[reason] += 1
        if self._reasons[reason] > 1:
            return
        end = "until it answers" if left is None else f"for {left:.0f} s"
        sentence = f"{reason} Retrying {end}."
        if self._on_wait is not None:
            self._on_wait(sentence)
        else:
            _log.warning("%s", sentence)

    def report_end(self, reason: str, *, answered: bool) -> None:
        """Remove the reason to wait, and report when the service answers again."""
        self._reasons[reason] -= 1
        if self._reasons[reason]:
            return
        del self._reasons[reason]
        if not answered:
            return
        if self._on_wait is not None:
            self._on_wait("The service answers again.")
        else:
            _log.info("The service answers again.")


class RetryState:
    """The retry state of one request, or of one stream since its last message."""

    def __init__(self, policy: RetryPolicy, timeout: float | None) -> None:
        self._policy = policy
        self._timeout = policy.timeout if timeout is None else timeout
        self._failures = 0
        self._failing_since = 0.0
        self._paused = 0.0
        self._reported: str | None = None

    def reset(self) -> None:
        """Reset the state after an answer: the next failure counts as the first."""
        self._failures = 0
        self._end(answered=True)

    def extend(self) -> None:
        """Begin the timeout anew after an answer that was a success in part."""
        self._failures = 0

    async def wait(self, failure: Failure) -> None:
        """Sleep until the next attempt; raise the error if there is none."""
        now = time.monotonic()
        if not self._failures:
            self._failing_since, self._paused = now - failure.silent, 0.0
        self._failures += 1
        left = self._left(now, failure)
        retries = self._policy.retries
        spent = left is not None and left <= 0
        if not failure.retryable or spent or (retries is not None and self._failures > retries):
            self._end(answered=False)
            raise failure.error
        if failure.retry_after == 0.0 and self._failures == 1:
            return
        pause = backoff.delay(self._failures, failure.retry_after)
        if left is not None:
            # The last attempt is at the end of the timeout, not before.
            pause = min(pause, left)
        if self._reported is None and (self._failures > 1 or pause > _UNREPORTED_PAUSE_S):
            self._reported = failure.reason or str(failure.error)
            self._policy.report_wait(self._reported, left)
        self._paused += pause
        try:
            await backoff.pause(pause)
        except BaseException:
            self._end(answered=False)
            raise

    def _left(self, now: float, failure: Failure) -> float | None:
        timeout, first = self._timeout, self._policy.connect_timeout
        if failure.found_no_service and first is not None:
            timeout = first if timeout is None else min(first, timeout)
        if timeout is None:
            return None
        return timeout - max(now - self._failing_since, self._paused)

    def _end(self, *, answered: bool) -> None:
        reported, self._reported = self._reported, None
        if reported is not None:
            self._policy.report_end(reported, answered=answered)
