"""The jobs of an instance that only the history has."""

from __future__ import annotations

from collections.abc import Callable

from fluxapi.archive.listing import Listing
from fluxapi.archive.query import ArchivedJob
from fluxapi.archive.stored_records import StoredRecords
from fluxapi.errors import JobNotFound, NotSupported
from fluxapi.model.jobid import parse
from fluxapi.model.message import problem
from fluxapi.table.table import Table

__all__ = ["NONE_KEPT", "PastJobs"]

NONE_KEPT = (
    "The service keeps no history of past jobs; start it with --statedir, and without --no-history."
)


class PastJobs:
    """The past jobs of one session.

    Attributes:
        stored: Reads the jobs of the instance in the history; ``None`` if there is no history.
    """

    def __init__(self, table: Table, encode: Callable[[int], bytes]) -> None:
        self._table = table
        self._encode = encode
        self.stored: StoredRecords | None = None

    @property
    def records(self) -> StoredRecords:
        """Return the reader of the history.

        Raises:
            NotSupported: No history is kept.
        """
        if self.stored is None:
            raise NotSupported(NONE_KEPT)
        return self.stored

    def listing(self) -> Listing:
        """Return the lists of the jobs of the instance with those of the history.

        Raises:
            NotSupported: No history is kept.
        """
        return Listing(self._table, self._encode, self.records)

    async def find(self, text: str) -> ArchivedJob:
        """Return the job of the history whose ID, in any form of RFC 19, is *text*.

        Raises:
            JobNotFound: There is none.
            HistoryUnavailable: The history cannot be read.
        """
        try:
            jobid = parse(text)
        except ValueError:
            raise JobNotFound(problem("not_a_job_id", id=text[:64])) from None
        found = None if self.stored is None else await self.stored.find(jobid)
        if found is None:
            raise JobNotFound(problem("no_job", job=text[:64]))
        return found
