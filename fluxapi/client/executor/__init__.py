"""Futures for jobs: ``FluxExecutor`` has the interface of ``flux.job.FluxExecutor``."""

from __future__ import annotations

from .errors import JobExceptionError, SubmitError
from .executor import FluxExecutor
from .future import EVENTS, FluxExecutorFuture
from .jobid import JobID

__all__ = [
    "EVENTS",
    "FluxExecutor",
    "FluxExecutorFuture",
    "JobExceptionError",
    "JobID",
    "SubmitError",
]
