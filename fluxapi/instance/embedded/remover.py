"""Removes the temporary directories of jobs that have ended, in a thread of its own.

A job may leave millions of files, so this delays neither the start of other jobs nor the exit of
the service. Most directories are empty; the threads that create others remove them, too, since
removals and creations by two threads at a time wait for each other.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from functools import partial
from pathlib import Path

from .sweeper import remove_tree

__all__ = ["Remover"]

_log = logging.getLogger(__name__)

_PAUSE_S = 0.05
"""Time in which directories gather, since a wake-up of the thread costs more than their removal."""

_MOST_EMPTY = 16
"""Directories that one call looks at."""

_TIMEOUT_S = 600.0
"""Time for one directory, in which a process that has escaped may go on creating files."""


class Remover:
    """The thread and its queue. The sweeper removes the rest when the instance ends."""

    def __init__(self) -> None:
        self._folders: queue.SimpleQueue[tuple[Path, bool]] = queue.SimpleQueue()
        """Directories, and whether each is known not to be empty."""
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def remove(self, folder: Path) -> None:
        """Remove a directory soon."""
        self._folders.put((folder, False))
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="fluxapi-remove", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                # Jobs have all threads that the user may have; the next call tries again.
                _log.warning("no thread can be started: %s", error)
            else:
                self._thread = thread

    def remove_empty(self) -> None:
        """Remove some of the empty directories now; this does not wait."""
        for _ in range(min(self._folders.qsize(), _MOST_EMPTY)):
            try:
                folder, is_full = self._folders.get_nowait()
            except queue.Empty:
                return
            if not is_full:
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    continue
                except OSError:
                    is_full = True
            if is_full:
                self._folders.put((folder, True))

    def close(self) -> None:
        """Remove nothing more."""
        self._closing.set()
        # Nothing, which ends the thread if it waits.
        self._folders.put((Path(), True))

    def _run(self) -> None:
        while True:
            folders = [self._folders.get()]
            if self._closing.wait(_PAUSE_S):
                return
            with contextlib.suppress(queue.Empty):
                folders += (self._folders.get_nowait() for _ in range(self._folders.qsize()))
            for folder, _ in folders:
                self._remove(folder)

    def _remove(self, folder: Path) -> None:
        try:
            remove_tree(str(folder), partial(self._is_over, time.monotonic() + _TIMEOUT_S))
        except Exception as error:  # noqa: BLE001 - the others must be removed, too
            if not self._closing.is_set():
                _log.warning("the directory %s of a job is not removed: %s", folder, error)

    def _is_over(self, deadline: float) -> bool:
        return self._closing.is_set() or time.monotonic() > deadline
