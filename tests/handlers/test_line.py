"""The place of a job among those of its queue that wait for resources."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.instance.protocol import Queue
from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import parse
from fluxapi.web.job_start import line_of
from fluxapi.web.words import load

from .conftest import Service

WORDS = load()["en"]


async def line(service: Service, jobid: str) -> Any:
    return (await (await service.client.get(f"/v1/jobs/{jobid}")).json()).get("line")


def rank(service: Service, jobid: str, priority: int) -> None:
    service.instance.post(parse(jobid), Event(9.0, "priority", {"priority": priority}))


async def test_a_job_has_the_place_that_flux_gives_it(service: Service) -> None:
    first, second, urgent = [await service.submit(queue="batch") for _ in range(3)]
    elsewhere = await service.submit(queue="other")
    held = await service.submit(queue="batch")
    running = await service.submit(queue="batch")
    rank(service, urgent, 30)
    service.instance.post(parse(held), Event(9.0, "urgency", {"urgency": 0, "userid": 0}))
    service.instance.begin(parse(running))
    # When a submission is answered, all that came before it is in the table.
    await service.submit(queue="other")
    told = [await line(service, jobid) for jobid in (urgent, first, second)]
    assert told == [{"place": place, "waiting": 3, "has_estimates": False} for place in (1, 2, 3)]
    assert (await line(service, elsewhere))["waiting"] == 2
    assert [await line(service, jobid) for jobid in (held, running)] == [None, None]


async def test_an_estimate_for_one_job_tells_that_the_scheduler_plans(service: Service) -> None:
    first, second = [await service.submit(queue="batch") for _ in range(2)]
    sched = {"annotations": {"sched": {"t_estimate": 2e9}}}
    service.instance.post(parse(first), Event(9.0, "annotations", sched))
    await service.submit(queue="other")
    assert await line(service, second) == {"place": 2, "waiting": 2, "has_estimates": True}


@pytest.mark.usefixtures("short_intervals")
async def test_the_page_of_a_job_says_its_place(service: Service) -> None:
    service.instance.queue = Queue("batch", enabled=True, started=True)
    await service.submit(queue="batch")
    second = await service.submit(queue="batch")
    page = await (await service.client.get(f"/ui/jobs/{second}")).text()
    assert "Place 2 of 2 that wait in queue batch, by priority." in page
    assert "No start time is known: the scheduler gives none." in page


def said(
    place: int, waiting: int, *, estimate: float = 0.0, plans: bool = False, blocked: bool = False
) -> str:
    record = {"queue": "", "annotations": {"sched": {"t_estimate": estimate}}}
    told = {"place": place, "waiting": waiting, "has_estimates": plans}
    return line_of(told, record, 1e9, WORDS, is_blocked=blocked)


def test_the_sentences_say_what_is_known() -> None:
    place = "Place 2 of 3 that wait for resources, by priority."
    assert said(2, 3, estimate=2e9) == said(2, 3, blocked=True) == place
    assert said(2, 3) == f"{place} No start time is known: the scheduler gives none."
    assert said(2, 3, estimate=9e8, plans=True) == (
        f"{place} No start time is known: the scheduler does not plan that far ahead."
    )
    assert said(1, 1, blocked=True) == "No other job waits in its queue."
    assert line_of(None, {}, 1e9, WORDS, is_blocked=False) == ""
