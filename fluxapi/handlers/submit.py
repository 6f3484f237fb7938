"""Submit one job: ``POST /jobs`` and ``POST /jobs/submit``."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fluxapi.errors import FluxapiError, ValidationFailed
from fluxapi.http import base, keys
from fluxapi.model.group import group_id
from fluxapi.model.jobid import encode_f58
from fluxapi.model.jobspec import build
from fluxapi.model.keymark import MAX_KEY_LENGTH, KeyMark, digest
from fluxapi.sessions.submitter import MarkedSubmission

from .scripts import read_script
from .support import reply

__all__ = ["idempotency_key", "submit"]

_AS_TASK = (
    "This instance runs the script as one task with the resources that it asks for; the script "
    "cannot use flux commands."
)


async def submit(request: web.Request) -> web.Response:
    """Submit one job; it is in the table before the response is sent."""
    session, fields = request[keys.SESSION], request[keys.BODY]
    key = idempotency_key(request)
    mark = None if key is None else KeyMark(key, digest(fields))
    named = fields.get("group")
    group = None if named is None else session.group_to_join(named)
    fields, warnings = await read_script(fields, session.defaults.environment)
    if fields.get("script") is not None and session.capabilities.scripts == "task":
        warnings.append(_AS_TASK)
    job = MarkedSubmission(build(fields, session.defaults, mark=mark, group=group), mark)
    submitted = await session.submitter.submit(key, [job])
    (result,) = submitted.results
    if isinstance(result, FluxapiError):
        raise result
    name = encode_f58(result)
    headers = {"Location": base.relative(request, f"{session.api_path}/jobs/{name}")}
    if submitted.replayed:
        headers["Idempotent-Replayed"] = "true"
    answer: dict[str, Any] = {"id": name, "Message": "Job submit."}
    if group is not None:
        answer["group"] = group_id(group)
    if warnings:
        answer["warnings"] = warnings
    return reply(answer, status=201, headers=headers)


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
