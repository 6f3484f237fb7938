"""Typed clients of fluxapi: ``AsyncClient``, and ``Client`` with the same methods without await.

::

    from fluxapi.client import Client

    with Client() as flux:
        job = flux.wait(flux.submit("hostname"))
        print(job, flux.output(job.id).stdout)
"""

from __future__ import annotations

from .aio import AsyncClient
from .config import Config, config_path, read_config
from .errors import (
    BadAnswer,
    BulkItem,
    ClientError,
    ConfigError,
    Conflict,
    ConnectionFailed,
    EventsLost,
    Invalid,
    NotFound,
    ProblemError,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from .event import Event, Reset
from .events import EventStream
from .executor import FluxExecutor, FluxExecutorFuture, JobExceptionError, SubmitError
from .group import Group
from .instances import InstanceChange
from .job import Job, JobException, JobList
from .options import (
    BatchOptions,
    EventFilter,
    JobFilter,
    ListFilter,
    StreamFilter,
    SubmitOptions,
    Urgency,
)
from .output import Output, OutputEntry
from .results import (
    AccessToken,
    CancelResult,
    CollectedJob,
    EndedJobs,
    FoundJobs,
    IssuedToken,
    Scope,
    Token,
)
from .stats import Stats
from .sync import Client, SyncEventStream, SyncJobsWatch
from .watch import JobChange, JobsWatch

__all__ = [
    "AccessToken",
    "AsyncClient",
    "BadAnswer",
    "BatchOptions",
    "BulkItem",
    "CancelResult",
    "Client",
    "ClientError",
    "CollectedJob",
    "Config",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "EndedJobs",
    "Event",
    "EventFilter",
    "EventStream",
    "EventsLost",
    "FluxExecutor",
    "FluxExecutorFuture",
    "FoundJobs",
    "Group",
    "InstanceChange",
    "Invalid",
    "IssuedToken",
    "Job",
    "JobChange",
    "JobException",
    "JobExceptionError",
    "JobFilter",
    "JobList",
    "JobsWatch",
    "ListFilter",
    "NotFound",
    "Output",
    "OutputEntry",
    "ProblemError",
    "Reset",
    "Scope",
    "Stats",
    "StreamFilter",
    "SubmitError",
    "SubmitOptions",
    "SyncEventStream",
    "SyncJobsWatch",
    "Token",
    "TooLarge",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "Urgency",
    "config_path",
    "read_config",
]
