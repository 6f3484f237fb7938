"""Reading from standard input while an event loop runs."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

__all__ = ["interruptible"]


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a read that blocks.

    While ``asyncio.run`` runs, Ctrl-C cancels the main task, which is noticed when it waits next:
    a read that blocks does not end. Here it raises ``KeyboardInterrupt``, unless it is ignored.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
