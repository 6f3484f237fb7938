"""Bulk submission: many jobs per request, read lazily, with a result for each in order."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from typing import Any

import msgspec

from fluxapi.model.idset import encode_idset

from .body import encoded
from .errors import BadAnswer, BulkItem, ClientError, Invalid, ProblemError, Unavailable, problem_of
from .group import GroupId
from .job import JobId
from .options import Command
from .retry import Failure
from .transport import Transport

__all__ = [
    "BulkRun",
    "OnResults",
    "items_of",
    "keyed",
    "new_key",
    "problem",
    "submission",
    "submit_copies",
    "submit_many",
]

OnResults = Callable[[list[BulkItem]], None]

_INDEX = re.compile(r"[0-9]{1,9}\Z")

_MAX_RETRY_AFTER_S = 60
"""Seconds that a problem may ask to wait; others are ignored."""

_MAX_BYTES = 4 << 20
"""Bytes of jobs after which a request is sent."""


def new_key() -> str:
    """Return a new idempotency key."""
    return os.urandom(16).hex()


class _Item(msgspec.Struct):
    id: JobId | None = None
    error: Any = None
    warnings: tuple[str, ...] = ()


class BulkAnswer(msgspec.Struct):
    """The part of ``schemas/bulk-result.json`` that the client reads."""

    jobs: list[_Item]
    group: GroupId | None = None


def submission(job: Command | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of one job, given as fields or as a command."""
    return job if isinstance(job, Mapping) else {"command": job}


def items_of(answer: BulkAnswer, indexes: Iterable[int]) -> list[BulkItem]:
    """Return the results of the jobs at these positions."""
    places = list(indexes)
    if len(places) != len(answer.jobs):
        raise BadAnswer(
            f"The client sent {len(places)} jobs, the service answered for {len(answer.jobs)}."
        )
    return [
        BulkItem(
            index,
            made.id,
            None if made.id is not None else problem(made.error),
            answer.group,
            made.warnings,
        )
        for index, made in zip(places, answer.jobs, strict=True)
    ]


@contextlib.contextmanager
def keyed(key: str) -> Iterator[None]:
    """Add the idempotency key to errors raised in the context."""
    try:
        yield
    except ClientError as error:
        error.idempotency_key = key
        raise


async def submit_many(
    transport: Transport,
    jobs: Iterable[Command | Mapping[str, Any]] | AsyncIterable[Command | Mapping[str, Any]],
    chunk: int,
    key: str,
    group: str | None,
) -> AsyncGenerator[list[BulkItem], None]:
    """Read jobs as needed for the next request, and yield their results in order."""
    run = BulkRun(transport, key, group)
    waiting: list[tuple[int, bytes]] = []
    size = index = 0
    async for job in _each(jobs):
        raw = encoded(submission(job))
        waiting.append((index, raw))
        size += len(raw)
        index += 1
        if len(waiting) >= chunk or size >= _MAX_BYTES:
            yield await run.submit(waiting)
            waiting, size = [], 0
    if waiting:
        yield await run.submit(waiting)


async def submit_copies(transport: Transport, body: Mapping[str, Any], key: str) -> list[BulkItem]:
    """Submit copies of one job and return the result of each."""
    retry = transport.retry_policy.start()
    left: int | None = None
    with keyed(key):
        while True:
            answer = await transport.post("/jobs/bulk", body, BulkAnswer, key=key)
            items = items_of(answer, range(len(answer.jobs)))
            busy = [item.error for item in items if isinstance(item.error, Unavailable)]
            if not busy:
                retry.reset()
                return items
            if left is not None and len(busy) < left:
                retry.extend()
            left = len(busy)
            try:
                await retry.wait(_postponed(busy[0]))
            except ClientError as error:
                error.submitted = tuple(item for item in items if item.id is not None)
                raise


class BulkRun:
    """Requests with a common key, in which a job has a number, and the jobs submitted so far."""

    def __init__(self, transport: Transport, key: str, group: str | None = None) -> None:
        self._transport = transport
        self._key = key
        self._group = b"" if group is None else b'"group":%b,' % encoded(group)
        self._submitted: list[BulkItem] = []

    async def submit(
        self, waiting: list[tuple[int, bytes]], on_results: OnResults | None = None
    ) -> list[BulkItem]:
        """Submit jobs until each has a result; return the results in order.

        Jobs that the instance was too busy for are sent again, and so are valid jobs that were
        sent with an invalid one. *on_results* is called with results as soon as they are known.
        """
        found: list[BulkItem] = []
        retry = self._transport.retry_policy.start()
        try:
            while waiting:
                items = await self._send(waiting)
                busy = [item.error for item in items if isinstance(item.error, Unavailable)]
                done = [item for item in items if not isinstance(item.error, Unavailable)]
                found += done
                self._submitted += [item for item in done if item.id is not None]
                if on_results is not None:
                    on_results(done)
                answered = {item.index for item in done}
                waiting = [job for job in waiting if job[0] not in answered]
                if done:
                    retry.extend()
                if busy:
                    await retry.wait(_postponed(busy[0]))
        except ClientError as error:
            error.submitted = tuple(sorted(self._submitted, key=_index_of))
            error.idempotency_key = self._key
            raise
        retry.reset()
        return sorted(found, key=_index_of)

    async def _send(self, waiting: list[tuple[int, bytes]]) -> list[BulkItem]:
        """Send one request; return a result for each job, or only those of invalid jobs."""
        numbers = encode_idset(index for index, _ in waiting).encode()
        jobs = b",".join(raw for _, raw in waiting)
        body = b'{"numbers":"%s",%b"jobs":[%s]}' % (numbers, self._group, jobs)
        try:
            answer = await self._transport.post("/jobs/bulk", body, BulkAnswer, key=self._key)
        except Invalid as error:
            wrong = _by_job(error)
            if not wrong or max(wrong) >= len(waiting):
                raise
            return [BulkItem(waiting[place][0], None, wrong[place]) for place in wrong]
        return items_of(answer, [index for index, _ in waiting])


def _index_of(item: BulkItem) -> int:
    return item.index


def _by_job(error: Invalid) -> dict[int, Invalid]:
    """Split the error of a request into one error per invalid job, by its position."""
    fields: dict[int, list[dict[str, Any]]] = {}
    for field in error.errors:
        parts: list[str] = [*field["pointer"].split("/", 3), "", ""]
        _, head, place, *rest = parts
        if head == "jobs" and _INDEX.match(place):
            pointer = f"/{rest[0]}" if rest[0] else ""
            fields.setdefault(int(place), []).append({**field, "pointer": pointer})
    return {
        place: Invalid(
            error.status, error.type, error.title, "The job is invalid.", of, error.request_id
        )
        for place, of in fields.items()
    }


def problem(document: object) -> ProblemError:
    """Return the error of one job from its problem document."""
    fields = document if isinstance(document, Mapping) else {}
    status, seconds = fields.get("status"), fields.get("retry_after")
    error = problem_of(status if isinstance(status, int) else 500, document)
    if isinstance(seconds, int) and 0 <= seconds <= _MAX_RETRY_AFTER_S:
        error.retry_after = float(seconds)
    return error


def _postponed(error: Unavailable) -> Failure:
    return Failure(error, retryable=True, retry_after=error.retry_after)


async def _each(
    jobs: Iterable[Command | Mapping[str, Any]] | AsyncIterable[Command | Mapping[str, Any]],
) -> AsyncIterator[Command | Mapping[str, Any]]:
    if isinstance(jobs, AsyncIterable):
        async for job in jobs:
            yield job
    else:
        for job in jobs:
            yield job
