"""Typed clients of fluxapi: ``AsyncClient``, and ``Client`` with the same methods without await.

::

    from fluxapi.client import Client

    with Client() as flux:
        job = flux.wait(flux.submit("hostname"))
        print(job, flux.output(job.id).stdout)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
from .group import Group
from .instances import InstanceChange
from .job import Job, JobException, JobHistory, JobLine, JobList
from .options import (
    BatchOptions,
    EventFilter,
    JobFilter,
    ListFilter,
    StreamFilter,
    SubmitOptions,
    Urgency,
)
from .output import OmittedOutput, Output, OutputEntry, OutputLine
from .results import (
    AccessToken,
    CancelResult,
    CheckedJob,
    CollectedJob,
    Dependencies,
    EndedJobs,
    FoundJobs,
    IssuedToken,
    JobFinding,
    Link,
    LinkedJob,
    Scope,
    Template,
    TemplateEntry,
    Token,
)
from .stats import Stats
from .watch import JobChange, JobsWatch
from .webhook import CreatedWebhook, DeadLetter, Webhook, WebhookKind, WebhookTest

if TYPE_CHECKING:
    from .executor import FluxExecutor, FluxExecutorFuture, JobExceptionError, SubmitError
    from .sync import Client, SyncEventStream, SyncJobsWatch

__all__ = [
    "AccessToken",
    "AsyncClient",
    "BadAnswer",
    "BatchOptions",
    "BulkItem",
    "CancelResult",
    "CheckedJob",
    "Client",
    "ClientError",
    "CollectedJob",
    "Config",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "CreatedWebhook",
    "DeadLetter",
    "Dependencies",
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
    "JobFinding",
    "JobHistory",
    "JobLine",
    "JobList",
    "JobsWatch",
    "Link",
    "LinkedJob",
    "ListFilter",
    "NotFound",
    "OmittedOutput",
    "Output",
    "OutputEntry",
    "OutputLine",
    "ProblemError",
    "Reset",
    "Scope",
    "Stats",
    "StreamFilter",
    "SubmitError",
    "SubmitOptions",
    "SyncEventStream",
    "SyncJobsWatch",
    "Template",
    "TemplateEntry",
    "Token",
    "TooLarge",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "Urgency",
    "Webhook",
    "WebhookKind",
    "WebhookTest",
    "config_path",
    "read_config",
]

_LATER = {
    "Client": "sync",
    "SyncEventStream": "sync",
    "SyncJobsWatch": "sync",
    "FluxExecutor": "executor",
    "FluxExecutorFuture": "executor",
    "JobExceptionError": "executor",
    "SubmitError": "executor",
}
"""The modules of names that are loaded when they are used: few programs use both of them."""


def __getattr__(name: str) -> Any:
    """Return a name of a module that is loaded now."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_LATER[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return all names, also those that are not loaded yet."""
    return sorted({*globals(), *__all__})
