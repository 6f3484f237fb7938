"""Children: opened once for all who ask, closed for others, bounded, and told apart."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest

from fluxapi.errors import (
    FluxapiError,
    InstanceEnded,
    InstanceNotFound,
    InstanceUnavailable,
    TooManyInstances,
)
from fluxapi.instance.protocol import (
    ChildPlace,
)
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.message import Message, text_of
from fluxapi.sessions import children as module
from fluxapi.sessions.child import canonical_path
from fluxapi.sessions.session import ROOT
from tests.handlers.fake import FakeInstance

from .broker import JOBSPEC, FakeBroker
from .tree import Plant

IDS = [number << 24 for number in range(1, 8)]
PATHS = ["f5Uq6e", "fAXe5h", "fFaTMm"]


async def test_requests_for_one_child_share_one_opening(plant: Plant) -> None:
    tree = await plant()
    path = await tree.launch(IDS[0])
    sessions = await asyncio.gather(*(tree.open(path) for _ in range(20)))
    assert len(set(sessions)) == 1
    assert len(tree.root.children) == 1
    assert tree.root.places == [ChildPlace(IDS[0], "x", "0", "node0")]
    child = tree.children.get(path)
    assert child is not None
    assert (child.state, child.users) == ("ready", 0)


async def test_a_child_of_a_child_keeps_its_parent_open(plant: Plant) -> None:
    tree = await plant(idle_timeout=0.0)
    path = await tree.launch(IDS[0])
    async with tree.children.using(path):
        below = await tree.launch(IDS[1], tree.root.children[0])
        async with tree.children.using(below) as session:
            assert session.path == below
    parent, child = tree.children.get(path), tree.children.get(below)
    assert parent is not None
    assert child is not None
    assert (parent.users, child.users) == (1, 0)
    await tree.children.close_idle()
    await tree.children.close_idle()
    assert [s.path for s in tree.registry] == [ROOT]


async def test_the_whole_path_opens_at_once(plant: Plant) -> None:
    tree = await plant()
    path = await tree.launch(IDS[0])
    child = FakeBroker()
    child.launch(IDS[1])
    tree.root.next_children.append(child)
    session = await tree.open(f"{path}/{canonical_path(str(IDS[1]))}")
    assert [s.path for s in tree.registry] == [ROOT, path, session.path]


async def test_the_child_that_was_used_least_recently_is_closed_for_another(plant: Plant) -> None:
    tree = await plant(open=2)
    first, second, third = [await tree.launch(jobid) for jobid in IDS[:3]]
    await tree.open(first)
    await tree.open(second)
    await tree.open(first)
    await tree.open(third)
    assert {s.path for s in tree.registry} == {ROOT, first, third}
    assert tree.root.children[1].closed == 1


async def test_a_child_that_closes_slowly_is_closed_to_the_end(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = await plant(open=2, open_timeout=0.1)
    above = await tree.launch(IDS[0])
    async with tree.children.using(above):
        below = await tree.launch(IDS[1], tree.root.children[0])
        session = await tree.open(below)
    parent = tree.children.get(above)
    assert parent is not None
    may_close = asyncio.Event()
    close = session.idempotency.aclose

    async def close_slowly() -> None:
        await may_close.wait()
        await close()

    monkeypatch.setattr(session.idempotency, "aclose", close_slowly)
    other = await tree.launch(IDS[2])
    with pytest.raises(InstanceUnavailable, match=r"still being opened|was not open within"):
        await tree.open(other)
    opening = tree.children.get(other)
    assert opening is not None
    assert opening.opening is not None
    await opening.opening
    assert (parent.users, session.journal.is_running) == (1, True)
    may_close.set()
    await asyncio.wait_for(session.journal.ended(), 10)
    while parent.users:  # noqa: ASYNC110 - it is left in steps
        await asyncio.sleep(0)
    assert not any(task.is_running for task in session.tasks)


async def test_a_child_in_use_is_not_closed_for_another(plant: Plant) -> None:
    tree = await plant(open=1)
    first, second = [await tree.launch(jobid) for jobid in IDS[:2]]
    async with tree.children.using(first):
        with pytest.raises(TooManyInstances, match="--max-children"):
            await tree.open(second)
    await tree.open(second)
    assert {s.path for s in tree.registry} == {ROOT, second}


async def test_a_child_that_nobody_uses_is_closed_after_a_while(plant: Plant) -> None:
    tree = await plant(idle_timeout=60.0)
    path = await tree.launch(IDS[0])
    async with tree.children.using(path):
        pass
    child = tree.children.get(path)
    assert child is not None
    await tree.children.close_idle()
    assert child.session is not None
    child.used_at -= 61
    async with tree.children.using(path):
        await tree.children.close_idle()
        assert child.session is not None, "it is in use"
    child.used_at -= 61
    await tree.children.close_idle()
    assert tree.children.get(path) is None
    await tree.open(path)
    assert len(tree.root.children) == 2


async def test_the_reaper_closes_children(plant: Plant) -> None:
    tree = await plant(idle_timeout=0.0)
    path = await tree.launch(IDS[0])
    session = await tree.open(path)
    tree.children.reaper.start()
    await session.journal.ended()
    while tree.children.get(path) is not None:  # noqa: ASYNC110 - it closes in steps
        await asyncio.sleep(0)


async def test_a_child_that_hangs_is_given_up(plant: Plant) -> None:
    tree = await plant(open_timeout=0.05)
    path = await tree.launch(IDS[0])
    silent = FakeBroker()
    silent.may_start.clear()
    tree.root.next_children.append(silent)
    with pytest.raises(InstanceUnavailable, match=r"still being opened|was not open within"):
        await tree.open(path)
    child = tree.children.get(path)
    assert child is not None
    assert child.opening is not None
    await child.opening
    assert child.state == "unreachable"
    assert "--child-open-timeout" in text_of(child.problem or "")
    assert silent.closed == 1
    # It is not asked again at once.
    with pytest.raises(InstanceUnavailable, match="--child-open-timeout"):
        await tree.open(path)
    assert len(tree.root.children) == 1
    child.retry_at = time.monotonic()
    await tree.open(path)
    assert tree.children.get(path).state == "ready"  # type: ignore[union-attr] # it is there


async def test_the_pause_after_a_failure_grows(plant: Plant) -> None:
    tree = await plant()
    path = await tree.launch(IDS[0])
    pauses = []
    for _ in range(8):
        failing = FakeBroker()
        failing.error = InstanceUnavailable("There is no way.")
        tree.root.next_children.append(failing)
        with pytest.raises(InstanceUnavailable, match="There is no way"):
            await tree.open(path)
        child = tree.children.get(path)
        assert child is not None
        pauses.append(round(child.retry_at - time.monotonic()))
        child.retry_at = 0.0
    assert pauses == sorted(pauses)
    assert pauses[-1] <= 60


@pytest.mark.parametrize(
    ("how", "kind", "reason"),
    [
        ({"uri": None}, InstanceNotFound, "is not known to be a Flux instance"),
        ({"userid": 4_000_000}, InstanceUnavailable, "only that user can open"),
    ],
)
async def test_jobs_that_cannot_be_opened(
    plant: Plant, how: dict[str, Any], kind: type[FluxapiError], reason: str
) -> None:
    tree = await plant()
    path = await tree.launch(IDS[0], **how)
    with pytest.raises(kind, match=reason):
        await tree.open(path)
    assert tree.root.places == []


async def test_paths_without_a_job(plant: Plant) -> None:
    tree = await plant(depth=2)
    with pytest.raises(InstanceNotFound, match="no job fAXe5h"):
        await tree.open("fAXe5h")
    with pytest.raises(InstanceNotFound, match=r"3 levels deep.*--max-child-depth"):
        await tree.open("/".join(PATHS))
    assert list(tree.children) == []


async def test_only_a_broker_has_children(plant: Plant) -> None:
    tree = await plant(FakeInstance())
    with pytest.raises(InstanceNotFound, match="not a Flux broker"):
        await tree.open("fAXe5h")


async def test_no_children_are_opened_if_none_are_allowed(plant: Plant) -> None:
    tree = await plant(open=0)
    path = await tree.launch(IDS[0])
    with pytest.raises(InstanceNotFound, match="--max-children 0"):
        await tree.open(path)


async def test_the_rows_of_a_child_stay_after_its_end(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LAST_EVENTS_TIMEOUT_S", 0.0)
    tree = await plant(idle_timeout=0.0)
    path = await tree.launch(IDS[0])
    async with tree.children.using(path) as session:
        broker = tree.root.children[0]
        broker.launch(IDS[1], uri=None)
        await session.journal.waiters.wait(IDS[1], lambda job: job is not None, 30)
        tree.root.finish(IDS[0])
        child = tree.children.get(path)
        assert child is not None
        assert child.watching is not None
        await child.watching
        assert child.state == "ended"
        assert (
            session.ended == child.problem == Message("reasons", "job_ended", {"job": child.jobid})
        )
        assert session.problem == text_of(session.ended)
        assert "has ended" in text_of(session.ended)
        assert broker.closed == 1
        assert session.table.get(IDS[1]) is not None
        async with tree.children.using(path) as again:
            assert again is session
    await tree.children.close_idle()
    with pytest.raises(InstanceNotFound, match="has ended"):
        await tree.open(path)


async def test_a_child_that_ends_while_it_opens(plant: Plant) -> None:
    tree = await plant()
    path = await tree.launch(IDS[0])
    dying = FakeBroker()
    dying.may_start.clear()
    dying.error = InstanceUnavailable("The connection is lost.")
    tree.root.next_children.append(dying)
    opening = asyncio.create_task(tree.open(path))
    await dying.starting.wait()
    tree.root.finish(IDS[0])
    root = tree.registry.root
    await root.journal.waiters.wait(IDS[0], lambda job: job is not None and job.is_inactive, 30)
    dying.may_start.set()
    with pytest.raises(InstanceNotFound, match="has ended"):
        await opening
    child = tree.children.get(path)
    assert child is not None
    assert child.state == "ended"


async def test_children_below_an_instance_that_ends_end_too(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LAST_EVENTS_TIMEOUT_S", 0.0)
    monkeypatch.setattr(module, "_MIN_RETRY_PAUSE_S", 0.0)
    tree = await plant()
    path = await tree.launch(IDS[0])
    async with tree.children.using(path):
        below = await tree.launch(IDS[1], tree.root.children[0])
        async with tree.children.using(below) as session:
            tree.root.finish(IDS[0])
            child = tree.children.get(below)
            assert child is not None
            assert child.watching is not None
            await child.watching
            assert session.ended == Message("reasons", "parent_ended")
            with pytest.raises(InstanceNotFound, match="has ended"):
                await tree.open(f"{path}/{canonical_path(str(IDS[2]))}")


async def test_a_child_with_too_many_jobs_is_closed_and_says_so(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LAST_EVENTS_TIMEOUT_S", 0.0)
    tree = await plant(capacity=3)
    path = await tree.launch(IDS[0])
    session = await tree.open(path)
    for jobid in IDS[1:6]:
        tree.root.children[0].launch(jobid)
    child = tree.children.get(path)
    assert child is not None
    assert child.watching is not None
    await child.watching
    assert "--max-child-jobs" in text_of(session.ended or "")
    assert len(session.table) <= 5
    assert tree.registry.root.ended is None


async def test_a_child_that_floods_while_it_opens_is_not_opened(plant: Plant) -> None:
    tree = await plant(capacity=3)
    path = await tree.launch(IDS[0])
    flood = FakeBroker()
    submit = Event(1.0, "submit", {"userid": 0, "urgency": 16, "flags": 0, "version": 1})
    flood.backlog = [JournalMessage(jobid, [submit], JOBSPEC) for jobid in IDS]
    tree.root.next_children.append(flood)
    with pytest.raises(InstanceUnavailable, match="--max-child-jobs"):
        await tree.open(path)
    assert flood.closed == 1


async def test_closing_cancels_what_is_being_opened(plant: Plant) -> None:
    tree = await plant()
    path = await tree.launch(IDS[0])
    silent = FakeBroker()
    silent.may_start.clear()
    tree.root.next_children.append(silent)
    opening = asyncio.create_task(tree.open(path))
    await silent.starting.wait()
    await tree.children.aclose()
    with pytest.raises((asyncio.CancelledError, InstanceUnavailable)):
        await opening
    assert silent.closed == 1
    with pytest.raises(FluxapiError, match="opens no more"):
        await tree.open(await tree.launch(IDS[1]))


def test_an_instance_that_has_ended_is_a_conflict() -> None:
    assert InstanceEnded("x").status == 409


@pytest.mark.parametrize(
    ("path", "canonical"), [("f112", "f2"), ("f2/fA1b", "f2/fA1b"), ("fA1b/f12", "fA1b/f2")]
)
def test_one_job_has_one_path(path: str, canonical: str) -> None:
    assert canonical_path(path) == canonical


def test_a_number_that_is_too_large_is_no_path() -> None:
    with pytest.raises(InstanceNotFound):
        canonical_path("f2/fzzzzzzzzzzzz")


async def test_a_client_uses_no_more_than_its_share(plant: Plant) -> None:
    tree = await plant(open=4)
    paths = [await tree.launch(jobid) for jobid in IDS[:5]]
    async with AsyncExitStack() as uses:
        for path in (*paths[:3], paths[0]):
            await uses.enter_async_context(tree.children.using(path, "viewer"))
        with pytest.raises(TooManyInstances, match="uses 3 child instances, its share"):
            await uses.enter_async_context(tree.children.using(paths[3], "viewer"))
        async with tree.children.using(paths[3], "owner"):
            # One that is open for another client counts, too, since it would stay open.
            with pytest.raises(TooManyInstances, match="share"):
                await uses.enter_async_context(tree.children.using(paths[3], "viewer"))
    async with tree.children.using(paths[4], "viewer"):
        pass


async def test_a_client_uses_one_instance_however_deep_it_is(plant: Plant) -> None:
    tree = await plant(open=4)
    path, broker = "", tree.root
    async with AsyncExitStack() as uses:
        for jobid in IDS[:4]:
            path = await tree.launch(jobid, broker)
            await tree.open(path)
            broker = broker.children[0]
        other = await tree.launch(IDS[5])
        await uses.enter_async_context(tree.children.using(path, "viewer"))
        with pytest.raises(TooManyInstances, match="uses 4 child instances"):
            await uses.enter_async_context(tree.children.using(other, "viewer"))
