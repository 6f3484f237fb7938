from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.errors import FluxRefused, InstanceUnavailable
from fluxapi.handlers import bulk
from fluxapi.http import keys
from fluxapi.model.jobid import encode_f58
from fluxapi.model.jobspec import build
from fluxapi.model.keymark import KeyMark, digest
from fluxapi.settings import Settings

from .conftest import Service
from .fake import FakeInstance


async def test_ids_come_in_order(service: Service) -> None:
    jobs = [{"command": "true", "name": f"job{number}"} for number in range(200)]
    response = await service.client.post("/jobs/bulk", json={"jobs": jobs})
    assert response.status == 201
    body = await response.json()
    records = [
        await (await service.client.get(f"/jobs/{entry['id']}")).json()
        for entry in body["jobs"][:3]
    ]
    assert [record["name"] for record in records] == ["job0", "job1", "job2"]
    assert (body["submitted"], body["failed"]) == (200, 0)


async def test_a_refusal_of_flux_is_reported_in_its_place(service: Service) -> None:
    service.instance.refuse["bad"] = FluxRefused("no such queue")
    jobs = [{"command": "true"}, {"command": "bad"}, {"command": "true"}]
    response = await service.client.post("/jobs/bulk", json={"jobs": jobs})
    assert response.status == 207
    entries = (await response.json())["jobs"]
    assert [set(entry) for entry in entries] == [{"id"}, {"error"}, {"id"}]
    assert entries[1]["error"]["detail"] == "Flux refused: no such queue."


async def test_one_bad_job_stops_all(service: Service) -> None:
    jobs = [{"command": "true"}, {"command": "true", "num_tasks": 0}, {"command": "'"}]
    response = await service.client.post("/jobs/bulk", json={"jobs": jobs})
    assert response.status == 422
    pointers = [field["pointer"] for field in (await response.json())["errors"]]
    assert pointers == ["/jobs/1/num_tasks", "/jobs/2/command"]
    assert not service.instance.submitted


async def test_copies(service: Service) -> None:
    body = {"job": {"command": "true"}, "copies": 3}
    response = await service.client.post("/jobs/bulk", json=body)
    assert len({entry["id"] for entry in (await response.json())["jobs"]}) == 3


async def test_cc_substitutes_as_flux_submit_does(service: Service) -> None:
    body = {"job": {"command": "echo {cc}", "envars": {"A": "{cc}"}}, "cc": "1,3-4"}
    assert (await service.client.post("/jobs/bulk", json=body)).status == 201
    specs = [json.loads(submission.jobspec) for submission in service.instance.submitted]
    assert [spec["tasks"][0]["command"][1] for spec in specs] == ["1", "3", "4"]
    environment = specs[2]["attributes"]["system"]["environment"]
    assert (environment["FLUX_JOB_CC"], environment["A"]) == ("4", "4")


async def test_a_gone_broker_is_503(service: Service) -> None:
    service.instance.refuse["true"] = InstanceUnavailable("gone")
    response = await service.client.post("/jobs/bulk", json={"jobs": [{"command": "true"}]})
    assert response.status == 503


async def _refused(service: Service, text: str) -> tuple[int, list[str]]:
    response = await service.client.post(
        "/jobs/bulk", data=text, headers={"Content-Type": "application/json"}
    )
    body = await response.json()
    return response.status, [field["pointer"] for field in body.get("errors", [])]


async def test_the_shape_is_checked(service: Service) -> None:
    assert await _refused(service, "[]") == (422, [""])
    assert await _refused(service, "{}") == (422, [""])
    assert await _refused(service, '{"jobs": []}') == (422, ["/jobs"])
    assert await _refused(service, '{"jobs": 3}') == (422, ["/jobs"])
    assert await _refused(service, '{"jobs": [{"command":"true"}], "copies": 0}') == (
        422,
        ["/copies"],
    )
    assert await _refused(service, '{"jbos": []}') == (422, ["/jbos", ""])
    assert await _refused(service, '{"job": {"command":"x"}, "cc": "5-1"}') == (422, ["/cc"])


async def test_invalid_json_is_400(service: Service) -> None:
    assert (await _refused(service, '{"jobs": [{"command": }]}'))[0] == 400
    assert (await _refused(service, '{"jobs"'))[0] == 400


async def test_a_repeated_request_gives_the_same_jobs(service: Service) -> None:
    headers = {"Idempotency-Key": "k"}
    body = {"jobs": [{"command": "true"}, {"command": "bad"}, {"command": "true"}]}
    service.instance.refuse["bad"] = FluxRefused("not now")
    first = await (await service.client.post("/jobs/bulk", json=body, headers=headers)).json()
    del service.instance.refuse["bad"]
    second = await (await service.client.post("/jobs/bulk", json=body, headers=headers)).json()
    assert [second["jobs"][at] for at in (0, 2)] == [first["jobs"][at] for at in (0, 2)]
    assert set(second["jobs"][1]) == {"id"}
    assert len(service.instance.submitted) == 3


async def test_requests_with_one_key_at_once_give_the_same_jobs(service: Service) -> None:
    async def post() -> Any:
        body = {"job": {"command": "true"}, "copies": 5}
        response = await service.client.post(
            "/jobs/bulk", json=body, headers={"Idempotency-Key": "k"}
        )
        return (await response.json())["jobs"]

    first, second = await asyncio.gather(post(), post())
    assert first == second
    assert len(service.instance.submitted) == 5


async def test_a_key_of_another_request_is_refused(service: Service) -> None:
    headers = {"Idempotency-Key": "k"}
    body = {"job": {"command": "true"}, "copies": 2}
    await service.client.post("/jobs/bulk", json=body, headers=headers)
    other = await service.client.post("/jobs/bulk", json=body | {"copies": 3}, headers=headers)
    assert (other.status, len(service.instance.submitted)) == (422, 2)


async def _ids(service: Service, jobs: list[str], **more: Any) -> list[str]:
    """Submit a list of jobs with the key ``k``, and return their IDs."""
    body = {"jobs": [{"command": job} for job in jobs], **more}
    response = await service.client.post("/jobs/bulk", json=body, headers={"Idempotency-Key": "k"})
    assert response.status == 201, await response.text()
    return [entry["id"] for entry in (await response.json())["jobs"]]


async def test_a_list_may_be_sent_in_parts_of_any_size(service: Service) -> None:
    whole = await _ids(service, ["a", "b", "c", "d"])
    assert await _ids(service, ["c", "d"], numbers="2-3") == whole[2:]
    assert await _ids(service, ["a", "b", "d"], numbers="0-1,3") == [*whole[:2], whole[3]]
    assert (await _ids(service, ["d", "e"], numbers="3,4"))[0] == whole[3]
    assert len(service.instance.submitted) == 5


async def test_a_job_of_a_list_is_held_to_its_number(service: Service) -> None:
    await _ids(service, ["a", "b"])
    body = {"jobs": [{"command": "other"}], "numbers": "1"}
    other = await service.client.post("/jobs/bulk", json=body, headers={"Idempotency-Key": "k"})
    assert (other.status, len(service.instance.submitted)) == (422, 2)


@pytest.mark.parametrize(
    "numbers", ["0", "0-2", "1,0", "0,0", "3-2", "0,", "1-", "0-99999999999999999", "9" * 30]
)
async def test_numbers_that_do_not_fit_are_refused(service: Service, numbers: str) -> None:
    body = {"jobs": [{"command": "true"}] * 2, "numbers": numbers}
    response = await service.client.post("/jobs/bulk", json=body)
    assert response.status == 422
    assert {field["pointer"] for field in (await response.json())["errors"]} == {"/numbers"}


async def test_numbers_are_for_lists(service: Service) -> None:
    body = {"job": {"command": "true"}, "copies": 2, "numbers": "0-1"}
    assert (await service.client.post("/jobs/bulk", json=body)).status == 422


@pytest.mark.parametrize("path", ["/jobs", "/jobs/bulk"])
async def test_a_key_waits_for_what_an_earlier_service_submitted(
    aiohttp_client: AiohttpClient, path: str
) -> None:
    """Let the job of the key reach Flux only after this service has started."""
    instance = FakeInstance()
    instance.settling.clear()
    fields = {"command": "true"}
    body = fields if path == "/jobs" else {"jobs": [fields]}
    headers = {"Idempotency-Key": "k"}
    app = create_app(Settings(), instance, stop=lambda: None)
    client = await aiohttp_client(app)
    asked = asyncio.ensure_future(client.post(path, json=body, headers=headers))
    await instance.asked_to_settle.wait()
    mark = KeyMark("k", digest(fields))
    if path == "/jobs/bulk":
        mark = KeyMark.of_member("k", 0, digest(fields))
    (jobid,) = await instance.submit([build(fields, app[keys.SESSIONS].root.defaults, mark=mark)])
    assert isinstance(jobid, int)
    instance.settling.set()
    answer = await (await asked).json()
    assert (answer if path == "/jobs" else answer["jobs"][0])["id"] == encode_f58(jobid)
    assert len(instance.submitted) == 1


async def test_a_key_that_may_have_been_used_is_not_taken_for_new(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.sessions.idempotency._SETTLE_TIMEOUT_S", 0.01)
    instance = FakeInstance()
    instance.settling.clear()
    client = await aiohttp_client(create_app(Settings(), instance, stop=lambda: None))
    response = await client.post(
        "/jobs", json={"command": "true"}, headers={"Idempotency-Key": "k"}
    )
    assert (response.status, instance.submitted) == (503, [])


async def test_warnings_about_scripts_are_in_the_lines(service: Service) -> None:
    odd = {"script": "#!/bin/sh\n#SBATCH -N2\n"}
    jobs = [odd, odd, {"command": "true"}, odd]
    response = await service.client.post("/jobs/bulk", json={"jobs": jobs})
    told = [entry.get("warnings") for entry in (await response.json())["jobs"]]
    assert [bool(each) for each in told] == [True, False, False, True]
    assert told[0] == told[3]
    assert "Line 2: Flux ignores #SBATCH" in told[0][0]
    response = await service.client.post("/jobs/bulk", json={"job": odd, "copies": 3})
    assert [bool(entry.get("warnings")) for entry in (await response.json())["jobs"]] == [
        True,
        False,
        False,
    ]


async def test_warnings_about_scripts_are_bounded(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_MAX_WARNINGS_LENGTH", 200)
    starts = ("#!/bin/sh\n" + "\n" * number for number in range(9))
    jobs = [{"script": f"{start}#SBATCH -N2\n"} for start in starts]
    body = await (await service.client.post("/jobs/bulk", json={"jobs": jobs})).json()
    assert 0 < sum("warnings" in entry for entry in body["jobs"]) < 9
    assert body["Message"] == "9 jobs submitted. More warnings are left out."
