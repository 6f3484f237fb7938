"""Removes the temporary directories of jobs that have ended, in a thread of its own.

A job may leave millions of files, so this delays neither the start of other jobs nor the exit of
the service.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from functools import partial
from pathlib import Path

from .sweeper import remove_tree

__all__ = ["Remover"]

_log = logging.getLogger(__name__)

_TIMEOUT_S = 600.0
"""Time for one directory, in which a process that has escaped may go on creating files."""


class Remover:
    """The thread and its queue. The sweeper removes the rest when the instance ends."""

    def __init__(self) -> None:
        self._folders: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def remove(self, folder: Path) -> None:
        """Remove a directory soon."""
        self._folders.put(folder)
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="fluxapi-remove", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                # Jobs have all threads that the user may have; the next call tries again.
                _log.warning("no thread can be started: %s", error)
            else:
                self._thread = thread

    def close(self) -> None:
        """Remove nothing more."""
        self._closing.set()
        # Nothing, which ends the thread if it waits.
        self._folders.put(Path())

    def _run(self) -> None:
        while True:
            folder = self._folders.get()
            if self._closing.is_set():
                return
            try:
                remove_tree(str(folder), partial(self._is_over, time.monotonic() + _TIMEOUT_S))
            except Exception as error:  # noqa: BLE001 - the others must be removed, too
                if not self._closing.is_set():
                    _log.warning("the directory %s of a job is not removed: %s", folder, error)

    def _is_over(self, deadline: float) -> bool:
        return self._closing.is_set() or time.monotonic() > deadline
