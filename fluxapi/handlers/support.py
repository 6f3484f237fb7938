"""What handlers share: JSON answers, the job that a path names, what a reader accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import hdrs, web

from fluxapi import keys
from fluxapi.errors import InstanceUnavailable, JobNotFound, NotAcceptable
from fluxapi.model import jobid
from fluxapi.model.job import Job

__all__ = ["accepted", "job_of", "json_bytes", "read_id", "reply"]

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
    text = request.match_info["id"]
    job = request.app[keys.TABLE].get(read_id(text))
    if job is None:
        if not request.app[keys.JOURNAL].ready:
            raise InstanceUnavailable("The service is still reading the jobs of the instance.")
        raise JobNotFound(f"There is no job {text[:64]}.")
    return job


def accepted(request: web.Request, offers: Sequence[str]) -> str:
    """The media type among ``offers`` (best first) that the Accept header likes most."""
    header = request.headers.get(hdrs.ACCEPT)
    if not header or header == "*/*":
        return offers[0]
    best, best_quality = "", 0.0
    ranges = _ranges(header)
    for offer in offers:
        quality = _quality(offer, ranges)
        if quality > best_quality:
            best, best_quality = offer, quality
    if not best:
        raise NotAcceptable(f"The answer can be {', '.join(offers)}, and Accept takes none.")
    return best


def _ranges(header: str) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for part in header.split(",")[:32]:
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = min(max(float(parameter[2:]), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        found.append((name, quality))
    return found


def _quality(offer: str, ranges: list[tuple[str, float]]) -> float:
    """RFC 9110: the most specific range that matches decides."""
    kind = offer.partition("/")[0]
    for candidate in (offer, f"{kind}/*", "*/*"):
        for name, quality in ranges:
            if name == candidate:
                return quality
    return 0.0
