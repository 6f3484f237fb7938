"""The end of the process if it does not end by itself in time."""

from __future__ import annotations

import logging
import os
import threading
import time

__all__ = ["ForcedEnd"]

_log = logging.getLogger(__name__)


class ForcedEnd:
    """A thread that ends the process *seconds* after :meth:`begin`, even if others are stuck.

    It starts at once, since jobs may have all threads of the user when it is needed.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._status = 0
        self._has_begun = threading.Event()
        threading.Thread(target=self._run, name="fluxapi-end", daemon=True).start()

    def begin(self, status: int) -> None:
        """Count the seconds from now on; the process then ends with *status*."""
        self._status = status
        self._has_begun.set()

    def _run(self) -> None:
        self._has_begun.wait()
        time.sleep(self._seconds)
        _log.warning(
            "the service did not stop within %g s (--shutdown-timeout); "
            "it exits without closing the rest",
            self._seconds,
        )
        os._exit(self._status)
