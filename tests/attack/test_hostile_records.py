"""Jobs and resources with arbitrary values: no route and no page fails, for them or for others."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluxapi.handlers.routes import ROUTES
from fluxapi.instance.broker import resources
from tests.handlers.conftest import Service, Start, start
from tests.handlers.fake import r_object
from tests.soak.fold import Arbitrary
from tests.waiting import poll_until

from .hostile_jobs import FLUX_R, post_hostile_jobs

__all__ = ["start"]

JOBS = 30
# Their responses have no end, or none that depends on the jobs.
ENDLESS = {
    *("followOutput", "followJob", "followEvents", "openSocket", "waitForJob", "waitForGroup"),
    *("getStatic", "getDocs", "getGuide", "getDocsImage", "getReference", "getOpenAPI"),
}
VALUES = {"stream": "stdout", "node": "node0", "template": "t", "webhook": "w", "instance": "f1"}
SORTED = ["?sort=name", "?status=FAILED", "?q=n", "?name=n", "?node=node0", "?after=f1"]
STATUS = {
    "R": FLUX_R,
    "drain": {"1": {"timestamp": 5.0, "reason": "fan"}},
    "online": "0-1",
    "offline": "",
    "exclude": "",
    "torpid": "",
}
SCHED = {"all": FLUX_R, "allocated": r_object("0", "0-1", "node0"), "down": r_object("1")}
QUEUE = {"enable": True, "start": False, "stop_reason": "x", "disable_reason": "y"}
LIMITS = {"duration": "1h", "job-size": {"max": {"nnodes": 2, "ncores": 5}}}
CONFIG = {
    "queues": {"batch": {"requires": ["fast"], "policy": {"limits": LIMITS}}},
    "policy": {"jobspec": {"defaults": {"system": {"queue": "batch", "duration": "1m"}}}},
}
MISSING = (KeyError, TypeError, ValueError, AttributeError)
"""Errors that a call to Flux turns into one of this instance."""
NOT_HERE = {501, 503}


async def failure(service: Service, path: str, accept: str = "application/json") -> str:
    """Return what is wrong with the response to a GET, if anything is."""
    response = await service.client.get(path, headers={"Accept": accept})
    body = await response.read()
    if response.status >= 500 and response.status not in NOT_HERE:
        return f"{path}: {response.status} {body[:500]!r}"
    if response.content_type == "application/json":
        json.loads(body)
    return ""


def paths(jobids: list[str], groups: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the path of each route for each job or group, with the type of its response."""
    for route in ROUTES:
        if route.method != "GET" or route.name in ENDLESS:
            continue
        is_page = route.path.startswith("/ui")
        path = route.path if is_page or route.path.startswith("/docs") else f"/v1{route.path}"
        for name, value in VALUES.items():
            path = path.replace(f"{{{name}}}", value)
        for one in jobids if "{id}" in path else groups if "{group}" in path else [""]:
            whole = path.replace("{id}", one).replace("{group}", one)
            yield whole, "text/html" if is_page else "application/json"
    for jobid in jobids:
        yield f"/v1/jobs/{jobid}/output", "text/plain"
        yield f"/ui/submit?from={jobid}", "text/html"
        yield f"/v1/jobs/{jobids[0]}/comparison?with={jobid}", "application/json"
    for query in SORTED:
        yield f"/v1/jobs{query}", "application/json"
    yield "/v1/jobs", "text/csv"
    yield "/", "text/html"


async def listed(service: Service) -> int:
    """Return how many jobs the instance has."""
    answer = await service.client.get("/v1/jobs?limit=1000")
    return len((await answer.json())["jobs"])


@pytest.mark.parametrize("seed", range(3))
async def test_each_route_answers_whatever_the_jobs_are(
    start: Start, tmp_path: Path, seed: int
) -> None:
    service = await start(statedir=tmp_path)
    jobids = post_hostile_jobs(service.instance, JOBS, seed)

    async def are_there() -> bool:
        return await listed(service) > JOBS * 2 // 3

    async def are_purged() -> bool:
        return await listed(service) == 0

    await poll_until(are_there)
    answer = await service.client.get("/v1/groups")
    groups = [group["id"] for group in (await answer.json())["groups"]]
    wrong = [await failure(service, *one) for one in paths(jobids, groups)]
    service.instance.purge(*service.instance.jobspecs)
    await poll_until(are_purged)
    # Those that have ended are in the history.
    wrong += [await failure(service, *one) for one in paths(jobids, groups)]
    assert not [*filter(None, wrong)]
    assert (await service.client.get("/ready")).status == 200


def change(service: Service, arbitrary: Arbitrary) -> None:
    """Change the resources and the queue of the instance, as far as a call to it reads them."""
    with contextlib.suppress(*MISSING):
        service.instance.describe = resources.merge(
            arbitrary.changed(STATUS), arbitrary.changed(SCHED)
        )
    with contextlib.suppress(*MISSING):
        status, config = arbitrary.changed(QUEUE), arbitrary.changed(CONFIG)
        service.instance.queue = resources.queue("batch", status, config)


@pytest.mark.parametrize("seed", range(10))
async def test_each_page_answers_whatever_the_resources_are(start: Start, seed: int) -> None:
    service = await start()
    await service.submit()
    change(service, Arbitrary(seed))
    wrong = [await failure(service, *one) for one in paths([await service.submit()], [])]
    assert not [*filter(None, wrong)]
    properties = {"attributes": {"system.constraints": {"properties": ["fast"]}}}
    for fields in ({}, {"nodes": 2, "queue": "batch"}, properties):
        answer = await service.client.post("/v1/jobs/check", json={"command": "true", **fields})
        assert answer.status in {200, 422, 503}
