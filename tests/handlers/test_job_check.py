"""``POST /v1/jobs/check``: what is wrong with a job, without submitting it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fluxapi.instance.protocol import Queue, QueuePolicy

from .conftest import Service


async def check(service: Service, **job: Any) -> dict[str, Any]:
    given = {name: it for name, it in {"command": "true", **job}.items() if it is not None}
    answer = await service.client.post("/v1/jobs/check", json={"job": given})
    assert answer.status == 200, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found


def outcomes(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(it["pointer"], it["outcome"]) for it in found["findings"]]


@pytest.fixture
def ready(service: Service) -> Service:
    policy = QueuePolicy(max_duration=1800.0, max_size={"cores": 4})
    service.instance.queue = Queue("batch", enabled=True, started=True, default=True, policy=policy)
    return service


async def test_a_job_that_fits_has_its_size_and_nothing_is_submitted(ready: Service) -> None:
    found = await check(ready, num_tasks=2, cores_per_task=2, duration="20m")
    assert (found["valid"], found["findings"], found["unknown"]) == (True, [], [])
    assert found["size"] == {"tasks": 2, "cores": 4, "duration": 1200.0, "queue": "batch"}
    assert ready.instance.submitted == []


async def test_fields_that_are_invalid_are_named(ready: Service) -> None:
    found = await check(ready, num_tasks=1, num_nodes=3)
    assert not found["valid"]
    assert found["errors"] == [
        {
            "pointer": "/num_nodes",
            "detail": "must not be above num_tasks, which is 1.",
            "code": "more_nodes_than_tasks",
            "params": {"tasks": 1},
        }
    ]
    assert [it["pointer"] for it in (await check(ready, tasks=1))["errors"]] == ["/tasks"]


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ({}, [("/duration", "refused")]),
        ({"duration": "31m"}, [("/duration", "refused")]),
        ({"duration": "30m", "num_tasks": 5}, [("/num_tasks", "refused")]),
        ({"duration": "1m", "queue": "nope"}, [("/queue", "refused")]),
        ({"duration": "1m", "num_nodes": 3, "num_tasks": 3}, [("/num_nodes", "impossible")]),
        ({"duration": "1m", "cores_per_task": 9}, [("/cores_per_task", "refused")]),
        ({"duration": "1m", "gpus_per_task": 3}, [("/gpus_per_task", "impossible")]),
        ({"duration": "1m", "cwd": "/no/such/place"}, [("/cwd", "note")]),
        ({"script": "#!/bin/sh\n#flux: -t 2h\n", "command": None}, [("/duration", "refused")]),
    ],
)
async def test_a_request_beyond_the_instance_is_told_beside_its_field(
    ready: Service, job: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = await check(ready, **job)
    assert outcomes(found) == expected, found


async def test_a_finding_has_a_code_and_the_values_of_its_sentence(ready: Service) -> None:
    (found,) = (await check(ready, duration="31m"))["findings"]
    assert found["detail"] == "Queue batch allows a time limit of at most 30m."
    assert found["code"] == "queue_max_duration"
    assert found["params"] == {"queue": "batch", "limit_seconds": 1800}


async def test_a_queue_that_is_stopped_or_takes_no_jobs(service: Service) -> None:
    (found,) = (await check(service))["findings"]
    assert (found["outcome"], found["detail"].rpartition(": ")[2]) == ("waits", "full")
    service.instance.queue = Queue("batch", enabled=False, started=True, disable_reason="closed")
    assert outcomes(await check(service, queue="batch")) == [("/queue", "waits")]


async def test_a_directory_that_exists_is_no_finding(ready: Service, tmp_path: Path) -> None:
    assert outcomes(await check(ready, duration="1m", cwd=str(tmp_path))) == []


async def test_an_instance_that_does_not_answer_leaves_what_is_known(service: Service) -> None:
    service.instance.gone = True
    found = await check(service, num_tasks=99)
    assert (found["valid"], found["findings"]) == (True, [])
    assert found["unknown"] == ["queues", "nodes"]
    assert found["size"]["cores"] == 99


async def test_a_job_that_nobody_can_count_is_not_judged(service: Service) -> None:
    most = (1 << 31) - 1
    found = await check(service, num_tasks=most, cores_per_task=most)
    if found["valid"]:
        assert found["unknown"] == ["queues", "nodes"]
    assert (found["findings"], found["size"]) == ([], {}), found


async def test_a_time_limit_of_hundreds_of_digits_is_no_error_of_the_service(
    ready: Service,
) -> None:
    jobspec = {
        "version": 1,
        "resources": [
            {"type": "slot", "count": 1, "label": "a", "with": [{"type": "core", "count": 1}]}
        ],
        "tasks": [{"command": ["true"], "slot": "a", "count": {"per_slot": 1}}],
        "attributes": {"system": {"duration": 10**400}},
    }
    found = await check(ready, command=None, jobspec=jobspec)
    assert [it["pointer"] for it in found["errors"]] == ["/jobspec/attributes/system/duration"]


async def test_all_that_is_wrong_is_said_at_once(ready: Service) -> None:
    found = await check(
        ready,
        command="echo 'a",
        duration="soon",
        constraints="fast &",
        urgency=99,
        num_nodes=3,
        num_tasks=2,
        queue=7,
    )
    assert {it["pointer"] for it in found["errors"]} == {
        "/command",
        "/duration",
        "/constraints",
        "/urgency",
        "/num_nodes",
        "/queue",
    }
    # A field that is compared with a wrong one is not called wrong for that.
    found = await check(ready, num_tasks="four", num_nodes=2, command=None)
    assert {it["pointer"] for it in found["errors"]} == {"/num_tasks", "/command"}
