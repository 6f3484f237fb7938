"""Submit many jobs in one request: ``POST /jobs/bulk``.

The jobs of a list are decoded, validated and built one by one from their raw JSON, and other tasks
run every few milliseconds. Nothing is submitted if any job violates the schema, or if the jobs
together are too large.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from typing import Any

import msgspec
from aiohttp import web
from msgspec.structs import replace

from fluxapi.contracts import schema, structure
from fluxapi.errors import (
    BodyTooLarge,
    FluxapiError,
    InstanceUnavailable,
    OutcomeUnknown,
    ValidationFailed,
)
from fluxapi.http import authentication, keys
from fluxapi.http.body import decode_large
from fluxapi.http.turns import TakeTurn, turns_in
from fluxapi.model.group import Group, group_id
from fluxapi.model.idset import IdSet
from fluxapi.model.jobid import encode_f58
from fluxapi.model.jobspec import build, substitute
from fluxapi.model.keymark import KeyMark, digest
from fluxapi.model.message import FieldErrors, Message, field_error, field_message, said_in, warned
from fluxapi.process.timeslice import TimeSlice
from fluxapi.sessions.session import InstanceSession
from fluxapi.sessions.submitter import MarkedSubmission

from .scripts import read_script
from .submit import idempotency_key
from .support import json_bytes, reply

__all__ = ["MAX_BULK_BYTES", "bulk"]

_MAX_JOBS = 100_000
_MAX_NAMES = 10
"""Members of a request; a few more than the schema knows."""

_MAX_ERRORS = 100
_MAX_JOBSPECS_BYTES = 128 << 20
"""Size of all jobspecs of one request: 100,000 jobs of 1.3 KiB."""

_MAX_KEPT_BYTES = 3 << 30
"""Memory that Flux takes for all jobspecs of one request: 100,000 jobs of 32 KiB."""

MAX_BULK_BYTES = 256 << 20
"""Size of all jobspecs that are made of bulk requests and not yet submitted; others wait."""

_MIN_COUNTED_BYTES = 1 << 20
"""Size at which the jobspecs of one request begin to count."""

_MAX_NUMBER_DIGITS = 18

_MAX_WARNINGS_LENGTH = 1 << 20
"""Characters of the warnings about all jobs of one request."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])


async def bulk(request: web.Request) -> web.Response:
    """Submit many jobs; the answer has the ID or the error of each, in order."""
    session, raw = request[keys.SESSION], request[keys.BODY]
    key = idempotency_key(request)
    grouping = _Grouping(key, session.group_to_join)
    ended = authentication.ended_credentials(request)
    with turns_in(request, request.app[keys.BULK_JOBS], _MIN_COUNTED_BYTES) as room:
        built = await _submissions(raw, session, key, grouping, room, ended=ended)
        submitted = await session.submitter.submit(key, built.jobs)
        # If the credentials have ended meanwhile, the last jobs were not sent.
        authentication.check_again(request)
        return await _answer(request, submitted.results, built, grouping.shared)


async def _submissions(
    raw: bytes,
    session: InstanceSession,
    key: str | None,
    grouping: _Grouping,
    room: TakeTurn,
    *,
    ended: Ended,
) -> _Built:
    members = await _decode_members(raw)
    rest = {name: value for name, value in members.items() if name != "jobs"}
    shallow = {name: await decode_large(bytes(value)) for name, value in rest.items()}
    if "jobs" not in members:
        schema.check("bulk", shallow)
        if "numbers" in shallow:
            raise _wrong_numbers("goes with jobs only.")
        # All copies of one template form one request: another count is another request.
        count, repeated = _repeated(shallow)
        marks = _Marks.of_all(key, digest(shallow))
        grouping.begin(shallow.get("group"), is_alone=count == 1)
        shares = marks is None and "copies" in shallow
        return await _build(
            repeated,
            session,
            marks,
            grouping,
            room,
            ended=ended,
            copies=count,
            distinct=1 if shares else count,
        )
    try:
        items = _items.decode(members["jobs"])
    except msgspec.ValidationError:
        items = []
        shallow["jobs"] = await decode_large(bytes(members["jobs"]))
    # The schema is checked with one job in place of all; the jobs are checked one by one later.
    schema.check("bulk", {"jobs": [{"command": "true"}] if items else [], **shallow})
    if len(items) > _MAX_JOBS:
        raise ValidationFailed(
            [field_error("/jobs", field_message("max_entries", count=_MAX_JOBS))]
        )
    numbers = _numbers(shallow.get("numbers"), len(items))
    # A job with a number may be one of several requests.
    grouping.begin(shallow.get("group"), is_alone=len(items) == 1 and "numbers" not in shallow)
    marks = _Marks.of_each(key, numbers)
    return await _build(
        _listed(items), session, marks, grouping, room, ended=ended, distinct=len(items)
    )


async def _decode_members(raw: bytes) -> dict[str, msgspec.Raw]:
    turn = TimeSlice()
    for _ in structure.check_entries(raw, _MAX_JOBS + _MAX_NAMES):
        await turn.share()
    try:
        return _members.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        schema.check("bulk", await decode_large(raw))
        raise  # pragma: no cover - one of the two above rejects what the decoder rejects


Item = tuple[str, Mapping[str, Any] | None, bytes | msgspec.Raw | None]
"""The position of a job in the request, and its fields or their JSON."""


Ended = Callable[[], bool]
"""Tells whether the credentials of the request have ended."""


class _Marks:
    """The marks of the jobs of one request, each made of the Idempotency-Key and its number."""

    def __init__(self, key: str, numbers: Sequence[int], of_request: str | None) -> None:
        self._key = key
        self._numbers = numbers
        self._of_request = of_request

    @classmethod
    def of_all(cls, key: str | None, of_request: str) -> _Marks | None:
        """Return marks that are valid for this exact request."""
        return None if key is None else cls(key, range(_MAX_JOBS), of_request)

    @classmethod
    def of_each(cls, key: str | None, numbers: Sequence[int]) -> _Marks | None:
        """Return marks that are valid for each job, whatever other jobs the request has."""
        return None if key is None else cls(key, numbers, None)

    def of(self, place: int, fields: Mapping[str, Any]) -> KeyMark:
        """Return the mark of the job at *place* in the request."""
        of_request = digest(fields) if self._of_request is None else self._of_request
        return KeyMark.of_member(self._key, self._numbers[place], of_request)


class _Grouping:
    """The groups of the jobs of one request.

    A job that names no group is in the group of the request: the one that it names, else one of its
    own, unless it has one job alone. Requests with one Idempotency-Key have the same group.
    """

    def __init__(self, key: str | None, join: Callable[[str], str]) -> None:
        self._key = key
        self._join = join
        self._of_request: str | None = None
        self._known: dict[str, str] = {}
        self.shared: str | None = None
        """The ID of the group of the request, if a job is in it."""

    def begin(self, named: str | None, *, is_alone: bool) -> None:
        """Settle the group of the request; raises ``ValidationFailed`` for an unknown ID."""
        if named is not None:
            self._of_request = self._join(named)
        elif not is_alone:
            self._of_request = Group.new(self._key).id

    def of(self, fields: Mapping[str, Any]) -> str | None:
        """Return the group of a job; raises ``ValidationFailed`` for an unknown ID."""
        named = fields.get("group")
        if named is not None:
            if named not in self._known:
                self._known[named] = self._join(named)
            return self._known[named]
        if self._of_request is not None:
            self.shared = group_id(self._of_request)
        return self._of_request


def _numbers(text: Any, count: int) -> Sequence[int]:
    """Return the numbers of *count* jobs: those of the idset *text*, or from 0."""
    if text is None:
        return range(count)
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()) or len(part) > _MAX_NUMBER_DIGITS:
            raise _wrong_numbers(f"{part[:40]!r} is not a number or a range of numbers.")
        start, stop = int(first), int(last if dash else first) + 1
        if start >= stop or (found and start <= found[-1]):
            raise _wrong_numbers("must be in ascending order, without duplicates.")
        if stop - start > count - len(found):
            raise _wrong_numbers(f"must have as many numbers as there are jobs, {count}.")
        found.extend(range(start, stop))
    if len(found) != count:
        raise _wrong_numbers(f"must have as many numbers as there are jobs, {count}.")
    return found


def _wrong_numbers(detail: str) -> ValidationFailed:
    return ValidationFailed([{"pointer": "/numbers", "detail": detail}])


def _listed(items: list[msgspec.Raw]) -> Iterable[Item]:
    return ((f"/jobs/{index}", None, raw) for index, raw in enumerate(items))


def _repeated(fields: Mapping[str, Any]) -> tuple[int, Iterable[Item]]:
    """Return the number of jobs made of the one in *fields*, and these jobs."""
    job = fields["job"]
    if "copies" in fields:
        count = int(fields["copies"])
        return count, (("/job", job, None) for _ in range(count))
    try:
        ids = IdSet.parse(fields["cc"])
    except ValueError as error:
        sentence = field_message("unreadable", why=said_in(error))
        raise ValidationFailed([field_error("/cc", sentence)]) from None
    if len(ids) > _MAX_JOBS:
        raise ValidationFailed(
            [field_error("/cc", field_message("too_many_numbers", limit=_MAX_JOBS))]
        )
    return len(ids), (("/job", _instance(job, str(number)), None) for number in ids)


def _instance(job: Mapping[str, Any], number: str) -> Mapping[str, Any]:
    """Return one of the jobs of a ``cc``, as ``flux submit --cc`` makes it."""
    fields: dict[str, Any] = substitute(job, "{cc}", number)
    if "jobspec" not in fields:
        name = "envars" if fields.get("envars") is not None else "environment"
        fields[name] = {**(fields.get(name) or {}), "FLUX_JOB_CC": number}
    return fields


class _Built:
    """The jobs of a request, and the warnings about scripts by the index of the job.

    Jobs with the same script as the one before, such as copies, have no warnings of their own.
    """

    def __init__(self) -> None:
        self.jobs: list[MarkedSubmission] = []
        self.warnings: dict[int, list[Message]] = {}
        self.lacks_warnings = False
        self._length = 0
        self._last: list[Message] = []

    def warn(self, warnings: list[Message]) -> None:
        """Keep the warnings about the next job, unless they repeat the last ones."""
        if warnings and warnings != self._last:
            self._length += sum(len(warning.text()) for warning in warnings)
            if self._length > _MAX_WARNINGS_LENGTH:
                self.lacks_warnings = True
            else:
                self.warnings[len(self.jobs)] = warnings
        self._last = warnings


async def _build(
    items: Iterable[Item],
    session: InstanceSession,
    marks: _Marks | None,
    grouping: _Grouping,
    room: TakeTurn,
    *,
    ended: Ended,
    distinct: int,
    copies: int = 1,
) -> _Built:
    """Build the jobs: *copies* of the first one. *room* is taken for *distinct* jobspecs in all.

    Jobs that are not sent when the credentials have *ended* are not submitted.
    """
    built = _Built()
    wrong: FieldErrors = []
    same: tuple[Any, MarkedSubmission] | None = None
    size = memory = 0
    turn = TimeSlice()
    for number, (place, fields, raw) in enumerate(items):
        await turn.share()
        if same is not None and fields is same[0]:
            built.jobs.append(same[1])
            continue
        try:
            if fields is None:
                fields = await decode_large(bytes(raw or b""))  # noqa: PLW2901 - decoded only now
                schema.check("submit", fields)
            mark = None if marks is None else marks.of(number, fields)
            whole, warnings = await read_script(fields, session)
            made = build(whole, session.defaults, mark=mark, group=grouping.of(fields))
            member = MarkedSubmission(replace(made, has_left=ended), mark)
        except ValidationFailed as error:
            wrong.extend(
                {**field, "pointer": place + field["pointer"]} for field in error.members["errors"]
            )
            if len(wrong) >= _MAX_ERRORS or place == "/job":
                break
            continue
        # Copies have about the same size, so the first one decides before the others are made.
        length = len(member.submission.jobspec)
        size += length
        memory += member.submission.memory
        times = copies if number == 0 else 1
        if size * times > _MAX_JOBSPECS_BYTES:
            raise _too_large(_MAX_JOBSPECS_BYTES, "bytes")
        if (size + memory) * times > _MAX_KEPT_BYTES:
            raise _too_large(_MAX_KEPT_BYTES, "bytes in the memory of Flux")
        if number == 0:
            await room(min(length * distinct, _MAX_JOBSPECS_BYTES))
        built.warn(warnings)
        built.jobs.append(member)
        same = (fields, member) if raw is None and marks is None else None
    if wrong:
        raise ValidationFailed(wrong[:_MAX_ERRORS])
    return built


def _too_large(limit: int, unit: str) -> BodyTooLarge:
    return BodyTooLarge(
        f"The jobspecs of these jobs have more than {limit} {unit} in all; submit the jobs in "
        "several requests."
    )


async def _answer(
    request: web.Request, results: list[int | FluxapiError], built: _Built, group: str | None
) -> web.Response:
    failed = [result for result in results if isinstance(result, FluxapiError)]
    if len(failed) == len(results) and all(isinstance(e, InstanceUnavailable) for e in failed):
        raise next((error for error in failed if isinstance(error, OutcomeUnknown)), failed[0])
    submitted = len(results) - len(failed)
    parts: list[bytes] = []
    async for part in _rows(results, built.warnings, request[keys.BASE]):
        parts.append(part)  # noqa: PERF401 - a comprehension would not read better
    message = f"{submitted} {'job' if submitted == 1 else 'jobs'} submitted."
    if failed:
        message = f"{message[:-1]}, {len(failed)} refused."
    if built.lacks_warnings:
        message += " More warnings are left out."
    tail: dict[str, Any] = {"submitted": submitted, "failed": len(failed), "Message": message}
    if group is not None:
        tail["group"] = group
    body = b'{"jobs":[' + b",".join(parts) + b"]," + json_bytes(tail)[1:]
    return reply(body, status=207 if failed else 201)


async def _rows(
    results: list[int | FluxapiError], warnings: Mapping[int, list[Message]], base: str
) -> AsyncIterator[bytes]:
    turn = TimeSlice()
    for index, result in enumerate(results):
        await turn.share()
        if isinstance(result, int) and index in warnings:
            yield json_bytes({"id": encode_f58(result), **warned(warnings[index])})
        elif isinstance(result, int):
            yield b'{"id":"%s"}' % encode_f58(result).encode()
        else:
            yield json_bytes({"error": result.problem(base)})
