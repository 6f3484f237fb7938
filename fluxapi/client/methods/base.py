"""The connection that all methods of the client share, and job IDs in paths."""

from __future__ import annotations

from typing import Any

import msgspec

from fluxapi.client.errors import NotFound
from fluxapi.client.request import Query
from fluxapi.client.stream import Channel
from fluxapi.client.transport import Transport
from fluxapi.model import jobid

__all__ = ["MAX_IDS", "Ignored", "LogEntry", "Methods", "encode_id", "job_path", "not_found"]

Ignored = dict[str, Any]
"""The type of a response that says no more than its status."""


MAX_IDS = 10_000
"""IDs of jobs in one request."""


class Methods:
    """The base of each group of methods; ``AsyncClient`` sets its attributes."""

    _transport: Transport
    _heartbeat: float
    """Seconds of silence after which a stream reconnects."""

    def _channel(
        self, path: str, query: Query, *, cursor: str | None = None, resumes: bool = True
    ) -> Channel:
        return Channel(
            self._transport,
            path,
            query,
            cursor=cursor,
            resumes=resumes,
            heartbeat=self._heartbeat,
        )


class LogEntry(msgspec.Struct):
    """An entry of an eventlog (RFC 18)."""

    timestamp: float
    name: str
    context: dict[str, Any] | None = None


def encode_id(id: str | int) -> str:
    """Return a job ID in F58; raise ``NotFound`` for text that is no job ID of RFC 19."""
    try:
        return jobid.encode_f58(id if isinstance(id, int) else jobid.parse(id))
    except ValueError as error:
        reason = str(error)
    raise not_found(reason)


def job_path(id: str | int) -> str:
    """Return the path of a job; raise ``NotFound`` for text that is no job ID of RFC 19."""
    return f"/jobs/{encode_id(id)}"


def not_found(detail: str) -> NotFound:
    """Return the error for a job that does not exist."""
    return NotFound(404, "/docs/errors#job-not-found", "Job not found", detail)
