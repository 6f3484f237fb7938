"""The routes of the tree of instances."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from fluxapi.client import AsyncClient, ConfigError, NotFound
from fluxapi.contracts import schema
from fluxapi.http import keys
from fluxapi.model.duration import duration
from fluxapi.model.jobid import encode_f58
from fluxapi.sessions import counters as module
from tests.waiting import poll_until

from .tree_site import FIRST, FOURTH, SECOND, THIRD, Site, read_page


async def test_the_tree_grows_with_what_is_opened(site: Site) -> None:
    found = await site.get("/v1/instances")
    schema.check("instance-list", found)
    assert [(it["path"], it["state"], it["depth"]) for it in found["instances"]] == [
        ("", "ready", 0),
        (site.first, "closed", 1),
        (site.second, "closed", 1),
    ]
    assert not found["truncated"]
    assert site.broker.places == [], "reading the tree opens nothing"
    await site.get(f"/v1/instances/{site.first}/jobs")
    found = await site.get("/v1/instances")
    schema.check("instance-list", found)
    assert [(it["path"], it["state"]) for it in found["instances"]] == [
        ("", "ready"),
        (site.first, "ready"),
        (site.third, "closed"),
        (site.second, "closed"),
    ]
    first, third = found["instances"][1:3]
    assert (first["size"], first["jobs"]["total"]) == (1, 1)
    assert (third["parent"], third["id"]) == (site.first, encode_f58(THIRD))
    assert "size" not in third
    cut = await site.get("/v1/instances?limit=2")
    assert [it["path"] for it in cut["instances"]] == ["", site.first]
    assert cut["truncated"]


async def test_one_instance_is_described_without_being_opened(site: Site) -> None:
    for path in (site.first, f"/{site.first}"[1:].replace("f", "ƒ", 1)):
        found = await site.get(f"/v1/instances/{path}")
        schema.check("instance", found)
        assert (found["path"], found["state"]) == (site.first, "closed")
    async with site.client.get(f"/v1/instances/{site.third}") as answer:
        assert answer.status == 404
        assert "becomes known when" in (await answer.json())["detail"]
    assert site.broker.places == []


async def test_a_job_says_that_it_is_an_instance(site: Site) -> None:
    job = await site.get(f"/v1/jobs/{site.first}")
    schema.check("job", job)
    assert (job["instance"]["path"], job["instance"]["state"]) == (site.first, "closed")
    below = await site.get(f"/v1/instances/{site.first}/jobs/{encode_f58(THIRD)}")
    assert below["instance"]["path"] == site.third
    assert (await site.get(f"/v1/jobs/{site.first}"))["instance"]["state"] == "ready"
    site.broker.finish(SECOND)
    journal = site.client.app[keys.SESSIONS].root.journal
    await journal.waiters.wait(SECOND, lambda job: job is not None and job.is_inactive, 30)
    assert "instance" not in await site.get(f"/v1/jobs/{site.second}")


async def test_closed_instances_are_counted_while_somebody_looks(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    counters = site.client.app[keys.COUNTERS]

    async def counted() -> dict[str, Any]:
        found = (await site.get("/v1/instances?counts=true"))["instances"]
        return {it["path"]: it.get("jobs") for it in found if it["state"] == "closed"}

    await site.get("/v1/instances")
    assert len(counters) == 0, "nobody has asked for counts"
    one = {"total": 1, "states": {"RUN": 1}, "results": {}}
    assert await counted() == {site.first: one, site.second: one}
    assert [counter.place.jobid for counter in site.broker.counters] in (
        [FIRST, SECOND],
        [SECOND, FIRST],
    )
    assert await counted() == {site.first: one, site.second: one}
    assert (await site.get(f"/v1/jobs/{site.first}"))["instance"]["state"] == "closed"
    assert len(site.broker.counters) == 2, "they are shared"
    # One that is opened needs no counter; those below it are counted.
    await site.get(f"/v1/instances/{site.first}/jobs")
    await counters.adjust()
    assert await counted() == {site.second: one, site.third: one}
    by_job = {counter.place.jobid: counter for counter in site.broker.counters}
    assert by_job[FIRST].closed
    # Counts that are not current anymore are not told, and asked for again later.
    by_job[SECOND].problem = "The connection is lost."
    assert (await counted())[site.second] is None
    monkeypatch.setattr(module, "_RETRY_PAUSE_S", 0.0)
    await counters.adjust()
    await counters.adjust()
    assert await counted() == {site.second: one, site.third: one}
    assert by_job[SECOND].closed
    await counters.aclose()
    assert len(counters) == 0


async def test_the_figures_tell_in_which_instances_jobs_failed(site: Site) -> None:
    app = site.client.app
    root, counters, children = app[keys.SESSIONS].root, app[keys.COUNTERS], app[keys.CHILDREN]

    def told() -> list[tuple[str, int, int, int | None]]:
        body = root.hub.stats.body()
        schema.check("stats-message", {"type": "stats", **body})
        found = body.get("instances", ())
        return [(it["id"], it["failed"], it["timed_out"], it.get("total")) for it in found]

    assert told() == []
    await site.get("/v1/instances?counts=true")
    by_job = {counter.place.jobid: counter for counter in site.broker.counters}
    results = {"FAILED": 2, "TIMEOUT": 1, "COMPLETED": 37}
    by_job[SECOND].counts = {"total": 40, "states": {"INACTIVE": 40}, "results": results}
    await counters.adjust()
    assert told() == [(site.second, 2, 1, 40)]
    # The table of an open instance is current without a counter.
    await site.get(f"/v1/instances/{site.first}/jobs")
    below = app[keys.SESSIONS].get(site.first)
    site.broker.children[0].finish(THIRD, 1 << 8)
    await below.journal.waiters.wait(THIRD, lambda job: job is not None and job.is_inactive, 30)
    assert told() == [(site.first, 1, 0, 1), (site.second, 2, 1, 40)]
    page = await read_page(site, f"/ui/jobs/{site.first}")
    assert "1 of 1 job in it failed" in page
    assert f"ui/instances/{site.first}?result=FAILED,TIMEOUT" in page
    # It stays known of an instance that is closed, and of one that has ended.
    child = children.get(site.first)
    assert child is not None
    await children.close(child)
    assert told() == [(site.first, 1, 0, 1), (site.second, 2, 1, 40)]
    # Later, the instances may have had more jobs.
    inside = app[keys.INSIDE]
    inside.clock = lambda: time.time() + 60
    assert told() == [(site.first, 1, 0, None), (site.second, 2, 1, None)]
    page = await read_page(site, f"/ui/jobs/{site.first}")
    assert "At least 1 job in it failed" in page
    inside.clock = time.time
    site.broker.finish(SECOND)
    await root.journal.waiters.wait(SECOND, lambda job: job is not None and job.is_inactive, 30)
    await counters.adjust()
    await counters.aclose()
    # The first one runs, and its counter says that no job in it has failed by now.
    assert told() == [(site.second, 2, 1, 40)]
    # After its end, it has no more.
    inside.clock = lambda: time.time() + 60
    assert told() == [(site.second, 2, 1, 40)]
    page = await read_page(site, f"/ui/jobs/{site.second}")
    assert "3 of 40 jobs in it failed or timed out" in page
    assert f"ui/instances/{site.second}" not in page
    assert len(site.broker.places) == 1, "nothing is opened to tell it"


@pytest.mark.usefixtures("short_intervals")
async def test_the_tree_is_followed_live(site: Site) -> None:
    tree: dict[str, Any] = {}

    async def follow(stream: aiohttp.StreamReader, until: Callable[[], bool]) -> str:
        """Read messages until a condition of the tree holds, and return the cursor."""
        cursor = ""
        while not until():
            message = json.loads(await asyncio.wait_for(stream.readline(), 30))
            schema.check(f"{message['type']}-message", message)
            cursor = message.get("cursor", cursor)
            if message["type"] == "instance":
                tree[message["instance"]["path"]] = message["instance"]
            elif message["type"] == "instance-gone":
                del tree[message["path"]]
        return str(cursor)

    def states() -> dict[str, str]:
        return {path: it["state"] for path, it in tree.items()}

    closed = {"": "ready", site.first: "closed", site.second: "closed"}
    query = "/v1/events?stream=instances"
    lines = {"Accept": "application/x-ndjson"}
    async with site.client.get(query, headers=lines) as answer:
        await follow(answer.content, lambda: states() == closed and "jobs" in tree[site.first])
        await site.get(f"/v1/instances/{site.first}/jobs")
        opened = {**closed, site.first: "ready", site.third: "closed"}
        await follow(answer.content, lambda: states() == opened)
        await follow(answer.content, lambda: "utilization" in tree[site.first])
        site.broker.finish(SECOND)
        cursor = await follow(answer.content, lambda: site.second not in tree)
    site.broker.launch(FOURTH)
    held = dict(tree)
    tree.clear()
    async with site.client.get(query, headers={**lines, "Last-Event-ID": cursor}) as answer:
        # Only what has changed comes again.
        await follow(answer.content, lambda: encode_f58(FOURTH) in tree)
        assert site.third not in tree
    assert site.third in held
    below = f"/v1/instances/{site.first}/events/ws"
    tree.clear()
    async with site.client.ws_connect(below, protocols=["flux-events.v1"]) as socket:
        await socket.send_json({"type": "subscribe", "sub": "t", "stream": "instances"})
        paths = []
        while True:
            message = await socket.receive_json(timeout=30)
            schema.check(f"{message['type']}-message", message)
            if message["type"] == "bookmark":
                break
            if message["type"] == "instance":
                paths.append(message["instance"]["path"])
    assert paths == [site.first, site.third], "an instance, and those below it"


async def test_a_client_follows_the_tree(site: Site) -> None:
    async with AsyncClient(str(site.client.make_url(""))) as flux:
        tree: dict[str, Any] = {}

        async def follow(until: Callable[[], bool]) -> None:
            async for path, instance in flux.instances_stream():
                if instance is None:
                    del tree[path]
                else:
                    tree[path] = instance
                if until():
                    return

        await follow(lambda: len(tree) == 3)
        assert tree[site.first]["state"] == "closed"
        await site.get(f"/v1/instances/{site.first}/jobs")
        await follow(lambda: site.third in tree)
        assert tree[site.third]["parent"] == site.first
        gone = asyncio.ensure_future(follow(lambda: site.second not in tree))
        site.broker.finish(SECOND)
        await asyncio.wait_for(gone, 30)
    below = f"/v1/instances/{site.first}"
    assert tree[site.first]["path"] == below.rpartition("/")[2]


async def test_nobody_looks_at_the_tree_while_nobody_follows(site: Site) -> None:
    observer = site.client.app[keys.TREE_OBSERVER]
    await observer.look()
    hub = site.client.app[keys.SESSIONS].root.hub
    assert (hub.tree.head, hub.tree.is_known) == (0, False)
    assert len(site.client.app[keys.COUNTERS]) == 0
    assert not site.client.app[keys.COUNTERS].is_running


async def test_the_metrics_name_only_open_instances(site: Site) -> None:
    label = f'flux_instance="{site.first}"'
    await site.get(f"/v1/instances/{site.first}/jobs")
    async with site.client.get("/metrics") as answer:
        assert label in await answer.text()
    children = site.client.app[keys.CHILDREN]
    child = children.get(site.first)
    assert child is not None
    await children.close(child)
    async with site.client.get("/metrics") as answer:
        assert label not in await answer.text()


async def test_a_client_of_an_instance(site: Site) -> None:
    url = str(site.client.make_url(""))
    async with AsyncClient(url) as flux:
        found = await flux.instances()
        assert [it["path"] for it in found] == ["", site.first, site.second]
        assert (await flux.instance(site.first))["state"] == "closed"
        with pytest.raises(NotFound):
            await flux.instance("f1/f1")
        with pytest.raises(ConfigError, match="not the path of an instance"):
            await flux.instance("..")
    async with AsyncClient(url, instance=site.first) as below:
        assert [job.id async for job in below.jobs()] == [encode_f58(THIRD)]
        await below.health()  # a matter of the service
        made = await below.submit("true")
    assert len(site.broker.children[0].submitted) == 1
    assert made
    assert site.broker.submitted == []
    with pytest.raises(ConfigError):
        AsyncClient(url, instance="f1/../x")


async def test_open_instances_tell_what_is_in_use(site: Site) -> None:
    async def used() -> dict[str, Any]:
        found = await site.get("/v1/instances?counts=true")
        schema.check("instance-list", found)
        return {it["path"]: it.get("utilization") for it in found["instances"]}

    await site.get(f"/v1/instances/{site.first}/jobs")
    assert "utilization" not in (await site.get(f"/v1/instances/{site.first}")), "nobody asked"
    await poll_until(lambda: _is_known(used))
    told = await used()
    assert told[site.first] == told[""]
    assert told[""] == {
        "nodes": {"total": 2, "allocated": 1},
        "cores": {"total": 8, "allocated": 2},
        "gpus": {"total": 2, "allocated": 1},
    }
    assert told[site.second] is None, "it is closed"


async def _is_known(used: Callable[[], Awaitable[dict[str, Any]]]) -> bool:
    return sum(it is not None for it in (await used()).values()) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("short_intervals")
@pytest.mark.usefixtures("short_intervals")
async def test_the_run_time_of_an_instance_that_has_ended_stops(site: Site) -> None:
    await site.get(f"/v1/instances/{site.first}/jobs")
    site.broker.finish(FIRST)

    async def has_ended() -> bool:
        return bool((await site.get(f"/v1/instances/{site.first}"))["state"] == "ended")

    await poll_until(has_ended)
    found = await site.get(f"/v1/instances/{site.first}")
    schema.check("instance", found)
    seconds = duration(int(found["t_end"] - found["t_run"]))
    assert f'data-label="Runtime">{seconds}</td>' in await read_page(site, "/ui/instances")
