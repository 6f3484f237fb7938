"""Submit one job: ``POST /jobs`` and ``POST /jobs/submit``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from fluxapi.errors import FluxapiError, InstanceUnavailable, ValidationFailed
from fluxapi.http import authentication, base, keys
from fluxapi.model.group import group_id
from fluxapi.model.jobid import encode_f58
from fluxapi.model.jobspec import build
from fluxapi.model.keymark import MAX_KEY_LENGTH, KeyMark, digest
from fluxapi.model.message import Message, warned
from fluxapi.model.submission import nobody_left
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions.session import InstanceSession
from fluxapi.sessions.submitter import MarkedSubmission

from .scripts import read_script
from .support import reply

__all__ = ["Made", "idempotency_key", "submit", "submit_fields"]


class Made(NamedTuple):
    """A job that was submitted; ``replayed``: an earlier request with the key submitted it."""

    id: str
    group: str | None
    warnings: list[Message]
    replayed: bool


async def submit(request: web.Request) -> web.Response:
    """Submit one job; it is in the table before the response is sent."""
    session = request[keys.SESSION]
    ended = authentication.ended_credentials(request)
    try:
        made = await submit_fields(session, request[keys.BODY], idempotency_key(request), ended)
    except (ConnectionError, InstanceUnavailable):
        # The credentials may have ended while the job waited to be sent.
        authentication.check_again(request)
        raise
    headers = {"Location": base.relative(request, f"{session.api_path}/jobs/{made.id}")}
    if made.replayed:
        headers["Idempotent-Replayed"] = "true"
    answer: dict[str, Any] = {"id": made.id, "Message": "Job submit."}
    if made.group is not None:
        answer["group"] = group_id(made.group)
    if made.warnings:
        answer |= warned(made.warnings)
    return reply(answer, status=201, headers=headers)


async def submit_fields(
    session: InstanceSession,
    fields: Mapping[str, Any],
    key: str | None,
    has_left: Callable[[], bool] = nobody_left,
) -> Made:
    """Submit one job by the valid fields of a request, once per *key*.

    Raises:
        ConnectionResetError: The client has left (*has_left*) before the job was sent.
    """
    mark = None if key is None else KeyMark(key, digest(fields))
    named = fields.get("group")
    group = None if named is None else session.group_to_join(named)
    if fields.get("script") is not None:
        # Even a short script may take milliseconds to read.
        await TimeSlice(0).share()
    read, warnings = await read_script(fields, session)
    job = MarkedSubmission(build(read, session.defaults, mark=mark, group=group), mark)
    submitted = await session.submitter.submit(key, [job], has_left)
    (result,) = submitted.results
    if isinstance(result, FluxapiError):
        raise result
    return Made(encode_f58(result), group, warnings, replayed=bool(submitted.replayed))


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
