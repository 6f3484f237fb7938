"""When the first job in line starts at the latest, in the API and on the page of the job."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from fluxapi.http import keys
from fluxapi.instance.protocol import Queue
from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import parse
from fluxapi.web.job_start import latest_of, line_of
from fluxapi.web.words import load
from tests.waiting import poll_until

from .conftest import Service
from .fake import r_object

WORDS = load()["en"]
RECORD: dict[str, Any] = {"queue": "", "annotations": {}}


async def first_in_line(service: Service, duration: float) -> tuple[str, float]:
    """Submit a job behind another with a time limit, and return it and the end of the limit."""
    service.instance.queue = Queue("batch", enabled=True, started=True)
    running = await service.submit(queue="batch", duration=duration)
    now = time.time()
    alloc = Event(now, "alloc")
    service.instance.post(parse(running), alloc, R=r_object("0", "0-3", "node0"))
    first = await service.submit(queue="batch")
    observer = service.client.app[keys.SESSIONS].root.observer

    async def is_known() -> bool:
        return observer.last_nodes is not None and observer.queues is not None

    await poll_until(is_known)
    return first, now + duration


async def line(service: Service, jobid: str) -> Any:
    return (await (await service.client.get(f"/v1/jobs/{jobid}")).json())["line"]


async def told(service: Service, jobid: str) -> str:
    page = await (await service.client.get(f"/ui/jobs/{jobid}?part=record")).text()
    (found,) = re.findall(r'<span class="soft" id="line">(.*?)</span>', page)
    return str(found)


@pytest.mark.usefixtures("short_intervals")
async def test_the_limits_of_running_jobs_tell_the_latest_start(service: Service) -> None:
    first, end = await first_in_line(service, 3600.0)
    second = await service.submit(queue="batch")
    assert (await line(service, first))["latest_start"] == pytest.approx(end)
    assert "latest_start" not in await line(service, second)
    said = await told(service, first)
    (at,) = re.findall(r'It starts by <time data-at="([^"]+)">[^<]+</time> at the latest', said)
    assert float(at) == pytest.approx(end)
    assert "No start time is known" not in said
    assert "No start time is known" in await told(service, second)


@pytest.mark.usefixtures("short_intervals")
async def test_running_jobs_without_a_limit_leave_the_start_open(service: Service) -> None:
    first, _ = await first_in_line(service, 0.0)
    assert (await line(service, first))["is_unbounded"]
    said = "running jobs without a time limit hold what it needs."
    assert (await told(service, first)).endswith(said)


def test_the_latest_start_is_told_only_while_it_can_come_true() -> None:
    first = {"place": 1, "waiting": 1, "has_estimates": False, "latest_start": 2e9}
    found = latest_of(first, RECORD, 1e9, is_blocked=False)
    assert found == {"at": 2e9, "moment": "2033-05-18 03:33:20 UTC"}
    estimated = {**RECORD, "annotations": {"sched": {"t_estimate": 1.5e9}}}
    assert latest_of(first, estimated, 1e9, is_blocked=False) is None
    assert latest_of(first, RECORD, 1e9, is_blocked=True) is None
    assert latest_of(first, RECORD, 2e9, is_blocked=False) is None
    assert latest_of(None, RECORD, 1e9, is_blocked=False) is None
    said = line_of(first, RECORD, 1e9, WORDS, is_blocked=False)
    assert said == "No other job waits in its queue."
    # The limit is over, and the job has not started.
    late = line_of(first, RECORD, 2e9, WORDS, is_blocked=False)
    assert late.endswith("the scheduler gives none.")
