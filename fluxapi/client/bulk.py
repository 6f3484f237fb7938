"""Many jobs, in requests of many: lazily, in order, with what went wrong for each."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping
from typing import Any

import msgspec

from .errors import BadAnswer, Invalid, ProblemError, problem_of
from .job import JobId
from .options import Command
from .results import BulkItem
from .transport import Transport, encoded

__all__ = ["items_of", "problem", "submission", "submit_many"]

_MAX_BYTES = 4 << 20
"""Bytes of jobs after which a request is full."""


class _Item(msgspec.Struct):
    id: JobId | None = None
    error: Any = None


class BulkAnswer(msgspec.Struct):
    """``schemas/bulk-result.json``, as far as it is needed."""

    jobs: list[_Item]


def submission(job: Command | Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of one job: those given, or a command alone."""
    return job if isinstance(job, Mapping) else {"command": job}


def items_of(answer: BulkAnswer, indexes: Iterable[int]) -> list[BulkItem]:
    """What came of jobs that have these places in the order given."""
    places = list(indexes)
    if len(places) != len(answer.jobs):
        raise BadAnswer(f"{len(places)} jobs were sent, and {len(answer.jobs)} answered.")
    return [
        BulkItem(index, None, problem(made.error)) if made.id is None else BulkItem(index, made.id)
        for index, made in zip(places, answer.jobs, strict=True)
    ]


async def submit_many(
    transport: Transport,
    jobs: Iterable[Command | Mapping[str, Any]] | AsyncIterable[Command | Mapping[str, Any]],
    chunk: int,
) -> AsyncGenerator[list[BulkItem], None]:
    """Take jobs as they are needed for the next request, and give what came of them in order."""
    waiting: list[tuple[int, bytes]] = []
    size = index = 0
    async for job in _each(jobs):
        raw = encoded(submission(job))
        waiting.append((index, raw))
        size += len(raw)
        index += 1
        if len(waiting) >= chunk or size >= _MAX_BYTES:
            yield await _submit(transport, waiting)
            waiting, size = [], 0
    if waiting:
        yield await _submit(transport, waiting)


async def _submit(transport: Transport, waiting: list[tuple[int, bytes]]) -> list[BulkItem]:
    """One request, and another without the jobs that are not valid as long as there are some."""
    found: list[BulkItem] = []
    while waiting:
        body = b'{"jobs":[' + b",".join(raw for _, raw in waiting) + b"]}"
        try:
            answer = await transport.post("/jobs/bulk", body, BulkAnswer, key=uuid.uuid4().hex)
        except Invalid as error:
            wrong = _by_job(error)
            if not wrong or max(wrong) >= len(waiting):
                raise
            found += [BulkItem(waiting[place][0], None, wrong[place]) for place in wrong]
            waiting = [job for place, job in enumerate(waiting) if place not in wrong]
        else:
            found += items_of(answer, [index for index, _ in waiting])
            break
    return sorted(found, key=lambda item: item.index)


def _by_job(error: Invalid) -> dict[int, Invalid]:
    """The error of each job that is named in that of the request, by its place there."""
    fields: dict[int, list[dict[str, str]]] = {}
    for field in error.errors:
        _, head, place, *rest = [*field["pointer"].split("/", 3), "", ""]
        if head == "jobs" and place.isdigit():
            pointer = f"/{rest[0]}" if rest[0] else ""
            fields.setdefault(int(place), []).append({**field, "pointer": pointer})
    return {
        place: Invalid(
            error.status, error.type, error.title, "The job is not valid.", of, error.request_id
        )
        for place, of in fields.items()
    }


def problem(document: object) -> ProblemError:
    """The error that stands for one of many jobs."""
    status = document.get("status") if isinstance(document, Mapping) else None
    return problem_of(status if isinstance(status, int) else 500, document)


async def _each(
    jobs: Iterable[Command | Mapping[str, Any]] | AsyncIterable[Command | Mapping[str, Any]],
) -> AsyncIterator[Command | Mapping[str, Any]]:
    if isinstance(jobs, AsyncIterable):
        async for job in jobs:
            yield job
    else:
        for job in jobs:
            yield job
