"""The state of a shutdown: whether it has begun, the time that is left, what it interrupts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Shutdown"]

_REQUESTS_SHARE = 0.4
"""Share of the time for requests in flight; the rest is for jobs and connections."""

_RESERVE_SHARE = 0.1
"""Share of the time that is reserved for the steps after the instance has closed."""


class Shutdown:
    """The shutdown timeout, counted from :meth:`begin`, divided among the steps of a shutdown."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._began: float | None = None
        self._interrupts: dict[Callable[[], object], None] = {}

    @property
    def has_begun(self) -> bool:
        """Return whether the service is shutting down."""
        return self._began is not None

    @property
    def requests_timeout(self) -> float:
        """Return the seconds for requests in flight."""
        return self.timeout * _REQUESTS_SHARE

    @property
    def instance_timeout(self) -> float:
        """Return the seconds that the instance has to close if it starts now."""
        reserve = self.timeout * _RESERVE_SHARE
        spent = 0.0 if self._began is None else time.monotonic() - self._began
        return max(self.timeout - spent - reserve, reserve)

    def begin(self) -> None:
        """Start the clock and interrupt everything that waits; may be called again."""
        if self._began is None:
            self._began = time.monotonic()
        for interrupt in list(self._interrupts):
            interrupt()

    @contextmanager
    def interrupts(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """Call *interrupt* if a shutdown begins within the context, or at once if one has begun."""
        if self.has_begun:
            interrupt()
        self._interrupts[interrupt] = None
        try:
            yield
        finally:
            self._interrupts.pop(interrupt, None)
