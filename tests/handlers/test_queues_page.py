"""The page of queues."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import pytest

from fluxapi.instance.protocol import QueuePolicy
from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import parse
from fluxapi.sessions.queue_board import QueueBoard
from fluxapi.web import words
from fluxapi.web.queues import limits, state

from .conftest import Service

PATH = "/ui/queues"


async def page(service: Service, path: str = PATH) -> str:
    answer = await service.client.get(path)
    assert (answer.status, answer.content_type) == (200, "text/html")
    return await answer.text()


async def test_a_queue_tells_its_state_reason_limits_and_use(service: Service) -> None:
    policy = QueuePolicy(
        requires=("gpu",), max_duration=7200.0, default_duration=60.0, max_size={"nodes": 1}
    )
    service.instance.queue = replace(service.instance.queue, policy=policy, stop_reason="<b>full")
    text = await page(service)
    assert ">Stopped</span>" in text
    assert "&lt;b&gt;full" in text
    assert "<li>Up to 2h</li><li>1m by default</li><li>Up to 1 node</li>" in text
    assert "<code>gpu</code>" in text
    # No node has the property.
    assert text.count('data-label="Nodes"><span class="soft">–</span></td>') == 1


async def test_waiting_jobs_are_counted_and_linked(service: Service) -> None:
    for _ in range(2):
        await service.submit(queue="batch")
    held = parse(await service.submit(queue="batch"))
    service.instance.post(held, Event(time.time(), "urgency", {"urgency": 0, "userid": 1}))
    # It is in the table when the next job is answered, and so is what came before it.
    await service.submit()
    text = await page(service)
    # The same number as in the list of jobs.
    assert '<a href="../?state=PENDING&amp;queue=batch">3</a>' in text
    assert "1 held or dependent" in text
    assert "3 pending jobs of yours cannot start: the queue batch is stopped." in text
    # The row of the queue tells the reason, once.
    assert text.count("full") == 1


async def test_a_queue_that_is_open_has_no_notice(service: Service) -> None:
    service.instance.queue = replace(service.instance.queue, started=True, stop_reason=None)
    await service.submit(queue="batch")
    text = await page(service)
    assert ">Open</span>" in text
    assert "cannot start" not in text


async def test_a_queue_tells_whose_jobs_use_its_nodes(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = QueueBoard.rows

    async def shared(self: QueueBoard, *args: Any, **options: Any) -> list[dict[str, Any]]:
        found = await rows(self, *args, **options)
        use = {"total": 4, "allocated": 3, "free": 1, "up": 3, "drained": 1}
        names = ["batch", "<b>", "c", "d"]
        return [row | {"nodes": use, "cores": use, "shared_with": names} for row in found]

    monkeypatch.setattr(QueueBoard, "rows", shared)
    text = await page(service)
    assert text.count("shared with batch, &lt;b&gt;, c, …") == 1
    assert text.index("shared with batch") < text.index('data-label="Cores"')
    assert text.count(">1 drained</span>") == 3  # nodes, their cores and their GPUs


async def test_medians_tell_of_which_jobs_they_are(service: Service) -> None:
    await service.submit(queue="batch")
    text = await page(service)
    assert "jobs that wait now, the median is measured from their submission" in text
    assert re.search(
        r'data-label="Median wait">[^<]+<span class="more">of those that wait now</span>', text
    )


async def test_a_part_has_only_the_list(service: Service) -> None:
    text = await page(service, f"{PATH}?part=list")
    assert text.startswith('<div id="queues"')
    assert "<header" not in text


async def test_an_instance_that_does_not_answer_is_told(service: Service) -> None:
    service.instance.gone = True
    text = await page(service)
    assert "The broker does not answer." in text
    assert "<table" not in text


async def test_an_instance_without_named_queues_says_so(service: Service) -> None:
    service.instance.queue = replace(service.instance.queue, name="", started=True)
    text = await page(service)
    assert "This instance has no named queues" in text


def test_the_state_of_a_queue_is_one_word() -> None:
    states = [
        state({"enabled": enabled, "started": started})
        for enabled in (True, False)
        for started in (True, False)
    ]
    assert states == ["open", "stopped", "disabled", "closed"]


def test_a_default_beyond_the_maximum_says_that_a_time_limit_is_required() -> None:
    english = words.load()["en"]
    found = limits({"max_duration": 3600.0, "default_duration": 14400.0}, english)
    assert [english.text(key, **values) for key, values in found] == [
        "Up to 1h",
        "A time limit is required: the default, 4h, is longer",
    ]
    found = limits({"max_duration": 3600.0, "default_duration": 3600.0}, english)
    assert [english.text(key, **values) for key, values in found] == ["Up to 1h", "1h by default"]
    found = limits({"max_duration": 0.0, "default_duration": 3600.0}, english)
    assert [english.text(key, **values) for key, values in found] == ["1h by default"]


def test_a_duration_of_zero_is_no_limit() -> None:
    row = {"max_duration": 0.0, "min_size": {"cores": 2}}
    assert limits(row, words.load()["en"]) == [("queues.min_size_cores", {"count": 2})]
