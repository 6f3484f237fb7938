"""Groups of jobs in front of both instances, as a user has them."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from fluxapi.client import AsyncClient, Group, NotFound
from tests.running import Service, flux_instance, needs_flux, service

MANY = 100
SIMULATED = {"command": "true", "attributes": {"exec.test.run_duration": "0.001s"}}
"""A job that runs no program: a real Flux needs 40 ms of a processor for one that does."""


@pytest.fixture
def name() -> str:
    """Return the name of a group that no other test uses."""
    return f"sweep {uuid.uuid4().hex}/1"


async def test_a_bulk_submission_in_parts_is_one_group(running: Service) -> None:
    async with AsyncClient(running.url) as flux:
        items = [item async for item in flux.submit_many([SIMULATED] * MANY, chunk=MANY // 3)]
        (id,) = {item.group for item in items}
        assert id is not None
        group = await flux.wait_group(id)
        assert (group.total, group.active, group.progress) == (MANY, 0, 1.0)
        assert group.results == {"COMPLETED": MANY}
        assert group.t_first_submit
        assert group.t_last_inactive
        assert group.t_first_submit <= group.t_last_inactive
        assert {job.id async for job in flux.jobs(group=id)} == {item.id for item in items}
        assert [it async for it in flux.groups(limit=1)] == [group]


async def test_a_named_group(running: Service, name: str) -> None:
    async with AsyncClient(running.url) as flux:
        bad = await flux.submit("false", group=name)
        items = await flux.bulk(["sleep", "600"], copies=3, group=name)
        assert (await flux.wait_group(name, until="any")).results == {"FAILED": 1}
        group = await flux.group(name)
        assert (group.name, group.id, group.failed) == (name, items[0].group, 1)
        with pytest.raises(TimeoutError, match="3 jobs"):
            await flux.wait_group(name, timeout=0.0)
        assert (await flux.cancel_many(group=name)).requested == 3
        group = await flux.wait_group(group.id)
        assert group.results == {"FAILED": 1, "CANCELED": 3}
        assert (await flux.get(bad)).group_name == name
        assert group not in [it async for it in flux.groups(active=True)]
        assert [it async for it in flux.groups(text=name.upper())] == [group]


async def test_events_of_a_group(running: Service, name: str) -> None:
    async with AsyncClient(running.url) as flux:
        async with flux.events(group=name) as events, flux.watch(group=name) as watch:
            await watch.ready()
            await flux.submit("true")
            job = await flux.submit("true", group=name)
            seen = []
            async for event in events:
                seen.append((event.id, event.name))
                if event.name == "clean":
                    break
            assert {id for id, _ in seen} == {job}
            assert seen[0] == (job, "submit")
            async for change in watch:
                assert change.id == job
                if change.job is not None and not change.job.is_active:
                    break
        assert watch.mismatches == 0


async def test_no_such_group(running: Service) -> None:
    async with AsyncClient(running.url) as flux:
        with pytest.raises(NotFound, match="purged"):
            await flux.group("no group has this name")


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param("flux", marks=needs_flux), "embedded"])
async def test_groups_survive_a_restart_and_tell_of_purged_jobs(kind: str, tmp_path: Path) -> None:
    with ExitStack() as running:
        if kind == "embedded":
            begin = partial(service, "--instance=embedded", f"--statedir={tmp_path}")
        else:
            begin = partial(service, FLUX_URI=running.enter_context(flux_instance(1)))
        with begin() as first:
            async with AsyncClient(first.url) as flux:
                await flux.bulk("true", copies=5, group="sweep")
                (item, *_) = await flux.bulk(["sh", "-c", "exit 3"], cc="0-2")
                assert item.group is not None
                before = [await flux.wait_group(it) for it in ("sweep", item.group)]
        with begin() as second:
            async with AsyncClient(second.url) as flux:
                assert await flux.ready()
                assert [await flux.group(it) for it in ("sweep", item.group)] == before
                assert [it async for it in flux.groups()] == before[::-1]


def test_a_group_is_shown() -> None:
    group = Group(
        id="g0123456789abcde", userid=0, username="root", total=3, active=1, purged=0,
        progress=2 / 3, states={}, results={"COMPLETED": 1, "FAILED": 1},
    )  # fmt: skip
    assert group.is_active
    assert group.failed == 1
    assert hash(group) == hash(group)
