"""Functions of ``flux.job`` that list jobs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fluxapi.cli.field_values import Empty
from fluxapi.cli.fields import JobFields, heading
from fluxapi.client import NotFound
from fluxapi.client.executor import JobID
from fluxapi.client.job import Job

from .constants import FLUX_USERID_UNKNOWN, RESULTS, STATES
from .errors import as_os_errors, not_there
from .futures import Future
from .handle import Flux

__all__ = ["JobInfo", "JobList", "get_job", "job_list", "job_list_id", "job_list_inactive"]

_ALL = ("all",)


class Missing(Empty):
    """An annotation that a job does not have; so are the members of it."""

    def __repr__(self) -> str:
        return ""

    def __getattr__(self, name: str) -> Missing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


class Annotations:
    """Annotations, or a part of them, whose members are attributes."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members

    def __repr__(self) -> str:
        return json.dumps(self._members) if self._members else ""

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = self._members.get(name, Missing())
        return Annotations(value) if isinstance(value, Mapping) else value


class ExceptionInfo(NamedTuple):
    """The exception of a job that has ended; without one, all but the first value are empty."""

    occurred: bool = False
    severity: int | str = ""
    type: str = ""
    note: str = ""


class JobInfo:
    """A job whose attributes are the fields of ``flux jobs -o``."""

    def __init__(self, job: Job) -> None:
        self._fields = JobFields(job, time.time())
        self.id = JobID(job.id)

    @property
    def annotations(self) -> Annotations:
        """The annotations of the job and its scheduler, with the address of its instance."""
        job = self._fields.job
        members = dict(job.annotations or {})
        if job.uri:
            members["user"] = {**members.get("user", {}), "uri": job.uri}
        return Annotations(members)

    @property
    def sched(self) -> Any:
        """The annotations of the scheduler."""
        return self.annotations.sched

    @property
    def user(self) -> Any:
        """The annotations of the user."""
        return self.annotations.user

    @property
    def exception(self) -> ExceptionInfo:
        """The exception of the job."""
        found = self._fields.to_dict()["exception"]
        return ExceptionInfo(**{name: it for name, it in found.items() if it is not None})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or heading(name) is None:
            raise AttributeError(name)
        return self._fields.get(name)

    def to_dict(self, filtered: bool = True) -> dict[str, Any]:  # noqa: ARG002 - as in Flux
        """Return the record of ``flux jobs --json``."""
        return self._fields.to_dict()


class JobsFuture(Future[dict[str, Any]]):
    """The future of a list of jobs."""

    def __init__(self, flux_handle: Flux, attrs: Sequence[str], filter: dict[str, Any]) -> None:
        limit = filter.pop("limit")
        self.found: list[Job] = []

        def call() -> dict[str, Any]:
            self.found = list(flux_handle.client.jobs(limit=limit, **filter))
            return {"jobs": [_record(job, attrs) for job in self.found]}

        super().__init__(call)

    def get_jobs(self) -> list[dict[str, Any]]:
        """Return the records."""
        jobs: list[dict[str, Any]] = self.get()["jobs"]
        return jobs

    def get_jobinfos(self) -> list[JobInfo]:
        """Return the jobs."""
        self.get()
        return [JobInfo(job) for job in self.found]


def job_list(
    flux_handle: Flux,
    max_entries: int = 1000,
    attrs: Sequence[str] = _ALL,
    userid: int = FLUX_USERID_UNKNOWN,
    states: int = 0,
    results: int = 0,
    since: float = 0.0,
    name: str | None = None,
    queue: str | None = None,
    constraint: Any = None,
) -> JobsFuture:
    """List jobs, newest first; by default those of all users.

    Unlike in Flux, *since* is when jobs were submitted, and *constraint* is not there.
    """
    if constraint is not None:
        raise not_there("the constraint of job_list")
    if queue is not None and not isinstance(queue, str):
        raise not_there("job_list with several queues")
    filter: dict[str, Any] = {"limit": max_entries or None, "name": name, "queue": queue}
    filter |= {"state": _named(STATES, states), "result": _named(RESULTS, results)}
    if userid != FLUX_USERID_UNKNOWN:
        filter["user"] = userid
    if since:
        filter["since"] = since
    given = {name: value for name, value in filter.items() if value not in (None, [])}
    return JobsFuture(flux_handle, attrs, {"limit": None, **given})


def job_list_inactive(flux_handle: Flux, **filter: Any) -> JobsFuture:
    """List inactive jobs, newest first; the arguments are those of ``job_list``."""
    return job_list(flux_handle, states=STATES["INACTIVE"], **filter)


def job_list_id(
    flux_handle: Flux, jobid: int | str, attrs: Sequence[str] = _ALL
) -> Future[dict[str, Any]]:
    """Return the future of the record of one job."""
    return Future(lambda: {"job": _record(flux_handle.client.get(JobID(jobid)), attrs)})


def get_job(flux_handle: Flux, jobid: int | str) -> dict[str, Any] | None:
    """Return the record of ``flux jobs --json``, or ``None`` if there is no such job."""
    with as_os_errors():
        try:
            return JobInfo(flux_handle.client.get(JobID(jobid))).to_dict()
        except NotFound:
            return None


class JobList:
    """A list of jobs by ID, or of jobs that match filters."""

    def __init__(
        self,
        flux_handle: Flux,
        attrs: Sequence[str] = _ALL,
        filters: Iterable[str] = (),
        ids: Iterable[int | str] = (),
        user: str | None = None,
        max_entries: int = 1000,
        since: float = 0.0,
        name: str | None = None,
        queue: str | None = None,
    ) -> None:
        self._handle = flux_handle
        self._ids = [JobID(jobid) for jobid in ids]
        words = [word.upper() for word in filters]
        self._filter: dict[str, Any] = {
            "state": [word for word in words if word not in RESULTS],
            "result": [word for word in words if word in RESULTS],
            "user": None if user == "all" else user,
            "since": since or None,
            "name": name,
            "queue": queue,
        }
        self._limit = max_entries or None
        self._attrs = attrs
        self.errors: list[str] = []

    def jobs(self) -> list[JobInfo]:
        """Return the jobs; ``errors`` tells of unknown IDs."""
        with as_os_errors():
            if self._ids:
                found = self._handle.client.get_many(self._ids)
                self.errors = [f"JobID {jobid} unknown" for jobid in found.unknown]
                return [JobInfo(job) for job in found.jobs]
            given = {name: value for name, value in self._filter.items() if value}
            return [JobInfo(job) for job in self._handle.client.jobs(limit=self._limit, **given)]


def _named(numbers: dict[str, int], mask: int) -> list[str]:
    return [name for name, number in numbers.items() if mask & number]


def _record(job: Job, attrs: Sequence[str]) -> dict[str, Any]:
    """Return a job as the RPC ``job-list.list`` does, with states and results as numbers."""
    whole = job.to_dict()
    if job.result:
        whole["result"] = RESULTS.get(job.result, 0)
    whole["state"] = STATES.get(job.state, 0)
    number = JobID(job.id)
    kept = whole if "all" in attrs else {n: v for n, v in whole.items() if n in attrs}
    return {**kept, "id": int(number)}
