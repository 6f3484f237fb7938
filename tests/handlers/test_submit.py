from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from yarl import URL

from fluxapi.errors import FluxRefused
from fluxapi.job_limits import begin_limit, dependency_limit, memory_limit

from .conftest import Service, Start


def jobspec(service: Service, index: int = -1) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(service.instance.submitted[index].jobspec)
    return document


async def test_a_command_becomes_a_job(service: Service) -> None:
    response = await service.client.post("/jobs", json={"command": "sleep 10"})
    assert response.status == 201
    assert jobspec(service)["tasks"][0]["command"] == ["sleep", "10"]


async def test_a_terminal_that_nobody_can_attach_to_is_refused(service: Service) -> None:
    job = {"command": "cat", "shell_options": {"pty.interactive": 1}}
    for path, body, pointer in (
        ("/jobs", job, "/shell_options"),
        ("/jobs/bulk", {"jobs": [{"command": "true"}, job]}, "/jobs/1/shell_options"),
        ("/jobs/bulk", {"job": job, "copies": 2}, "/job/shell_options"),
    ):
        response = await service.client.post(path, json=body)
        assert response.status == 422
        (error,) = (await response.json())["errors"]
        assert error["pointer"] == pointer
        assert "would wait until a terminal attaches" in error["detail"]
    assert service.instance.submitted == []


async def test_the_answer_names_the_job_and_where_it_is(service: Service) -> None:
    response = await service.client.post("/v1/jobs/submit", json={"command": "true"})
    body = await response.json()
    assert body["Message"] == "Job submit."
    assert response.url.join(URL(response.headers["Location"])).path == f"/v1/jobs/{body['id']}"


async def test_a_submitted_job_is_there_at_once(service: Service) -> None:
    jobid = await service.submit(name="mine")
    response = await service.client.get(f"/jobs/{jobid}")
    assert (await response.json())["name"] == "mine"


async def test_fields_may_be_query_parameters(service: Service) -> None:
    parameters = {"command": "echo hi", "num_tasks": "2", "envars": "{'A': 'b'}", "exclusive": ""}
    response = await service.client.post("/v1/jobs/submit", params=parameters)
    assert response.status == 201
    assert jobspec(service)["attributes"]["system"]["environment"]["A"] == "b"


async def test_nothing_of_the_environment_of_the_service_is_inherited(service: Service) -> None:
    await service.submit()
    names = set(jobspec(service)["attributes"]["system"]["environment"])
    assert names == {"HOME", "USER", "LOGNAME", "SHELL", "PATH"}


async def test_every_bad_field_is_named_at_once(service: Service) -> None:
    response = await service.client.post(
        "/jobs", json={"comand": "true", "num_tasks": 0, "duration": "soon"}
    )
    assert response.status == 422
    assert response.content_type == "application/problem+json"
    problem = await response.json()
    found = {field["pointer"]: field["detail"] for field in problem["errors"]}
    assert set(found) == {"/comand", "/num_tasks", "/duration"}
    assert "did you mean command?" in found["/comand"]


async def test_option_flags_with_dashes_are_refused_in_known_words(service: Service) -> None:
    body = {"command": "true", "option_flags": {"-ompi": "noodles"}}
    response = await service.client.post("/jobs/submit", json=body)
    assert "keys without -o" in (await response.json())["Errors"][0]


async def test_options_of_a_flux_restful_query_are_refused_too(service: Service) -> None:
    parameters = {"command": "true", "option_flags": "-ompi=noodles"}
    response = await service.client.post("/v1/jobs/submit", params=parameters)
    assert "keys without -o" in (await response.json())["Errors"][0]


async def test_a_refusal_contains_the_message_of_flux(service: Service) -> None:
    service.instance.refuse["true"] = FluxRefused("unsatisfiable request")
    response = await service.client.post("/jobs", json={"command": "true"})
    assert response.status == 422
    assert (await response.json())["detail"] == "Flux refused: unsatisfiable request."


async def test_a_gone_broker_is_503_with_a_time_to_come_back(service: Service) -> None:
    service.instance.gone = True
    response = await service.client.post("/jobs", json={"command": "true"})
    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0


async def test_only_allowed_launchers_start(start: Start) -> None:
    service = await start(launchers=("nextflow",))
    body = {"command": "/opt/bin/nextflow run x", "is_launcher": True}
    assert (await service.client.post("/jobs", json=body)).status == 201
    body["command"] = "bash x"
    assert (await service.client.post("/jobs", json=body)).status == 422


async def test_the_services_own_shell_options_are_added(start: Start) -> None:
    service = await start(option_flags={"mpi": "spectrum", "verbose": "2"})
    await service.submit(shell_options={"verbose": 0})
    options = jobspec(service)["attributes"]["system"]["shell"]["options"]
    assert options == {"mpi": "spectrum", "verbose": 0}


async def test_the_same_key_gives_the_same_job(service: Service) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await service.client.post("/jobs", json={"command": "true"}, headers=headers)
    again = await service.client.post("/jobs", json={"command": "true"}, headers=headers)
    assert (await first.json())["id"] == (await again.json())["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(service.instance.submitted) == 1


async def test_concurrent_requests_with_one_key_share_a_submission(service: Service) -> None:
    service.instance.hold_back.clear()
    headers = {"Idempotency-Key": "k1"}
    requests = [
        asyncio.ensure_future(
            service.client.post("/jobs", json={"command": "true"}, headers=headers)
        )
        for _ in range(4)
    ]
    await (await service.client.get("/health")).read()
    service.instance.hold_back.set()
    ids = {(await (await request).json())["id"] for request in requests}
    assert len(ids) == len(service.instance.submitted) == 1


async def test_a_key_with_another_body_is_refused(service: Service) -> None:
    headers = {"Idempotency-Key": "k1"}
    await service.client.post("/jobs", json={"command": "true"}, headers=headers)
    other = await service.client.post("/jobs", json={"command": "false"}, headers=headers)
    assert other.status == 422
    assert (await other.json())["type"].endswith("#idempotency-key-reused")


async def test_a_key_of_a_refused_job_is_free_again(service: Service) -> None:
    headers = {"Idempotency-Key": "k1"}
    service.instance.refuse["true"] = FluxRefused("no")
    await service.client.post("/jobs", json={"command": "true"}, headers=headers)
    service.instance.refuse.clear()
    again = await service.client.post("/jobs", json={"command": "true"}, headers=headers)
    assert again.status == 201
    assert "Idempotent-Replayed" not in again.headers


async def test_jobs_with_too_many_dependencies_that_wait_are_refused_alone(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependency_limit, "MAX_WAITING", 10)
    many = {"command": "true", "dependencies": ["afterok:f1"] * 11}
    answer = await service.client.post("/v1/jobs", json=many)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "10"
    assert "at most 4 dependencies" in (await answer.json())["detail"]
    answer = await service.client.post("/v1/jobs/bulk", json={"jobs": [many, {"command": "true"}]})
    first, second = (await answer.json())["jobs"]
    assert first["error"]["status"] == 503
    assert "id" in second


async def test_large_jobs_for_which_flux_has_no_room_are_refused_alone(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_limit, "usual_limit", lambda: 3 * memory_limit.LARGE_BYTES)
    service = await start()
    large = {"command": ["true", "x" * memory_limit.LARGE_BYTES]}
    assert (await service.client.post("/v1/jobs", json=large)).status == 201
    answer = await service.client.post("/v1/jobs", json=large)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "10"
    assert "flux job purge" in (await answer.json())["detail"]
    answer = await service.client.post("/v1/jobs/bulk", json={"jobs": [large, {"command": "true"}]})
    first, second = (await answer.json())["jobs"]
    assert first["error"]["status"] == 503
    assert "id" in second


async def test_jobs_that_begin_together_with_too_many_are_refused_alone(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(begin_limit, "MAX_TOGETHER", 1)
    later = {"command": "true", "dependencies": [f"begin-time:{time.time() + 3600}"]}
    jobs = [later, later, {"command": "true"}]
    answer = await service.client.post("/v1/jobs/bulk", json={"jobs": jobs})
    first, second, third = (await answer.json())["jobs"]
    assert "id" in first
    assert second["error"]["status"] == 422
    assert "id" in third
