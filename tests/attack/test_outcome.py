"""A submission whose outcome is not known is never submitted twice under one key."""

from __future__ import annotations

import signal
from typing import Any

import aiohttp
import pytest

from tests.handlers.conftest import Service, service, start
from tests.instance.broker.conftest import Broker, broker
from tests.running import needs_flux
from tests.running import service as run_service

__all__ = ["broker", "service", "start"]

KEY = {"Idempotency-Key": "k"}
REQUESTS = [
    pytest.param("/jobs", {"command": "true"}, 1, id="one"),
    pytest.param("/jobs/bulk", {"jobs": [{"command": "true"}] * 3}, 3, id="listed"),
    pytest.param("/jobs/bulk", {"job": {"command": "true"}, "copies": 3}, 3, id="copies"),
]


async def post(client: Any, path: str, body: Any, headers: Any = KEY) -> tuple[int, Any]:
    async with client.post(path, json=body, headers=headers) as response:
        return response.status, await response.json()


@pytest.mark.parametrize(("path", "body", "jobs"), REQUESTS)
async def test_a_key_stays_pending_until_the_journal_has_shown_the_jobs(
    service: Service, path: str, body: Any, jobs: int
) -> None:
    service.instance.silent = True
    for _ in range(2):
        status, problem = await post(service.client, path, body)
        assert (status, problem["type"]) == (503, "/docs/errors#outcome-unknown")
        assert "same Idempotency-Key" in problem["detail"]
    service.instance.silent = False
    assert (await post(service.client, path, body))[0] == 201
    assert (await post(service.client, path, body))[0] == 201
    assert len(service.instance.submitted) == jobs


@pytest.mark.parametrize(("path", "body", "jobs"), REQUESTS)
async def test_a_key_is_free_once_the_instance_is_known_not_to_have_the_jobs(
    service: Service, path: str, body: Any, jobs: int
) -> None:
    service.instance.silent = service.instance.loses = True
    assert (await post(service.client, path, body))[0] == 503
    service.instance.silent = False
    assert (await post(service.client, path, body))[0] == 201
    assert len(service.instance.submitted) == jobs


@pytest.mark.parametrize(("path", "body", "jobs"), REQUESTS)
async def test_an_instance_that_does_not_tell_in_time_leaves_the_outcome_unknown(
    service: Service, path: str, body: Any, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.instance.silent = True
    assert (await post(service.client, path, body))[0] == 503
    monkeypatch.setattr("fluxapi.sessions.idempotency._SETTLE_TIMEOUT_S", 0.01)
    service.instance.silent = False
    service.instance.settling.clear()
    status, problem = await post(service.client, path, body)
    assert (status, problem["type"]) == (503, "/docs/errors#outcome-unknown")
    assert service.instance.submitted == []
    monkeypatch.undo()
    service.instance.settling.set()
    assert (await post(service.client, path, body))[0] == 201
    assert len(service.instance.submitted) == jobs


async def test_without_a_key_the_answer_says_so_too(service: Service) -> None:
    service.instance.silent = True
    status, problem = await post(service.client, "/jobs", {"command": "true"}, {})
    assert (status, problem["type"]) == (503, "/docs/errors#outcome-unknown")
    assert "look for the job before you submit it again" in problem["detail"]


@needs_flux
@pytest.mark.parametrize(("path", "body", "jobs"), REQUESTS)
async def test_a_real_broker_that_is_stopped_gets_each_job_once(
    broker: Broker, path: str, body: Any, jobs: int
) -> None:
    with run_service("--rpc-timeout=1", FLUX_URI=broker.uri) as running:
        async with aiohttp.ClientSession(running.url) as client:
            # The keys of earlier services are known from here on, so that submissions are sent.
            first = await post(client, "/jobs", {"command": "true"}, {"Idempotency-Key": "0"})
            assert first[0] == 201
            broker.send(signal.SIGSTOP)
            for _ in range(2):
                status, problem = await post(client, path, body)
                assert (status, problem["type"]) == (503, "/docs/errors#outcome-unknown")
            broker.send(signal.SIGCONT)
            while (answer := await post(client, path, body))[0] == 503:
                assert answer[1]["type"] == "/docs/errors#outcome-unknown"
            assert answer[0] == 201
    assert len(broker.flux("jobs", "-a", "-n", "-o", "{id}").split()) == jobs + 1
