"""Requests with one Idempotency-Key: those at the same time, and jobs that are on their way."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.errors import IdempotencyMismatch
from fluxapi.model.eventlog import Event, JournalMessage, Purged
from fluxapi.model.jobid import JOBID_ANY
from fluxapi.model.keymark import KeyMark, KeySigner
from fluxapi.sessions.idempotency import IdempotencyStore
from fluxapi.table.table import Table
from tests.model.test_job import JOBSPEC


async def nothing() -> None:
    """Stand in for an instance that has settled."""


async def test_one_bulk_request_of_a_key_has_its_turn_at_a_time() -> None:
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


@pytest.mark.parametrize("bulk", [False, True])
async def test_a_purged_job_does_not_hold_its_key(
    table: Table, signer: KeySigner, *, bulk: bool
) -> None:
    keys = IdempotencyStore(table, 10, nothing)

    async def submit() -> int:
        return 2

    if bulk:
        keys.remember(MARK, 1)
    else:
        await keys.once(MARK, lambda: asyncio.sleep(0, 1))
        await asyncio.sleep(0)
    table.begin_replay()
    table.feed([submitted(1, signer), SENTINEL])
    assert keys.known(MARK) == 1
    table.feed([Purged([1])])
    assert await keys.once(MARK, submit) == (2, False)
    await asyncio.sleep(0)
    assert await keys.once(MARK, submit) == (2, True)
