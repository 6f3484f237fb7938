"""The port by which the tools reach the jobs of one instance, as far as the caller may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Found", "JobOutput", "Jobs", "Refused", "Submitted"]


class Refused(Exception):
    """A request that failed. ``str()`` is a sentence that tells what to do."""


@dataclass(frozen=True)
class Submitted:
    """A job that was submitted."""

    id: str
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Found:
    """Records of jobs, newest first, and whether more jobs match."""

    records: Sequence[Mapping[str, Any]]
    more: bool


@dataclass(frozen=True)
class JobOutput:
    """The end of an output, in the order in which it was written."""

    text: str
    files: Sequence[Mapping[str, Any]] = ()
    """The files that hold it, each with ``path``, and with ``unread`` if it was not read."""


class Jobs(Protocol):
    """The jobs of one instance. Every method raises :class:`Refused`."""

    async def submit(self, fields: Mapping[str, Any], key: str | None) -> Submitted:
        """Submit one job by the fields of ``schemas/submit.json``, once per *key*."""

    async def find(self, query: Mapping[str, Any]) -> Found:
        """Return the jobs that match the fields of ``schemas/jobs-query.json``."""

    async def record(self, id: str) -> Mapping[str, Any]:
        """Return the record of a job, as in ``schemas/job.json``."""

    async def output(self, id: str, lines: int, stream: str | None) -> JobOutput:
        """Return the last lines of the output of a job; *stream* limits it to one stream."""

    async def cancel(self, id: str, note: str | None) -> None:
        """Ask Flux to cancel a job."""
