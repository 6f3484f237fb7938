from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fluxapi.model import jobid

from .conftest import Service


async def get(service: Service, path: str, **parameters: Any) -> Any:
    response = await service.client.get(path, params=parameters)
    assert response.status == 200, await response.text()
    return await response.json()


async def test_the_list_is_newest_first_and_paged(service: Service) -> None:
    ids = [await service.submit() for _ in range(5)]
    first = await get(service, "/jobs", limit=2)
    second = await get(service, "/jobs", limit=2, page=first["next"])
    third = await get(service, "/jobs", limit=2, page=second["next"])
    found = [job["id"] for page in (first, second, third) for job in page["jobs"]]
    assert found == ids[::-1]
    assert third["next"] is None
    assert first["cursor"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("taken", "sent"),
    [("gzip, deflate, br", "gzip"), ("gzip;q=0", None), ("deflate", None), ("x-gzip2", None)],
)
async def test_a_page_that_is_kept_is_compressed_for_those_who_take_it(
    service: Service, taken: str, sent: str | None
) -> None:
    ids = [await service.submit() for _ in range(20)]
    for number in ids:
        service.instance.finish(jobid.parse(number))
        await get(service, f"/jobs/{number}/wait")
    for _ in range(3):
        response = await service.client.get("/jobs", headers={"Accept-Encoding": taken})
    assert response.headers.get("Content-Encoding") == sent
    assert [job["id"] for job in (await response.json())["jobs"]] == ids[::-1]


async def test_filters(service: Service) -> None:
    first = await service.submit(name="sim-a", queue="batch")
    second = await service.submit(name="sim-b")
    await service.submit(name="other")
    service.instance.finish(jobid.parse(first))
    await get(service, f"/jobs/{first}/wait")

    async def ids(**parameters: Any) -> set[str]:
        return {job["id"] for job in (await get(service, "/jobs", **parameters))["jobs"]}

    assert await ids(name="sim-*") == {first, second}
    assert await ids(name="sim-*", state="pending") == {second}
    assert await ids(result="completed") == {first}
    assert await ids(queue="batch") == {first}
    assert await ids(node="node0") == {first}
    assert await ids(text="SIM-B") == {second}
    assert await ids(since=9e10) == set()
    assert await ids(user="nobody-at-all") == set()


@pytest.mark.parametrize("name", ["detail", "details", "listing"])
async def test_parameters_of_older_clients_are_taken(service: Service, name: str) -> None:
    assert (await get(service, "/v1/jobs", **{name: "true"}))["jobs"] == []


async def test_an_unknown_parameter_is_refused_by_name(service: Service) -> None:
    response = await service.client.get("/jobs", params={"stat": "run"})
    assert response.status == 422
    assert (await response.json())["errors"] == [
        {
            "pointer": "/stat",
            "detail": "is not a known query parameter; did you mean state?",
            "code": "unknown_query_parameter_near",
            "params": {"near": "state"},
        }
    ]


async def test_search_counts_before_paging(service: Service) -> None:
    for number in range(5):
        await service.submit(name=f"sim{number}" if number else "other")
    body = await get(
        service, "/jobs/search", **{"draw": 7, "start": 1, "length": 2, "search[value]": "sim"}
    )
    assert (body["draw"], body["recordsTotal"], body["recordsFiltered"]) == (7, 5, 4)
    assert [job["name"] for job in body["data"]] == ["sim3", "sim2"]


async def test_search_takes_what_datatables_sends(service: Service) -> None:
    parameters = {"columns[0][search][value]": "", "order[0][dir]": "asc", "_": "1", "length": "-1"}
    assert (await get(service, "/jobs/search", **parameters))["recordsTotal"] == 0


async def test_every_form_of_a_job_id_is_taken(service: Service) -> None:
    name = await service.submit()
    number = jobid.parse(name)
    dothex = ".".join(f"{number:016x}"[start : start + 4] for start in range(0, 16, 4))
    for form in (
        name,
        jobid.encode_fancy(number),
        str(number),
        hex(number),
        dothex,
        f"job.{dothex}",
    ):
        assert (await get(service, f"/jobs/{form}"))["id"] == name


@pytest.mark.parametrize("name", ["f99999", "0", "nonsense", "%00", "ƒ", "18446744073709551616"])
async def test_no_such_job_is_404(service: Service, name: str) -> None:
    response = await service.client.get(f"/jobs/{name}")
    assert response.status == 404
    assert (await response.json())["type"] == "/docs/errors#job-not-found"


async def test_waiting_ends_with_the_job(service: Service) -> None:
    name = await service.submit()
    waiting = asyncio.ensure_future(get(service, f"/jobs/{name}/wait", timeout=60))
    await get(service, "/health")
    service.instance.finish(jobid.parse(name))
    assert (await waiting)["result"] == "COMPLETED"


async def test_waiting_ends_with_the_time(service: Service) -> None:
    name = await service.submit()
    assert (await get(service, f"/jobs/{name}/wait", timeout=0))["state"] == "SCHED"


async def test_the_eventlog_as_json_and_as_flux_keeps_it(service: Service) -> None:
    name = await service.submit()
    events = await get(service, f"/jobs/{name}/eventlog")
    assert [event["name"] for event in events] == ["submit", "validate", "depend", "priority"]
    plain = await service.client.get(f"/jobs/{name}/eventlog", headers={"Accept": "text/plain"})
    assert plain.content_type == "text/plain"
    assert len((await plain.text()).splitlines()) == 4


async def test_the_jobspec_and_r(service: Service) -> None:
    name = await service.submit(cwd="/srv")
    spec = await get(service, f"/jobs/{name}/jobspec")
    assert (spec["version"], spec["attributes"]["system"]["cwd"]) == (1, "/srv")
    assert (await service.client.get(f"/jobs/{name}/R")).status == 404
    service.instance.begin(jobid.parse(name))
    assert (await get(service, f"/jobs/{name}/R"))["version"] == 1


async def test_reads_go_on_while_the_broker_is_gone(service: Service) -> None:
    name = await service.submit()
    service.instance.gone = True
    assert (await get(service, f"/jobs/{name}"))["id"] == name
    assert len((await get(service, "/jobs"))["jobs"]) == 1


async def test_a_page_that_is_kept_has_the_cursor_of_now(service: Service) -> None:
    for _ in range(3):
        await service.submit()
    after = (await get(service, "/jobs", limit=1))["next"]
    before = await get(service, "/jobs", limit=1, page=after)
    await service.submit()
    now = await get(service, "/jobs", limit=1, page=after)
    assert now["jobs"] == before["jobs"]
    assert now["cursor"] == (await get(service, "/jobs"))["cursor"] != before["cursor"]
