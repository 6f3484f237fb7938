"""Handlers of SIGTERM, SIGINT and SIGHUP, from the start of the service to its exit.

This module is imported first, and a signal that comes earlier ends the process with a status of its
own. So it imports only ``os`` and ``signal``.

Before the event loop runs there is nothing to close: the process exits with 0 at once. Once the
event loop runs, the service is notified instead. During shutdown the signals are ignored, since a
second one must not change the exit status.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False  # ``typing`` takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["SIGNALS", "hold", "ignore", "install", "tell"]

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that stop the service. A broker that shuts down sends SIGHUP to its initial program."""


def install() -> None:
    """Exit with 0 on each of the signals, including one that was held; call this early."""
    tell(_exit)


def tell(stop: Callable[[], object], hang_up: Callable[[], object] | None = None) -> None:
    """Call *stop* in the main thread on each of the signals, and *hang_up* on SIGHUP if given."""

    def handle(signum: int, _frame: FrameType | None) -> None:
        (hang_up if hang_up is not None and signum == signal.SIGHUP else stop)()

    for signum in SIGNALS:
        # Keep SIGHUP ignored under nohup.
        if signum != signal.SIGHUP or signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, handle)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def hold() -> None:
    """Block the signals until the next :func:`install`, also across ``exec``."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def ignore() -> None:
    """Ignore the signals until the process exits."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def _exit() -> None:
    os._exit(0)
