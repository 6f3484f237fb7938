"""The tools: what each does, the right that it needs, and its effect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fluxapi.contracts.rights import Right
from fluxapi.model.humanize import outcome

from . import bounded
from .arguments import LISTED, SUBMITTED, arguments, chosen
from .port import Jobs, Refused

__all__ = ["MAX_LISTED", "TOOLS", "Effect", "Tool", "details", "listing", "output"]

Effect = Literal["reads", "runs", "ends"]
"""``reads`` changes nothing, ``runs`` starts a program each time, ``ends`` ends something once."""

Run = Callable[[Jobs, Mapping[str, Any]], Awaitable[dict[str, Any]]]

MAX_LISTED = 100
"""Jobs in one answer."""

_DEFAULT_LISTED = 20
_MAX_LINES = 1000
_DEFAULT_LINES = 100
_EXPLAINING_LINES = 20
"""Lines of standard error that an explanation quotes."""

_MAX_WARNINGS = 20
_MAX_FILES = 20

_SUMMARY = (
    "id",
    "name",
    "username",
    "status",
    "reason",
    "returncode",
    "queue",
    "group",
    "ntasks",
    "ncores",
    "nnodes",
    "nodelist",
    "t_submit",
    "t_run",
    "t_cleanup",
)
"""The members of a record in a list."""

_EXPLAINED = (
    "id",
    "name",
    "state",
    "status",
    "returncode",
    "dependencies",
    "queue",
    "urgency",
    "priority",
    "ncores",
    "nnodes",
    "duration",
    "t_submit",
    "t_run",
    "t_cleanup",
)


@dataclass(frozen=True)
class Tool:
    """One tool: its declaration, and the function that runs it."""

    name: str
    title: str
    description: str
    right: Right
    effect: Effect
    arguments: Mapping[str, Any]
    run: Run


async def _submit(jobs: Jobs, given: Mapping[str, Any]) -> dict[str, Any]:
    fields = dict(given)
    key = fields.pop("idempotency_key", None)
    submitted = await jobs.submit(fields, key)
    answer: dict[str, Any] = {"id": submitted.id}
    if submitted.warnings:
        answer["warnings"] = bounded.value(list(submitted.warnings)[:_MAX_WARNINGS])
    return answer


async def _list(jobs: Jobs, given: Mapping[str, Any]) -> dict[str, Any]:
    return await listing(jobs, {"limit": _DEFAULT_LISTED, **given})


async def listing(jobs: Jobs, query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the jobs that match, newest first, each in a few members."""
    found = await jobs.find(query)
    rows = [_members(record, _SUMMARY) for record in found.records[:MAX_LISTED]]
    return {"jobs": rows, "more": found.more or len(found.records) > MAX_LISTED}


async def _get(jobs: Jobs, given: Mapping[str, Any]) -> dict[str, Any]:
    return await details(jobs, given["id"])


async def details(jobs: Jobs, id: str) -> dict[str, Any]:
    """Return the whole record of a job, and its state in words."""
    record = await jobs.record(id)
    return {"summary": bounded.sentence(outcome(record)), **bounded.value(record)}


async def _explain(jobs: Jobs, given: Mapping[str, Any]) -> dict[str, Any]:
    record = await jobs.record(given["id"])
    answer = {"explanation": bounded.sentence(outcome(record)), **_members(record, _EXPLAINED)}
    exception = record.get("exception")
    if isinstance(exception, Mapping) and exception.get("occurred"):
        answer["exception"] = bounded.value(exception)
    if record["state"] == "INACTIVE" and not record.get("success") and "t_run" in record:
        try:
            end = await jobs.output(given["id"], _EXPLAINING_LINES, "stderr")
        except Refused as refused:
            answer["stderr_unread"] = bounded.sentence(str(refused))
        else:
            answer["stderr"] = bounded.last_lines(end.text, _EXPLAINING_LINES)[0]
    return answer


async def _read(jobs: Jobs, given: Mapping[str, Any]) -> dict[str, Any]:
    lines = given.get("lines", _DEFAULT_LINES)
    return await output(jobs, given["id"], lines, given.get("stream"))


async def output(
    jobs: Jobs, id: str, lines: int = _DEFAULT_LINES, stream: str | None = None
) -> dict[str, Any]:
    """Return the last lines of the output of a job."""
    end = await jobs.output(id, lines, stream)
    text, is_cut = bounded.last_lines(end.text, lines)
    answer: dict[str, Any] = {"output": text, "truncated": is_cut}
    if end.files:
        answer["files"] = bounded.value(list(end.files)[:_MAX_FILES])
    return answer


async def _cancel(jobs: Jobs, given: Mapping[str, Any]) -> dict[str, Any]:
    await jobs.cancel(given["id"], given.get("note"))
    return {"id": bounded.sentence(given["id"]), "requested": True}


def _members(record: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: bounded.value(record[name]) for name in names if record.get(name) is not None}


_ID = {
    "id": {
        "type": "string",
        "minLength": 1,
        "maxLength": 64,
        "description": "The ID of the job, such as f2QK3Zz.",
    }
}
_STREAM = {
    "type": "string",
    "enum": ["stdout", "stderr"],
    "description": "Only this stream; default: both, in the order in which they were written.",
}

TOOLS: tuple[Tool, ...] = (
    Tool(
        "submit_job",
        "Submit a job",
        "Submit a command, or a batch script, to the Flux instance and return the ID of the job. "
        "It runs with the rights of the owner of the instance.",
        "submit",
        "runs",
        arguments(
            {
                **chosen("submit", SUBMITTED),
                "idempotency_key": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 128,
                    "pattern": "^[ -~]+$",
                    "description": "Makes one job per key: repeat a call whose outcome is unknown "
                    "with the same key and arguments.",
                },
            }
        ),
        _submit,
    ),
    Tool(
        "list_jobs",
        "List jobs",
        "List jobs, newest first, with their states. Times are seconds since the epoch.",
        "view",
        "reads",
        arguments(
            {
                **chosen("jobs-query", LISTED),
                "limit": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MAX_LISTED,
                    "description": f"The most jobs to return; default {_DEFAULT_LISTED}.",
                },
            }
        ),
        _list,
    ),
    Tool(
        "get_job",
        "Inspect a job",
        "Return the whole record of a job: its state, times, resources, nodes and result.",
        "view",
        "reads",
        arguments(_ID, ["id"]),
        _get,
    ),
    Tool(
        "explain_job",
        "Explain a job",
        "Tell why a job waits or how it failed, with the exception and the last lines on standard "
        "error.",
        "view",
        "reads",
        arguments(_ID, ["id"]),
        _explain,
    ),
    Tool(
        "read_output",
        "Read the output of a job",
        "Return the last lines that a job has written so far.",
        "view",
        "reads",
        arguments(
            {
                **_ID,
                "lines": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": _MAX_LINES,
                    "description": f"The most lines to return; default {_DEFAULT_LINES}.",
                },
                "stream": _STREAM,
            },
            ["id"],
        ),
        _read,
    ),
    Tool(
        "cancel_job",
        "Cancel a job",
        "End a job for good. Its programs are stopped, and what they have not saved is lost.",
        "operate",
        "ends",
        arguments(
            {
                **_ID,
                "note": {
                    "type": "string",
                    "maxLength": 1000,
                    "description": "The reason, which Flux stores with the job.",
                },
            },
            ["id"],
        ),
        _cancel,
    ),
)
