"""Helpers of handlers: JSON responses, and the job of a path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from fluxapi.errors import InstanceEnded
from fluxapi.http import keys
from fluxapi.model.job import Job
from fluxapi.sessions.session import InstanceSession

__all__ = ["check_running", "job_of", "json_bytes", "reply"]

_encoder = msgspec.json.Encoder()


def json_bytes(data: Any) -> bytes:
    """Encode ``data`` as JSON."""
    return _encoder.encode(data)


def reply(
    data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a JSON response; bytes must already be JSON."""
    body = data if isinstance(data, bytes) else _encoder.encode(data)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def check_running(session: InstanceSession) -> None:
    """Raise ``InstanceEnded`` if nothing that a request could wait for happens anymore."""
    if session.ended is not None:
        raise InstanceEnded(session.ended)


def job_of(request: web.Request) -> Job:
    """Return the job of the path; raises ``JobNotFound`` or ``InstanceUnavailable``."""
    return request[keys.SESSION].job(request.match_info["id"])
