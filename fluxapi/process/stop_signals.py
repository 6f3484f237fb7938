"""SIGTERM, SIGINT and SIGHUP as requests to end the service, from its first moment to its last.

A process that is asked to end before it has begun has nothing to close: it exits with 0 at once.
Once the event loop runs, the service is told instead. While the process ends, the signals are
ignored, since a second one must not change the exit status.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

__all__ = ["SIGNALS", "hold", "ignore", "install", "tell"]

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that end the service. A broker that is to end sends SIGHUP to its initial program."""


def install() -> None:
    """Exit with 0 at each of the signals, also at one that was held; call this early."""
    tell(_exit)


def tell(stop: Callable[[], object]) -> None:
    """Call *stop* at each of the signals, in the main thread."""

    def handle(_signum: int, _frame: FrameType | None) -> None:
        stop()

    for signum in SIGNALS:
        # nohup ignores SIGHUP, and that is to stay so.
        if signum != signal.SIGHUP or signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, handle)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def hold() -> None:
    """Keep the signals back until the next :func:`install`, across a start of another program."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def ignore() -> None:
    """Ignore the signals until the process has ended."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def _exit() -> None:
    os._exit(0)
