"""Warnings of events that break RFC 21 or RFC 20."""

from __future__ import annotations

import logging
import time

from fluxapi.model.eventlog import Event
from fluxapi.process.tracebacks import drop_tracebacks

__all__ = ["BadEvents"]

_log = logging.getLogger(__name__)

_WARNING_INTERVAL_S = 10.0
"""Seconds between two warnings; a user can cause any number of bad events."""


class BadEvents:
    """The bad events of a table: some are logged, the others are counted."""

    def __init__(self) -> None:
        self._warned = float("-inf")
        self._unwarned = 0

    def warn(self, jobid: int, event: Event, reason: Exception | str) -> None:
        """Log why an event is bad, unless another bad event was logged a moment ago.

        The frames of an error refer to it and to the event, so its tracebacks are dropped.
        """
        if isinstance(reason, Exception):
            drop_tracebacks(reason)
        now = time.monotonic()
        if now - self._warned < _WARNING_INTERVAL_S:
            self._unwarned += 1
            return
        _log.warning(
            "journal: job %d: bad %s event: %.200s (and %d more bad events before it)",
            jobid,
            event.name,
            reason if isinstance(reason, str) else repr(reason),
            self._unwarned,
        )
        self._warned, self._unwarned = now, 0
