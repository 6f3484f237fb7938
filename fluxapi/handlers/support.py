"""What handlers share: JSON answers, the job that a path names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from fluxapi import keys
from fluxapi.errors import InstanceUnavailable, JobNotFound
from fluxapi.model import jobid
from fluxapi.model.job import Job

__all__ = ["job_of", "json_bytes", "read_id", "reply"]

_encoder = msgspec.json.Encoder()


def json_bytes(data: Any) -> bytes:
    """``data`` as JSON."""
    return _encoder.encode(data)


def reply(
    data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A JSON answer; bytes are JSON already."""
    body = data if isinstance(data, bytes) else _encoder.encode(data)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def read_id(text: str) -> int:
    """A job id in any RFC 19 form; what is none is no job: ``JobNotFound``."""
    try:
        return jobid.parse(text)
    except ValueError as error:
        raise JobNotFound(f"{text[:64]!r} {error}.") from None


def job_of(request: web.Request) -> Job:
    """The job that the path names; raises ``JobNotFound``.

    While the backlog of the journal is still coming in, a job may only not be known yet:
    ``InstanceUnavailable``.
    """
    session, text = request[keys.SESSION], request.match_info["id"]
    job = session.table.get(read_id(text))
    if job is None:
        if not session.journal.ready:
            raise InstanceUnavailable("The service is still reading the jobs of the instance.")
        raise JobNotFound(f"There is no job {text[:64]}.")
    return job
