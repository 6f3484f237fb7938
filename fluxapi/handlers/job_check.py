"""Check a job without submitting it: ``POST /jobs/check``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from fluxapi.contracts import schema
from fluxapi.errors import ValidationFailed
from fluxapi.http import keys
from fluxapi.instance.protocol import Submission
from fluxapi.model.jobspec import build
from fluxapi.model.message import FieldErrors, Message, told, warned
from fluxapi.sessions.job_check import CheckedJob
from fluxapi.sessions.job_fit import Finding, Subject
from fluxapi.sessions.session import InstanceSession

from .all_errors import all_errors
from .scripts import read_script
from .support import reply

__all__ = ["check"]

_FIELDS: dict[Subject, tuple[str, ...]] = {
    "queue": ("queue",),
    "duration": ("duration", "runtime"),
    "nodes": ("num_nodes", "resources"),
    "cores": ("num_cores", "num_tasks", "num_slots", "cores_per_task", "cores_per_slot"),
    "slot": ("cores_per_task", "cores_per_slot", "num_cores", "num_tasks", "num_slots"),
    "gpus": ("gpus_per_node", "gpus_per_task", "gpus_per_slot"),
    "constraints": ("constraints",),
    "cwd": ("cwd", "workdir"),
}
"""The fields that a finding may be about: the first one that is given, else the first of all."""


async def check(request: web.Request) -> web.Response:
    """Return why a job would be refused, what it asks for, and what will not go as it says."""
    session, fields = request[keys.SESSION], request[keys.BODY]["job"]
    if schema.find("submit", fields):
        return reply(_refused(await all_errors(fields, partial(_errors, session))))
    try:
        read, warnings, submission = await _built(session, fields)
    except ValidationFailed:
        return reply(_refused(await all_errors(fields, partial(_errors, session))))
    found = await _compared(session, msgspec.json.decode(submission.jobspec))
    return reply(
        {
            "valid": True,
            "errors": [],
            **warned(warnings),
            "size": dict(found.size),
            "findings": [
                {
                    "pointer": _pointer(one, read),
                    "outcome": one.outcome,
                    **told(one.message),
                }
                for one in found.findings
            ],
            "unknown": list(found.unknown),
        }
    )


async def _built(
    session: InstanceSession, fields: Mapping[str, Any]
) -> tuple[Mapping[str, Any], list[Message], Submission]:
    """Return what is submitted, with the fields of its script; raise ``ValidationFailed``."""
    read, warnings = await read_script(fields, session)
    group = fields.get("group")
    joined = None if group is None else session.group_to_join(group)
    return read, warnings, build(read, session.defaults, group=joined)


async def _errors(session: InstanceSession, fields: Mapping[str, Any]) -> FieldErrors:
    """Return what the first checks that fail say of a request."""
    if wrong := schema.find("submit", fields):
        return wrong
    try:
        await _built(session, fields)
    except ValidationFailed as error:
        errors: FieldErrors = error.members["errors"]
        return errors
    return []


async def _compared(session: InstanceSession, jobspec: Mapping[str, Any]) -> CheckedJob:
    try:
        return await session.checker.check(jobspec)
    except (AttributeError, KeyError, TypeError, ValueError):
        # A whole jobspec may have a form that only Flux judges.
        return CheckedJob({}, [], ["queues", "nodes"])


def _refused(errors: FieldErrors) -> dict[str, Any]:
    return {
        "valid": False,
        "errors": errors,
        **warned([]),
        "size": {},
        "findings": [],
        "unknown": [],
    }


def _pointer(finding: Finding, fields: Mapping[str, Any]) -> str:
    if fields.get("jobspec") is not None:
        return "/jobspec"
    names = _FIELDS[finding.subject]
    given = [name for name in names if fields.get(name) is not None]
    return f"/{(given or names)[0]}"
