"""One job: ``POST /jobs`` and ``POST /jobs/submit``."""

from __future__ import annotations

from aiohttp import web

from fluxapi import keys
from fluxapi.errors import FluxapiError, ValidationFailed
from fluxapi.instance.protocol import Submission
from fluxapi.model.job import Job
from fluxapi.model.jobid import encode_f58
from fluxapi.model.jobspec import build
from fluxapi.model.keymark import MAX_KEY_LENGTH, KeyMark, digest

from .support import reply

__all__ = ["exists", "idempotency_key", "submit", "submit_one"]

SEEN_WITHIN = 2.0
"""How long an answer waits for the journal to show its job, seconds."""


def exists(job: Job | None) -> bool:
    """Whether the table has the job."""
    return job is not None


async def submit(request: web.Request) -> web.Response:
    """Submit one job; it is in the table before the answer goes out."""
    app, fields = request.app, request[keys.BODY]
    defaults = app[keys.DEFAULTS]
    key = idempotency_key(request)
    if key is None:
        return _submitted(await submit_one(app, build(fields, defaults)))
    mark = KeyMark(key, digest(fields))
    submission = build(fields, defaults, mark=mark)
    jobid, replayed = await app[keys.IDEMPOTENCY].once(mark, lambda: submit_one(app, submission))
    return _submitted(jobid, replayed=replayed)


async def submit_one(app: web.Application, submission: Submission) -> int:
    """The id of the new job; raises what Flux answered instead."""
    (result,) = await app[keys.INSTANCE].submit([submission])
    if isinstance(result, FluxapiError):
        raise result
    app[keys.METRICS].jobs_submitted.inc()
    if result not in app[keys.TABLE]:
        await app[keys.JOURNAL].wait(result, exists, SEEN_WITHIN)
    return result


def idempotency_key(request: web.Request) -> str | None:
    """The Idempotency-Key header, if any; raises ``ValidationFailed``."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (
        0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()
    ):
        raise ValidationFailed(
            [
                {
                    "pointer": "",
                    "detail": f"Idempotency-Key takes 1 to {MAX_KEY_LENGTH} ASCII characters.",
                }
            ]
        )
    return key


def _submitted(jobid: int, *, replayed: bool = False) -> web.Response:
    name = encode_f58(jobid)
    headers = {"Location": f"/v1/jobs/{name}"}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return reply({"id": name, "Message": "Job submit."}, status=201, headers=headers)
