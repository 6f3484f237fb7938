"""Commands on an instance below that does not answer anymore, or has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.errors import InstanceUnavailable
from fluxapi.http import keys
from fluxapi.model.jobid import encode_f58
from fluxapi.model.times import fsd, short_date
from fluxapi.settings import Settings
from tests.sessions.broker import FakeBroker
from tests.waiting import poll_until

from .program import Done, Program

CHILD, BELOW, EMPTY = (number << 24 for number in (1, 2, 3))
PATH, INNER = encode_f58(CHILD), encode_f58(BELOW)


class Site:
    """A service in front of a broker with an instance, which has a job that is one, too."""

    def __init__(self, app: Any, broker: FakeBroker, child: FakeBroker, run: Program) -> None:
        self.sessions = app[keys.SESSIONS]
        self.tree = app[keys.TREE]
        self.broker = broker
        self.child = child
        self.program = run

    async def run(self, *words: str) -> Done:
        """Run a command as a process, beside the service."""
        return await asyncio.to_thread(self.program.process, *words)

    def record(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.tree.find(path).record()
        return found

    async def until(self, holds: Callable[[], bool]) -> None:
        async def check() -> bool:
            return holds()

        await poll_until(check)

    async def lose(self) -> float:
        """Lose the instance, and return the time since which it is lost."""
        self.child.lose()
        await self.until(lambda: "lost_since" in self.record(PATH))
        since: float = self.record(PATH)["lost_since"]
        return since


@pytest.fixture
async def site(aiohttp_client: AiohttpClient, tmp_path: Path) -> Site:
    broker, child = FakeBroker(), FakeBroker()
    broker.next_children.append(child)
    # Instances open only on request.
    settings = Settings(follow_children=0)
    client = await aiohttp_client(create_app(settings, broker, stop=lambda: None))
    broker.launch(CHILD)
    child.launch(BELOW)
    assert client.app is not None
    found = Site(client.app, broker, child, Program(str(client.make_url("")).rstrip("/"), tmp_path))
    journal = found.sessions.root.journal
    await journal.waiters.wait(CHILD, lambda job: job is not None and bool(job.annotations), 30)
    async with client.get(f"/v1/instances/{PATH}/jobs") as answer:
        assert answer.status == 200
    below = found.sessions.find(PATH).journal
    await below.waiters.wait(BELOW, lambda job: job is not None and bool(job.annotations), 30)
    return found


def runtime(site: Site, end: float) -> str:
    return fsd(end - site.sessions.find(PATH).table.get(BELOW).t_run)


async def test_the_jobs_of_a_lost_instance_are_those_of_then(site: Site) -> None:
    since = await site.lose()
    told = f"The instance {PATH} has not answered since {short_date(since)}: its jobs are shown"
    words = ["-no", "{id} {runtime!F}", f"--instance={PATH}"]
    listed, watched, top, tree = await asyncio.gather(
        site.run("jobs", *words),
        site.run("watch", *words, "--active", "--lines=1"),
        site.run("top", "--once", PATH),
        site.run("jobs", "-Rno", "{id} {runtime!F}"),
    )
    line = f"{INNER} {runtime(site, since)}"
    for done in (listed, watched):
        assert (done.status, done.out) == (0, f"{line}\n"), done
    assert line in tree.out
    assert runtime(site, since) in top.out
    for done in (listed, watched, top, tree):
        assert told in done.err, done


async def test_the_jobs_of_a_lost_root_are_those_of_then(site: Site) -> None:
    site.broker.lose()
    await site.until(lambda: "lost_since" in site.record(""))
    since = site.record("")["lost_since"]
    listed, groups, top, tree = await asyncio.gather(
        site.run("jobs", "-no", "{id} {runtime!F}"),
        site.run("groups"),
        site.run("top", "--once"),
        site.run("pstree", "-nL0", "--detail-format={runtime!F}"),
    )
    runtime = fsd(since - site.sessions.root.table.get(CHILD).t_run)
    assert listed.out == f"{PATH} {runtime}\n"
    assert runtime in top.out
    assert runtime in tree.out
    for done in (listed, groups, top, tree):
        assert done.status == 0
        assert f"The instance has not answered since {short_date(since)}: its jobs" in done.err


async def test_a_watch_tells_the_loss_when_it_comes(site: Site) -> None:
    words = ("watch", "--active", "-no", "{id}", f"--instance={PATH}")
    with site.program.start(*words) as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        assert await asyncio.to_thread(watch.stdout.readline) == f"{INNER}\n"
        await site.lose()
        told = await asyncio.to_thread(watch.stderr.readline)
        watch.kill()
    assert "has not answered since" in told


async def test_an_instance_without_jobs_that_has_ended(site: Site) -> None:
    site.broker.launch(EMPTY)
    journal = site.sessions.root.journal
    await journal.waiters.wait(EMPTY, lambda job: job is not None and bool(job.annotations), 30)
    path = encode_f58(EMPTY)
    await site.run("jobs", f"--instance={path}")
    site.broker.finish(EMPTY)
    await site.until(lambda: site.record(path)["state"] == "ended")
    listed, one = await asyncio.gather(
        site.run("jobs", "-an", f"--instance={path}", "--retries=0"),
        site.run("job", "f9", f"--instance={path}", "--retries=0"),
    )
    assert (listed.status, listed.out) == (0, "")
    assert (one.status, "There is no job f9." in one.err) == (1, True)


async def test_an_instance_that_has_ended_and_those_below_it(site: Site) -> None:
    # The job below is one, too, whose broker is gone before the job of its parent ends.
    gone = FakeBroker()
    gone.error = InstanceUnavailable("Nobody answers.")
    site.child.next_children.append(gone)
    below = f"{PATH}/{INNER}"
    done = await site.run("jobs", f"--instance={below}", "--retries=0")
    assert "Nobody answers." in done.err
    assert site.record(below)["state"] == "unreachable"
    await site.lose()
    site.broker.finish(CHILD)
    await site.until(lambda: site.record(PATH)["state"] == "ended")
    end = site.record(PATH)["t_end"]
    listed, inner = await asyncio.gather(
        site.run("jobs", "-no", "{runtime!F}", f"--instance={PATH}"),
        site.run("jobs", f"--instance={below}", "--retries=0"),
    )
    told = f"The instance {PATH} ended at {short_date(end)}: its jobs are shown"
    assert (listed.status, listed.out) == (0, f"{runtime(site, end)}\n")
    assert told in listed.err
    assert inner.status == 1
    assert inner.err.endswith(f"The instance at {PATH} has ended.\n")
    record = site.record(below)
    assert (record["state"], record["t_end"]) == ("ended", end)
    assert "remedy" not in record
