"""Instances within instances, on a real Flux."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.channel.conftest import session
from tests.channel.reader import Events, Jobs, Reader
from tests.channel.site import Site
from tests.running import Service, flux, service
from tests.waiting import ended, poll_until

from .tree import as_flux_says, child_uri, eventlogs, launch, submit

__all__ = ["session"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class Tree(Site):
    """A service in front of a tree of instances."""

    def follow(self, path: str, held: Any, wire: str = "socket", **options: Any) -> Reader[Any]:
        """Return a reader of the instance at *path* to enter."""
        return Reader(self.session, self.url, wire, held, instance=path, **options)

    async def rows(self, path: str) -> dict[str, dict[str, Any]]:
        """Return the jobs of an instance, in the form of :func:`as_flux_says`."""
        address = f"{place(path)}/jobs?limit=1000"
        page = await self.get(address)
        jobs = page["jobs"]
        while page["next"] is not None:
            page = await self.get(f"{address}&page={page['next']}")
            jobs += page["jobs"]
        names = ("state", "name", "t_submit", "ntasks")
        return {job["id"]: {name: job.get(name) for name in names} for job in jobs}

    async def status(self, path: str) -> int:
        """Return the status of a request to the instance at *path*."""
        async with self.session.get(f"{self.url}{place(path)}/stats") as answer:
            return answer.status

    async def problem(self, path: str) -> tuple[int, str]:
        """Return the status and the detail of an error of the instance at *path*."""
        async with self.session.get(f"{self.url}{place(path)}/stats") as answer:
            return answer.status, (await answer.json())["detail"]


def lie(uri: str, how: str) -> str:
    """Run a job that claims to be an instance, and return its ID."""
    program = Path(__file__).with_name("liar.py")
    (jobid,) = submit(uri, sys.executable, str(program), how)
    flux(uri, "job", "wait-event", "--timeout=60", jobid, "memo")
    return jobid


def place(path: str) -> str:
    return f"/v1/instances/{path}" if path else "/v1"


@contextlib.contextmanager
def served(uri: str, *flags: str) -> Iterator[Service]:
    # Instances open only on request.
    with service("--follow-children=0", *flags, FLUX_URI=uri) as started:
        started.wait_until_ready()
        yield started


@pytest.fixture(scope="module", params=["local", "parent"])
def running(request: pytest.FixtureRequest, flux_uri: str) -> Iterator[Service]:
    """Return a service that reaches children by one transport only."""
    with served(flux_uri, f"--child-transports={request.param}") as started:
        yield started


@pytest.fixture
async def tree(
    running: Service, session: aiohttp.ClientSession, flux_uri: str
) -> AsyncIterator[Tree]:
    yield Tree(running, session, flux_uri)
    await asyncio.to_thread(cancel_all, flux_uri)


@pytest.fixture
def cancels(flux_uri: str) -> Iterator[None]:
    yield
    cancel_all(flux_uri)


def cancel_all(uri: str) -> None:
    flux(uri, "cancel", "--all", "--quiet")
    flux(uri, "queue", "idle", "--quiet")


async def test_three_levels_tell_what_flux_tells_there(tree: Tree, flux_uri: str) -> None:
    path, uris = "", {"": flux_uri}
    for level in range(3):
        uri = uris[path]
        await asyncio.to_thread(submit, uri, "--cc=1-3", f"--job-name=level-{level}", "true")
        jobid = await asyncio.to_thread(launch, uri)
        path = f"{path}/{jobid}".strip("/")
        uris[path] = await asyncio.to_thread(child_uri, uri, jobid)

    async def is_equal(below: str) -> bool:
        told = await asyncio.to_thread(as_flux_says, uris[below])
        return await tree.rows(below) == told

    # The deepest one first: one request opens all levels.
    for below in reversed(uris):
        await poll_until(lambda below=below: is_equal(below))  # type: ignore[misc]


async def test_events_cursors_and_digests_of_a_child(tree: Tree, flux_uri: str) -> None:
    jobid = await asyncio.to_thread(launch, flux_uri)
    uri = await asyncio.to_thread(child_uri, flux_uri, jobid)
    # Jobs has each digest compared with its rows.
    events, rows = Events(), Jobs()
    async with tree.follow(jobid, events) as reader, tree.follow(jobid, rows) as table:
        await reader.until_mark()
        made = await tree.post(f"{place(jobid)}/jobs", {"command": "hostname"})
        ids = {made["id"], *await asyncio.to_thread(submit, uri, "--cc=1-10", "true")}
        await reader.until(lambda held: ids <= held.clean)
        await table.until(lambda held: ids <= held.inactive)
    more = set(await asyncio.to_thread(submit, uri, "--cc=1-5", "true"))
    async with tree.follow(jobid, events, wire="sse") as reader:
        await reader.until(lambda held: more <= held.clean)
    async with tree.follow(jobid, rows, wire="lines") as table:
        await table.until(lambda held: more <= held.inactive)
        await table.until_mark()
    assert events.resets == rows.resets == []
    assert events.eventlogs(ids | more) == await asyncio.to_thread(eventlogs, uri, ids | more)
    # Routes of one job read and change it in the child.
    async with tree.session.get(f"{tree.url}{place(jobid)}/jobs/{made['id']}/output") as answer:
        assert (await answer.json())["Output"]
    sleeper = (await tree.post(f"{place(jobid)}/jobs", {"command": ["sleep", "inf"]}))["id"]
    await tree.post(f"{place(jobid)}/jobs/{sleeper}/cancel", {})
    waited = await tree.get(f"{place(jobid)}/jobs/{sleeper}/wait")
    assert waited["result"] == "CANCELED"


async def test_a_child_that_is_killed_ends_and_its_rows_stay(tree: Tree, flux_uri: str) -> None:
    jobid = await asyncio.to_thread(launch, flux_uri)
    uri = await asyncio.to_thread(child_uri, flux_uri, jobid)
    ids = set(await asyncio.to_thread(submit, uri, "--cc=1-5", "true"))
    rows = Jobs()
    async with tree.follow(jobid, rows, wire="sse") as table:
        await table.until(lambda held: ids <= held.inactive)
        pid = int(await asyncio.to_thread(flux, uri, "getattr", "broker.pid"))
        os.kill(pid, signal.SIGKILL)
        await table.until(lambda held: held.end is not None)
        assert rows.end == "instance-ended"
    assert set(await tree.rows(jobid)) == ids
    again = Jobs()
    async with tree.follow(jobid, again, wire="sse") as table:
        await table.until(lambda held: held.end is not None)
    assert set(again.rows) == ids
    async with tree.session.post(
        f"{tree.url}{place(jobid)}/jobs", json={"command": "true"}
    ) as answer:
        assert answer.status == 409
        assert (await answer.json())["type"] == "/docs/errors#instance-ended"
    assert await tree.get("/ready") == {"status": "ok"}
    assert jobid in await tree.rows("")


async def test_an_instance_below_a_killed_one_stays_as_it_was(tree: Tree, flux_uri: str) -> None:
    jobid = await asyncio.to_thread(launch, flux_uri, 2)
    uri = await asyncio.to_thread(child_uri, flux_uri, jobid)
    inner = await asyncio.to_thread(launch, uri)
    await asyncio.to_thread(submit, await asyncio.to_thread(child_uri, uri, inner), "true")
    ended = {"total": 1, "states": {"INACTIVE": 1}, "results": {"COMPLETED": 1}}

    async def node(path: str) -> dict[str, Any]:
        found = (await tree.get("/v1/instances?counts=true"))["instances"]
        return next((it for it in found if it["path"] == path), {})

    async def is_counted() -> bool:
        return await tree.status(jobid) == 200 and (
            (await node(f"{jobid}/{inner}")).get("jobs") == ended
        )

    await poll_until(is_counted)
    os.kill(int(await asyncio.to_thread(flux, uri, "getattr", "broker.pid")), signal.SIGKILL)

    async def is_lost() -> bool:
        return "lost_since" in await node(f"{jobid}/{inner}")

    await poll_until(is_lost)
    lost, below = await node(jobid), await node(f"{jobid}/{inner}")
    assert (lost["state"], below["state"]) == ("unreachable", "unreachable")
    assert below["reason"] == f"The instance above it, {jobid}, does not answer."
    assert below["lost_since"] == lost["lost_since"]
    assert below["jobs"] == ended


async def test_a_child_that_ends_while_it_opens(tree: Tree, flux_uri: str) -> None:
    jobid = await asyncio.to_thread(launch, flux_uri)
    uri = await asyncio.to_thread(child_uri, flux_uri, jobid)
    pid = int(await asyncio.to_thread(flux, uri, "getattr", "broker.pid"))
    os.kill(pid, signal.SIGSTOP)
    opening = asyncio.create_task(tree.problem(jobid))

    os.kill(pid, signal.SIGKILL)
    await ended(pid)
    status, detail = await opening
    assert status in {404, 503}
    assert "ended" in detail or "reached" in detail

    async def says_so() -> bool:
        return await tree.problem(jobid) == (404, detail_of_end(jobid))

    await poll_until(says_so)


def detail_of_end(jobid: str) -> str:
    return f"Job {jobid} has ended, and its instance with it."


@pytest.mark.usefixtures("cancels")
async def test_more_children_than_may_be_open(
    flux_uri: str, session: aiohttp.ClientSession
) -> None:
    with served(flux_uri, "--max-children=2") as running:
        tree = Tree(running, session, flux_uri)
        paths = [await asyncio.to_thread(launch, flux_uri) for _ in range(4)]
        # Each opens, and another that is not in use is closed.
        for path in (*paths, *paths):
            assert await tree.status(path) == 200
        held = [Jobs(), Jobs()]
        async with (
            tree.follow(paths[0], held[0]) as first,
            tree.follow(paths[1], held[1]) as second,
        ):
            await first.until_mark()
            await second.until_mark()
            status, detail = await tree.problem(paths[2])
            assert status == 503
            assert "--max-children" in detail
            assert await tree.status(paths[1]) == 200

        async def opens() -> bool:
            return await tree.status(paths[2]) == 200

        await poll_until(opens)


@pytest.mark.usefixtures("cancels")
async def test_an_address_that_a_program_invents_leads_nowhere(
    flux_uri: str, session: aiohttp.ClientSession
) -> None:
    jobid = (await asyncio.to_thread(submit, flux_uri, "sleep", "inf"))[0]
    await asyncio.to_thread(flux, flux_uri, "job", "wait-event", jobid, "start")
    own = flux_uri.removeprefix("local://")
    with served(flux_uri) as running:
        tree = Tree(running, session, flux_uri)
        for uri, reason in (
            ("ssh://-oProxyCommand=touch/tmp/x", "has not posted the address of a broker"),
            ("ssh://elsewhere/tmp/x", "is not on its node"),
            ("local:///etc/passwd", "is not a socket"),
            ("local:///tmp/none/such", "local:///tmp/none/such: No such file"),
            # The parent itself: a path would lead round in a circle.
            (f"local://{own}", "is that of another instance"),
        ):
            memo = json.dumps(uri)
            await asyncio.to_thread(flux, flux_uri, "job", "memo", jobid, f"uri={memo}")

            async def refuses(reason: str = reason) -> bool:
                status, detail = await tree.problem(jobid)
                return status == 503 and reason in detail

            await poll_until(refuses)


@pytest.mark.usefixtures("cancels")
@pytest.mark.parametrize("transport", ["local", "parent"])
async def test_closed_children_are_counted_while_somebody_looks(
    flux_uri: str, session: aiohttp.ClientSession, transport: str
) -> None:
    await asyncio.to_thread(lie, flux_uri, "once")
    jobid = await asyncio.to_thread(launch, flux_uri)
    uri = await asyncio.to_thread(child_uri, flux_uri, jobid)
    with served(flux_uri, f"--child-transports={transport}") as running:
        tree = Tree(running, session, flux_uri)

        async def counts_are(wanted: dict[str, Any]) -> bool:
            found = (await tree.get("/v1/instances?counts=true"))["instances"]
            (node,) = [it for it in found if it["path"] == jobid]
            assert node["state"] == "closed"
            return bool(node.get("jobs") == wanted)

        nothing: dict[str, Any] = {"total": 0, "states": {}, "results": {}}
        await poll_until(lambda: counts_are(nothing))
        await asyncio.to_thread(submit, uri, "--cc=1-3", "true")
        await asyncio.to_thread(submit, uri, "false")
        await asyncio.to_thread(submit, uri, "--urgency=hold", "true")
        wanted = {
            "total": 5,
            "states": {"PRIORITY": 1, "INACTIVE": 4},
            "results": {"COMPLETED": 3, "FAILED": 1},
        }
        held = {**wanted, "states": {"SCHED": 1, "INACTIVE": 4}}

        async def are_right() -> bool:
            return await counts_are(wanted) or await counts_are(held)

        await poll_until(are_right)

        async def uses(cores: int) -> bool:
            found = (await tree.get("/v1/instances?counts=true"))["instances"]
            (told,) = [it.get("utilization") for it in found if it["path"] == jobid]
            return bool(told) and told["cores"] == {"total": 1, "allocated": cores}

        (running_job,) = await asyncio.to_thread(submit, uri, "sleep", "inf")
        await poll_until(lambda: uses(1))
        await asyncio.to_thread(flux, uri, "cancel", running_job)
        await poll_until(lambda: uses(0))


@pytest.mark.usefixtures("cancels")
@pytest.mark.parametrize("transport", ["local", "parent"])
async def test_a_program_that_only_claims_to_be_an_instance_harms_nobody(
    flux_uri: str, session: aiohttp.ClientSession, transport: str
) -> None:
    flags = ("--rpc-timeout=1", "--child-open-timeout=3", f"--child-transports={transport}")
    with served(flux_uri, *flags) as running:
        tree = Tree(running, session, flux_uri)
        kinds = ("mute", "silent", "garbage", "flood")
        liars = [await asyncio.to_thread(lie, flux_uri, how) for how in kinds]

        async def is_known() -> bool:
            found = (await tree.get("/v1/instances?counts=true"))["instances"]
            return {it["path"] for it in found} >= {*liars}

        await poll_until(is_known)
        problems = await asyncio.gather(*(tree.problem(jobid) for jobid in liars))
        assert [status for status, _ in problems] == [503] * len(liars)
        # The service goes on with all others.
        assert await tree.get("/ready") == {"status": "ok"}
        made = (await tree.post("/v1/jobs", {"command": "true"}))["id"]
        assert (await tree.get(f"/v1/jobs/{made}/wait"))["result"] == "COMPLETED"
        child = await asyncio.to_thread(launch, flux_uri)

        async def opens() -> bool:
            return await tree.status(child) == 200

        await poll_until(opens)
        assert await asyncio.to_thread(running.end) == 0


@pytest.mark.usefixtures("cancels")
async def test_a_child_is_reached_by_ssh(
    flux_uri: str, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    # There is no sshd here: a program in its place runs the command on this machine.
    remote = tmp_path / "rsh"
    remote.write_text('#!/bin/sh\nhost=$1; shift\nexec sh -c "$*"\n', encoding="utf-8")
    remote.chmod(0o755)
    jobid = await asyncio.to_thread(launch, flux_uri)
    uri = await asyncio.to_thread(child_uri, flux_uri, jobid)
    await asyncio.to_thread(submit, uri, "--cc=1-3", "true")
    with service("--child-transports=ssh", FLUX_URI=flux_uri, FLUX_SSH=str(remote)) as running:
        running.wait_until_ready()
        tree = Tree(running, session, flux_uri)

        async def is_equal() -> bool:
            return await tree.rows(jobid) == await asyncio.to_thread(as_flux_says, uri)

        await poll_until(is_equal)
        assert await asyncio.to_thread(running.end) == 0
