"""Submit one job: ``POST /jobs`` and ``POST /jobs/submit``."""

from __future__ import annotations

from aiohttp import web

from fluxapi.errors import FluxapiError, ValidationFailed
from fluxapi.http import keys
from fluxapi.instance.protocol import Submission
from fluxapi.model.job import Job
from fluxapi.model.jobid import encode_f58
from fluxapi.model.jobspec import build
from fluxapi.model.keymark import MAX_KEY_LENGTH, KeyMark, digest
from fluxapi.sessions.session import InstanceSession

from .support import reply

__all__ = ["exists", "idempotency_key", "submit", "submit_one"]

VISIBLE_TIMEOUT_S = 2.0
"""Time that a response waits until the journal has shown its job."""


def exists(job: Job | None) -> bool:
    """Return whether the table has the job."""
    return job is not None


async def submit(request: web.Request) -> web.Response:
    """Submit one job; it is in the table before the response is sent."""
    session, fields = request[keys.SESSION], request[keys.BODY]
    key = idempotency_key(request)
    if key is None:
        jobid = await submit_one(session, build(fields, session.defaults))
        return _submitted(session, jobid)
    mark = KeyMark(key, digest(fields))
    submission = build(fields, session.defaults, mark=mark)
    jobid, replayed = await session.idempotency.once(mark, lambda: submit_one(session, submission))
    return _submitted(session, jobid, replayed=replayed)


async def submit_one(session: InstanceSession, submission: Submission) -> int:
    """Submit a job and return its ID; raises the error that Flux answered."""
    (result,) = await session.instance.submit([submission])
    if isinstance(result, FluxapiError):
        raise result
    session.submitted += 1
    if result not in session.table:
        await session.journal.wait(result, exists, VISIBLE_TIMEOUT_S)
    return result


def idempotency_key(request: web.Request) -> str | None:
    """Return the Idempotency-Key header, if any; raises ``ValidationFailed``."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (
        0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()
    ):
        raise ValidationFailed(
            [
                {
                    "pointer": "",
                    "detail": f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} ASCII characters.",
                }
            ]
        )
    return key


def _submitted(session: InstanceSession, jobid: int, *, replayed: bool = False) -> web.Response:
    name = encode_f58(jobid)
    headers = {"Location": f"{session.api_path}/jobs/{name}"}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return reply({"id": name, "Message": "Job submit."}, status=201, headers=headers)
