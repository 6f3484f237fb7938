"""The end of the service: when it was asked for, how much time is left, what it interrupts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Shutdown"]

_REQUESTS_SHARE = 0.4
"""Share of the time that requests in flight have; the rest is for jobs and connections."""

_RESERVE_SHARE = 0.1
"""Share of the time that is kept for what comes after the instance."""


class Shutdown:
    """Divides *timeout* seconds, counted from :meth:`begin`, among the steps of a shutdown."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._began: float | None = None
        self._interrupts: dict[Callable[[], object], None] = {}

    @property
    def has_begun(self) -> bool:
        """Whether the service is ending."""
        return self._began is not None

    @property
    def requests_timeout(self) -> float:
        """Seconds that requests in flight have."""
        return self.timeout * _REQUESTS_SHARE

    @property
    def instance_timeout(self) -> float:
        """Seconds that the instance has to close, if it begins now."""
        reserve = self.timeout * _RESERVE_SHARE
        spent = 0.0 if self._began is None else time.monotonic() - self._began
        return max(self.timeout - spent - reserve, reserve)

    def begin(self) -> None:
        """Start the clock and interrupt what would wait for longer; may be called again."""
        if self._began is None:
            self._began = time.monotonic()
        for interrupt in list(self._interrupts):
            interrupt()

    @contextmanager
    def interrupts(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """Call *interrupt* when the service ends while the context lasts, or at once if it does."""
        if self.has_begun:
            interrupt()
        self._interrupts[interrupt] = None
        try:
            yield
        finally:
            self._interrupts.pop(interrupt, None)
