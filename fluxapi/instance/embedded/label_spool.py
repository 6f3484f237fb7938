"""Writes labeled lines to the output files of jobs, each file by itself.

A job names the file, which may be on a file server that does not answer. So a file delays neither
the others, nor the logs of jobs, nor the end of the service. A thread that is stuck keeps its
place, so each file system has places of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from fluxapi.process.daemon_threads import DaemonThreads

from .files import LabeledFile

__all__ = ["LabelSpool"]

_log = logging.getLogger(__name__)

_MAX_THREADS = 32
"""Files of one file system that are written at the same time."""

RETRY_PAUSE_S = 1.0
"""Pause after no thread could be started."""


@dataclass(slots=True)
class _Work:
    """The data that waits for one file, and the task that writes it in one of *threads*."""

    threads: DaemonThreads
    data: bytearray = field(default_factory=bytearray)
    written: Callable[[], object] | None = None
    closed: Callable[[], object] | None = None
    task: asyncio.Task[None] | None = None


class LabelSpool:
    """A writer of labeled files."""

    def __init__(self) -> None:
        self._threads: WeakValueDictionary[int, DaemonThreads] = WeakValueDictionary()
        """Those of each file system to which something is written."""
        self._work: dict[LabeledFile, _Work] = {}

    def write(self, file: LabeledFile, data: bytes, written: Callable[[], object]) -> None:
        """Append *data* to a file; *written* is called when it has caught up."""
        work = self._begin(file)
        work.data += data
        work.written = written
        file.unwritten += len(data)

    def close(self, file: LabeledFile, closed: Callable[[], object] = lambda: None) -> None:
        """Close a file once all its lines are written, and then call *closed*."""
        self._begin(file).closed = closed

    async def settle(self, timeout: float | None = None) -> None:
        """Wait until all earlier data is written, or for *timeout* seconds."""
        tasks = [work.task for work in self._work.values() if work.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout)
            for task in late:
                task.cancel()

    def _begin(self, file: LabeledFile) -> _Work:
        work = self._work.get(file)
        if work is None:
            work = self._work[file] = _Work(self._threads_of(file))
            work.task = asyncio.create_task(self._run(file, work), name="labeled output")
        return work

    def _threads_of(self, file: LabeledFile) -> DaemonThreads:
        threads = self._threads.get(file.device)
        if threads is None:
            threads = DaemonThreads("fluxapi-label", _MAX_THREADS)
            self._threads[file.device] = threads
        return threads

    async def _run(self, file: LabeledFile, work: _Work) -> None:
        try:
            while work.data or work.closed is not None:
                if work.data:
                    await self._append(file, work)
                else:
                    await self._close(file, work)
        finally:
            del self._work[file]

    async def _do(
        self, threads: DaemonThreads, function: Callable[..., None], *arguments: object
    ) -> None:
        """Call a function in a thread, as soon as there can be one."""
        while True:
            try:
                await threads.run(None, function, *arguments)
            except RuntimeError as error:  # noqa: PERF203 - it seldom fails
                # Jobs have all threads that the user may have.
                _log.warning("no thread can be started: %s", error)
                await asyncio.sleep(RETRY_PAUSE_S)
            else:
                return

    async def _append(self, file: LabeledFile, work: _Work) -> None:
        data, work.data = work.data, bytearray()
        try:
            await self._do(work.threads, file.append, data)
        except Exception as error:  # noqa: BLE001 - the file of one job is not that of another
            _lost(file, error)
        finally:
            file.unwritten -= len(data)
            if work.written is not None:
                work.written()

    async def _close(self, file: LabeledFile, work: _Work) -> None:
        closed, work.closed = work.closed, None
        try:
            await self._do(work.threads, file.close)
        except Exception as error:  # noqa: BLE001 - as above
            _lost(file, error)
        finally:
            if closed is not None:
                # It ends the job, whose failure is not one of the file.
                asyncio.get_running_loop().call_soon(closed)


def _lost(file: LabeledFile, error: Exception) -> None:
    reason = error.strerror if isinstance(error, OSError) else repr(error)
    _log.error("output is lost: %s: %s", file.path, reason)
