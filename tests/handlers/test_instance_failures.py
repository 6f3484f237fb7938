"""The failures in instances that nobody has opened, as the figures tell them."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.http import keys
from fluxapi.instance.protocol import CallWatch, InstanceInfo
from fluxapi.sessions import counters as module
from fluxapi.sessions.counters import ChildCounters
from tests.sessions.broker import FakeBroker, FakeCounter
from tests.waiting import poll_until

from .tree_site import FIRST, SECOND, Site

FAILED = {"total": 40, "states": {"INACTIVE": 40}, "results": {"FAILED": 3, "COMPLETED": 37}}
MORE = {"total": 41, "states": {"INACTIVE": 41}, "results": {"FAILED": 4, "COMPLETED": 37}}


async def until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds."""

    async def holds() -> bool:
        return condition()

    await poll_until(holds)


def told(site: Site) -> list[tuple[str, int, int | None]]:
    """Return what the figures of the root tell."""
    found = site.client.app[keys.SESSIONS].root.hub.stats.body().get("instances", ())
    return [(it["id"], it["failed"], it.get("total")) for it in found]


def counter_of(site: Site, jobid: int) -> FakeCounter:
    """Return the newest counter of an instance."""
    return [it for it in site.broker.counters if it.place.jobid == jobid][-1]


async def test_failures_are_counted_while_somebody_follows_the_figures_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_CHECK_INTERVAL_S", "_SEARCH_INTERVAL_S"):
        monkeypatch.setattr(module, name, 0.01)
    counters = site.client.app[keys.COUNTERS]
    await site.get("/v1/stats")
    assert not counters.is_running, "a request alone calls nothing"
    lines = {"Accept": "application/x-ndjson"}
    async with site.client.get("/v1/events?stream=stats", headers=lines) as answer:
        stream: aiohttp.StreamReader = answer.content
        assert await stream.readline()
        await until(lambda: len(counters) == 2)
        counter_of(site, SECOND).counts = FAILED
        await until(lambda: told(site) == [(site.second, 3, 40)])
        assert site.broker.places == [], "nothing is opened"
        # The last failures come with the end of the instance.
        counter_of(site, SECOND).counts = MORE
        counter_of(site, SECOND).problem = "The connection is lost."
        site.broker.finish(SECOND)
        await until(lambda: told(site) == [(site.second, 4, 41)])
    monkeypatch.setattr(counters, "_watched_until", 0.0)
    await until(lambda: not counters.is_running)
    assert len(counters) == 0
    assert counter_of(site, FIRST).closed
    assert told(site) == [(site.second, 4, 41)]


async def test_the_figures_look_for_instances_less_often_than_the_tree(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHECK_INTERVAL_S", 0.001)
    counters = site.client.app[keys.COUNTERS]
    looks = []
    adjust = ChildCounters.adjust

    async def look(self: ChildCounters) -> None:
        looks.append("")
        await adjust(self)

    monkeypatch.setattr(ChildCounters, "adjust", look)
    counters.watch()
    await until(lambda: len(counters) == 2)
    counter_of(site, FIRST).counts = FAILED
    # Failures are noted between two looks.
    await until(lambda: told(site) == [(site.first, 3, 40)])
    assert len(looks) == 1
    await site.get("/v1/instances?counts=true")
    await until(lambda: len(looks) > 2)


async def test_an_instance_that_does_not_answer_is_not_counted_instead_of_another(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_COUNTERS", 1)
    counters = site.client.app[keys.COUNTERS]
    await counters.adjust()
    (first,) = site.broker.counters
    first.problem = "The connection is lost."
    for _ in range(2):
        await counters.adjust()
    assert first.closed
    (second,) = site.broker.counters[1:]
    assert (second.place.jobid != first.place.jobid, second.closed) == (True, False)


class Watched(FakeBroker):
    """A broker whose start is a call that is timed."""

    def watch_calls(self, watch: CallWatch) -> None:
        self.watch = watch

    async def start(self) -> InstanceInfo:
        with self.watch("attr.get"):
            return await super().start()


async def test_an_instance_that_cannot_be_opened_is_in_no_metric(site: Site) -> None:
    failing = Watched()
    failing.error = InstanceUnavailable("It cannot be reached.")
    site.broker.next_children.insert(0, failing)
    async with site.client.get(f"/v1/instances/{site.second}/jobs") as answer:
        assert answer.status == 503
    async with site.client.get("/metrics") as answer:
        assert site.second not in await answer.text()
