from __future__ import annotations

from typing import Any

import pytest

from fluxapi.model import jobid

from .conftest import Service


async def ended(service: Service) -> str:
    name = await service.submit()
    service.instance.finish(jobid.parse(name))
    await service.client.get(f"/jobs/{name}/wait")
    return name


async def test_cancel_asks_flux(service: Service) -> None:
    name = await service.submit()
    response = await service.client.post(f"/jobs/{name}/cancel", json={"note": "enough"})
    assert response.status == 202
    assert (await response.json())["Message"] == "Job is requested to cancel."
    assert service.instance.calls == [("raise", jobid.parse(name), "cancel", 0, "enough")]


async def test_delete_cancels(service: Service) -> None:
    name = await service.submit()
    assert (await service.client.delete(f"/v1/jobs/{name}")).status == 202
    assert service.instance.calls == [("raise", jobid.parse(name), "cancel", 0, None)]


async def test_an_inactive_job_cannot_be_canceled(service: Service) -> None:
    name = await ended(service)
    response = await service.client.post(f"/jobs/{name}/cancel")
    assert response.status == 409
    assert "cannot be canceled" in (await response.json())["Message"]
    assert not service.instance.calls


@pytest.mark.parametrize("path", ["cancel", "signal", "urgency"])
async def test_no_such_job_is_404(service: Service, path: str) -> None:
    body: dict[str, Any] = {"signal": {"signal": 15}, "urgency": {"urgency": 1}}.get(path, {})
    assert (await service.client.post(f"/jobs/f99/{path}", json=body)).status == 404


@pytest.mark.parametrize("name", [15, "15", "TERM", "SIGTERM"])
async def test_signals_by_number_or_name(service: Service, name: Any) -> None:
    job = await service.submit()
    response = await service.client.post(f"/jobs/{job}/signal", json={"signal": name})
    assert response.status == 202
    assert service.instance.calls == [("kill", jobid.parse(job), 15)]


@pytest.mark.parametrize("name", [0, 65, "0", "99", "SIGNAL", "", None, 1.5])
async def test_no_signal(service: Service, name: Any) -> None:
    job = await service.submit()
    response = await service.client.post(f"/jobs/{job}/signal", json={"signal": name})
    assert response.status == 422
    assert (await response.json())["errors"][0]["pointer"] == "/signal"


@pytest.mark.parametrize(("value", "number"), [(3, 3), ("hold", 0), ("expedite", 31)])
async def test_urgency(service: Service, value: Any, number: int) -> None:
    job = await service.submit()
    response = await service.client.post(f"/jobs/{job}/urgency", json={"urgency": value})
    assert response.status == 202
    assert service.instance.calls == [("urgency", jobid.parse(job), number)]


@pytest.mark.parametrize("value", [-1, 32, "soon", None, True])
async def test_no_urgency(service: Service, value: Any) -> None:
    job = await service.submit()
    response = await service.client.post(f"/jobs/{job}/urgency", json={"urgency": value})
    assert response.status == 422


async def test_many_are_canceled_by_ids_each_with_its_own_error(service: Service) -> None:
    live, over = await service.submit(), await ended(service)
    response = await service.client.post(
        "/jobs/cancel", json={"ids": [live, live, over, "f99", "nonsense"]}
    )
    assert response.status == 202
    body = await response.json()
    assert (body["requested"], body["failed"]) == (1, 3)
    kinds = {entry["id"]: entry["error"]["status"] for entry in body["errors"]}
    assert kinds == {over: 409, "f99": 404, "nonsense": 404}


async def test_many_are_canceled_by_filter_but_only_active_ones(service: Service) -> None:
    await ended(service)
    await service.submit(name="b")
    await service.submit(name="a")
    response = await service.client.post("/jobs/cancel", json={"filter": {"name": "a"}})
    assert (await response.json())["requested"] == 1
    response = await service.client.post("/jobs/cancel", json={"filter": {}})
    assert (await response.json())["requested"] == 2
    response = await service.client.post("/jobs/cancel", json={"filter": {"name": "none"}})
    assert (await response.json())["Message"] == "No job is requested to cancel."


async def test_a_gone_broker_is_503(service: Service) -> None:
    name = await service.submit()
    service.instance.gone = True
    assert (await service.client.post(f"/jobs/{name}/cancel")).status == 503
    assert (await service.client.post("/jobs/cancel", json={"filter": {}})).status == 503


async def test_an_exception_of_any_type(service: Service) -> None:
    name = await service.submit()
    body = {"type": "weather", "severity": 7, "note": "it rains"}
    assert (await service.client.post(f"/jobs/{name}/exception", json=body)).status == 202
    assert (await service.client.post(f"/jobs/{name}/exception", json={})).status == 202
    job = jobid.parse(name)
    assert service.instance.calls == [
        ("raise", job, "weather", 7, "it rains"),
        ("raise", job, "cancel", 0, None),
    ]


async def test_a_memo(service: Service) -> None:
    name = await service.submit()
    body = {"memo": {"a": {"b": None}}, "volatile": True}
    assert (await service.client.post(f"/jobs/{name}/memo", json=body)).status == 202
    assert service.instance.calls == [("memo", jobid.parse(name), {"a": {"b": None}}, True)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("exception", {"severity": 8}),
        ("exception", {"type": ""}),
        ("exception", {"type": "a b"}),
        ("exception", {"note": "\0"}),
        ("exception", {"type": "scheduler-restart", "severity": 0}),
        ("exception", {"type": "scheduler-restart"}),
        ("memo", {}),
        ("memo", {"memo": {}}),
        ("memo", {"memo": [1]}),
        ("memo", {"memo": {"a-b": 1}}),
    ],
)
async def test_a_wrong_exception_or_memo_does_not_reach_flux(
    service: Service, path: str, body: dict[str, Any]
) -> None:
    name = await service.submit()
    assert (await service.client.post(f"/jobs/{name}/{path}", json=body)).status == 422
    assert not service.instance.calls
    finished = await ended(service)
    good = {"memo": {"a": 1}} if path == "memo" else {}
    assert (await service.client.post(f"/jobs/{finished}/{path}", json=good)).status == 409
