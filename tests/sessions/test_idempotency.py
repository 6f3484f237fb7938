"""Requests with one Idempotency-Key: those at the same time, and jobs that are on their way."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from fluxapi.errors import IdempotencyMismatch, OutcomeUnknown
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import Event, JournalMessage, Purged, Resync
from fluxapi.model.jobid import JOBID_ANY
from fluxapi.model.keymark import KeyMark, KeySigner
from fluxapi.sessions.idempotency import IdempotencyStore
from fluxapi.sessions.submitter import MarkedSubmission, Submitter
from fluxapi.table.table import Table
from tests.model.test_job import JOBSPEC


class Accepting:
    """An instance that accepts every job; a test holds its answers back, or has it fail."""

    def __init__(self) -> None:
        self.ids = itertools.count(1)
        self.asked = asyncio.Event()
        self.answering = asyncio.Event()
        self.answering.set()
        self.error: OutcomeUnknown | None = None

    async def submit(self, submissions: Sequence[Submission]) -> list[int]:
        self.asked.set()
        await self.answering.wait()
        if self.error is not None:
            raise self.error
        return [next(self.ids) for _ in submissions]


class Shown:
    """A journal for whose jobs nobody waits."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.waiters = self
        self.waits = 0

    async def wait(self, *_: Any) -> None:
        self.waits += 1


async def nothing() -> None:
    """Stand in for an instance that has settled."""


async def test_one_request_of_a_key_is_processed_at_a_time() -> None:
    keys, inside, most = IdempotencyStore(Table(), 10, nothing), 0, 0

    async def request() -> None:
        nonlocal inside, most
        async with keys.turn("k"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    # They come while others wait, have their turn and leave.
    requests = []
    for _ in range(20):
        requests.append(asyncio.create_task(request()))
        await asyncio.sleep(0)
    await asyncio.gather(*requests)
    assert most == 1
    assert not keys._turns


SENTINEL = JournalMessage(JOBID_ANY, [])
MARK = KeyMark("k", "d")
JOB = [MarkedSubmission(Submission(b"{}"), MARK)]


def submitted(jobid: int, signer: KeySigner) -> JournalMessage:
    """Return the backlog of a job that was submitted with the key."""
    events = [Event(1.0, "submit", {"userid": 0, "urgency": 16, "version": 1})]
    jobspec = {**JOBSPEC, "attributes": {"user": {"fluxapi": signer.sign(MARK)}}}
    return JournalMessage(jobid, events, jobspec)


@pytest.fixture
def signer() -> KeySigner:
    return KeySigner(owner=0)


@pytest.fixture
def table(signer: KeySigner) -> Table:
    table = Table(signer=signer)
    table.feed([SENTINEL])
    return table


async def test_a_job_that_the_journal_has_yet_to_show_is_known(table: Table) -> None:
    keys = IdempotencyStore(table, 10, nothing)
    keys.remember(MARK, 1)
    assert keys.known(MARK) == 1
    with pytest.raises(IdempotencyMismatch):
        keys.known(KeyMark("k", "other"))


async def test_a_job_that_a_crashed_broker_forgot_can_be_submitted_again(table: Table) -> None:
    keys = IdempotencyStore(table, 10, nothing)
    keys.remember(MARK, 1)
    table.begin_replay()
    table.feed([SENTINEL])
    assert keys.known(MARK) is None


async def test_a_backlog_that_began_before_the_job_does_not_tell_of_it(table: Table) -> None:
    keys = IdempotencyStore(table, 10, nothing)
    table.begin_replay()
    keys.remember(MARK, 1)
    table.feed([SENTINEL])
    assert keys.known(MARK) == 1
    table.begin_replay()
    table.feed([SENTINEL])
    assert keys.known(MARK) is None


async def test_a_purged_job_holds_its_key(table: Table, signer: KeySigner) -> None:
    keys = IdempotencyStore(table, 10, nothing)
    instance = Accepting()
    submitter = Submitter(instance, Shown(table), keys)  # type: ignore[arg-type]
    assert await submitter.submit("k", JOB) == ([1], 0)
    table.begin_replay()
    table.feed([submitted(1, signer), SENTINEL])
    assert await submitter.submit("k", JOB) == ([1], 1)
    table.feed([Purged([1])])
    assert await submitter.submit("k", JOB) == ([1], 1)
    table.feed([Resync(), SENTINEL])
    assert await submitter.submit("k", JOB) == ([1], 1)


async def test_a_lost_job_does_not_hold_its_key(table: Table, signer: KeySigner) -> None:
    keys = IdempotencyStore(table, 10, nothing)
    submitter = Submitter(Accepting(), Shown(table), keys)  # type: ignore[arg-type]
    assert await submitter.submit("k", JOB) == ([1], 0)
    table.feed([SENTINEL, submitted(1, signer), Resync(), SENTINEL])
    assert await submitter.submit("k", JOB) == ([2], 0)
    assert await submitter.submit("k", JOB) == ([2], 1)
    assert submitter.submitted == 2


async def test_a_job_that_was_purged_before_the_journal_showed_it_holds_its_key(
    table: Table,
) -> None:
    keys = IdempotencyStore(table, 10, nothing)
    submitter = Submitter(Accepting(), Shown(table), keys)  # type: ignore[arg-type]
    table.feed([SENTINEL])
    assert await submitter.submit("k", JOB) == ([1], 0)
    for _ in range(3):
        table.feed([Resync(is_same=True), SENTINEL])
    assert await submitter.submit("k", JOB) == ([1], 1)
    table.feed([Resync(), SENTINEL])
    assert await submitter.submit("k", JOB) == ([2], 0)


async def test_the_first_job_of_two_services_holds_the_key(table: Table, signer: KeySigner) -> None:
    keys = IdempotencyStore(table, 10, nothing)
    table.feed([SENTINEL])
    keys.remember(MARK, 2)
    assert keys.known(MARK) == 2
    table.feed([submitted(1, signer), submitted(2, signer)])
    assert keys.known(MARK) == 1


async def test_nobody_waits_for_a_purged_job_to_appear(table: Table, signer: KeySigner) -> None:
    shown = Shown(table)
    submitter = Submitter(Accepting(), shown, IdempotencyStore(table, 10, nothing))  # type: ignore[arg-type]
    table.feed([SENTINEL, submitted(1, signer), Purged([1])])
    assert await submitter.submit("k", JOB) == ([1], 1)
    assert not shown.waits


async def test_a_submission_is_recorded_when_its_request_is_canceled(table: Table) -> None:
    instance = Accepting()
    keys = IdempotencyStore(table, 10, nothing)
    submitter = Submitter(instance, Shown(table), keys)  # type: ignore[arg-type]
    instance.answering.clear()
    request = asyncio.create_task(submitter.submit("k", JOB))
    await instance.asked.wait()
    request.cancel()
    await asyncio.wait({request})
    assert request.cancelled()
    instance.answering.set()
    assert await submitter.submit("k", JOB) == ([1], 1)


async def test_a_submission_that_fails_with_an_unknown_outcome_is_settled_first(
    table: Table,
) -> None:
    settled: list[None] = []

    async def settle() -> None:
        settled.append(None)

    instance = Accepting()
    keys = IdempotencyStore(table, 10, settle)
    submitter = Submitter(instance, Shown(table), keys)  # type: ignore[arg-type]
    instance.error = OutcomeUnknown("It did not answer.")
    with pytest.raises(OutcomeUnknown):
        await submitter.submit("k", JOB)
    instance.error = None
    before = len(settled)
    assert await submitter.submit("k", JOB) == ([1], 0)
    assert len(settled) == before + 1


async def test_jobs_that_the_journal_has_shown_are_not_remembered_twice(
    table: Table, signer: KeySigner
) -> None:
    keys = IdempotencyStore(table, 10, nothing)
    keys.remember(MARK, 1)
    table.feed([submitted(1, signer)])
    keys.remember(KeyMark("other", "d"), 2)
    assert list(keys._owed) == ["other"]
