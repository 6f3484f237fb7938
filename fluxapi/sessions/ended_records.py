"""The data of the jobs of an instance that has ended, whose rows the service still has."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

from fluxapi.errors import InstanceEnded, JobNotFound
from fluxapi.instance.protocol import JobRecords, Last, LookupKey, OutputBatch
from fluxapi.model.eventlog import Event

__all__ = ["EndedRecords"]


class EndedRecords:
    """The data of the jobs of one instance, as far as *stored* has them.

    Methods raise ``InstanceEnded`` for the jobs that had not ended with their instance: nothing is
    stored of them.
    """

    def __init__(self, stored: JobRecords, path: str) -> None:
        self._stored = stored
        self._path = path

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        """Return the eventlog, jobspec or R of a job."""
        with self._told():
            return await self._stored.lookup(jobid, key)

    async def eventlog(self, jobid: int) -> list[Event]:
        """Return the events of a job."""
        with self._told():
            return await self._stored.eventlog(jobid)

    async def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        """Yield the output of a job."""
        with self._told():
            batches = self._stored.output(jobid, follow=follow, first=first, last=last)
            async with contextlib.aclosing(batches) as found:  # type: ignore[type-var]
                async for batch in found:
                    yield batch

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except JobNotFound:
            raise InstanceEnded(f"The instance {self._path} has ended.") from None
