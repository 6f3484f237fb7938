"""A task that stores, as soon as it can, what the history lacks."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque

from fluxapi.errors import InstanceUnavailable
from fluxapi.process.background import BackgroundTask

from .writer import ArchiveWriter

__all__ = ["CatchUpTask"]

_MAX_NOTED = 1000
"""Single jobs that are noted; beyond, all jobs are compared with the history."""

_MAX_FAILURES = 8
"""Jobs in a row that Flux does not answer for, after which it is not asked for others."""

_RETRY_S = 5.0
_FLUSH_TIMEOUT_S = 30.0


class CatchUpTask(BackgroundTask):
    """A task that works whenever jobs are noted, and compares all jobs after a failure.

    It compares all jobs, too, when the writer takes jobs again after some were not taken.

    Attributes:
        is_idle: Set while nothing is known to be missing.
    """

    def __init__(self, name: str, writer: ArchiveWriter) -> None:
        super().__init__(name)
        self._writer = writer
        self._noted: deque[int] = deque()
        self._compares_all = False
        self._after = -1
        """The place after which the next comparison begins: the last one that this one came to."""
        self._failures = 0
        self._failure: InstanceUnavailable | None = None
        self._wake = asyncio.Event()
        self.is_idle = asyncio.Event()
        self.is_idle.set()
        self._loop = asyncio.get_running_loop()

    def note(self, jobid: int | None) -> None:
        """Note a job that may not be stored as a whole; ``None``: compare all jobs."""
        if jobid is None or len(self._noted) >= _MAX_NOTED:
            self._compares_all = True
        else:
            self._noted.append(jobid)
        self.is_idle.clear()
        self._wake.set()

    def retry(self) -> None:
        """Compare all jobs, since the writer takes jobs again. Any thread may call this."""
        self._loop.call_soon_threadsafe(self.note, None)

    async def run(self) -> None:
        """Store what is missing whenever something is."""
        self._writer.register(self.retry)
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._failures, self._failure = 0, None
                if not await self._catch_up():
                    self._compares_all = True
                    self._wake.set()
                    await asyncio.sleep(_RETRY_S)
                elif not self._wake.is_set():
                    self.is_idle.set()
        finally:
            self._writer.forget(self.retry)

    @abstractmethod
    async def _catch_up(self) -> bool:
        """Store what is missing; return false if it has to be tried again."""

    def _answered(self) -> None:
        """Note that Flux has answered for a job."""
        self._failures = 0

    def _pass_over(self, failure: InstanceUnavailable) -> None:
        """Note that Flux does not answer for a job, and raise the error if it answers for none.

        A job can write something into its part of the KVS that Flux cannot send. It must not keep
        the others from being stored, however many there are of them: the next comparison begins
        behind those that have failed.
        """
        self._failure = failure
        self._failures += 1
        if self._failures >= _MAX_FAILURES:
            raise failure

    def _raise_failure(self) -> None:
        """Raise the error of a job that was passed over, so that it is tried again."""
        if self._failure is not None:
            raise self._failure

    async def _flush(self) -> bool:
        """Wait until the writer has written all that it has taken."""
        return await self._loop.run_in_executor(None, self._writer.flush, _FLUSH_TIMEOUT_S)
