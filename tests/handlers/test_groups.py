from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest

from fluxapi.model import jobid
from fluxapi.model.eventlog import Event
from fluxapi.model.group import group_id
from fluxapi.model.output import OutputBatch

from .conftest import Service

SWEEP = group_id("sweep")
UNKNOWN = "g000000000000000"


async def get(service: Service, path: str, status: int = 200) -> dict[str, Any]:
    response = await service.client.get(f"/v1{path}")
    body: dict[str, Any] = await response.json()
    assert response.status == status, body
    return body


async def bulk(service: Service, key: str | None = None, **body: Any) -> dict[str, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    response = await service.client.post("/v1/jobs/bulk", json=body, headers=headers)
    answer: dict[str, Any] = await response.json()
    assert response.status == 201, answer
    return answer


def kept(service: Service) -> list[Any]:
    """Return the member ``group`` of the jobspecs that Flux got."""
    jobspecs = [json.loads(it.jobspec) for it in service.instance.submitted]
    return [it["attributes"].get("user", {}).get("fluxapi", {}).get("group") for it in jobspecs]


async def test_jobs_that_give_one_name_are_in_one_group(service: Service) -> None:
    response = await service.client.post("/v1/jobs", json={"command": "true", "group": "sweep"})
    assert (await response.json())["group"] == SWEEP
    await service.submit(group="sweep")
    await service.submit()
    await service.submit(group=None)
    assert kept(service) == ["sweep", "sweep", None, None]
    group = await get(service, "/groups/sweep")
    assert group == await get(service, f"/groups/{SWEEP}")
    assert (group["name"], group["total"], group["progress"]) == ("sweep", 2, 0.0)
    jobs = (await get(service, "/jobs?group=sweep"))["jobs"]
    assert [(job["group"], job["group_name"]) for job in jobs] == [(SWEEP, "sweep")] * 2
    assert (await get(service, "/groups"))["groups"] == [group]


@pytest.mark.parametrize(
    "body",
    [
        {"jobs": [{"command": "true"}, {"command": "false"}]},
        {"job": {"command": "true"}, "copies": 3},
        {"job": {"command": ["echo", "{cc}"]}, "cc": "0-3"},
    ],
)
async def test_a_bulk_submission_is_a_group(service: Service, body: dict[str, Any]) -> None:
    made, other = await bulk(service, **body), await bulk(service, **body)
    assert made["group"] != other["group"]
    group = await get(service, f"/groups/{made['group']}")
    assert group["total"] == len(made["jobs"])
    assert "name" not in group
    newest, older = (await get(service, "/groups"))["groups"]
    assert (newest["id"], older["id"]) == (other["group"], made["group"])


async def test_requests_with_one_key_are_one_group(service: Service) -> None:
    jobs = [{"command": "true", "name": f"job{number}"} for number in range(4)]
    first = await bulk(service, "key", jobs=jobs[:3], numbers="0-2")
    rest = await bulk(service, "key", jobs=jobs[3:], numbers="3")
    again = await bulk(service, "key", jobs=jobs)
    assert first["group"] == rest["group"] == again["group"]
    assert (await get(service, f"/groups/{first['group']}"))["total"] == 4


async def test_one_job_alone_needs_no_group(service: Service) -> None:
    assert "group" not in await bulk(service, jobs=[{"command": "true"}])
    assert "group" not in await bulk(service, job={"command": "true"}, copies=1)
    assert not (await get(service, "/groups"))["groups"]


async def test_a_job_of_a_bulk_submission_names_its_own_group(service: Service) -> None:
    jobs = [{"command": "true"}, {"command": "true", "group": "mine"}]
    assert (await bulk(service, jobs=jobs, group="sweep"))["group"] == SWEEP
    assert kept(service) == ["sweep", "mine"]


async def test_an_id_joins_a_group_under_its_name(service: Service) -> None:
    made = await bulk(service, job={"command": "true"}, copies=2)
    await service.submit(group="sweep")
    await service.submit(group=SWEEP)
    await service.submit(group=made["group"])
    assert kept(service)[2:] == ["sweep", "sweep", made["group"]]
    assert (await get(service, f"/groups/{made['group']}"))["total"] == 3


@pytest.mark.parametrize("group", [UNKNOWN, f"{SWEEP}.7"])
async def test_an_unknown_id_is_refused(service: Service, group: str) -> None:
    await service.submit(group="sweep")
    response = await service.client.post("/v1/jobs", json={"command": "true", "group": group})
    assert response.status == 422
    assert (await response.json())["errors"][0]["pointer"] == "/group"
    body = {"jobs": [{"command": "true", "group": group}]}
    response = await service.client.post("/v1/jobs/bulk", json=body)
    assert (await response.json())["errors"][0]["pointer"] == "/jobs/0/group"
    assert len(service.instance.submitted) == 1


@pytest.mark.parametrize("group", ["", " x", "a\nb", "x" * 129, 7, {"name": "x"}])
async def test_a_bad_name_is_refused(service: Service, group: Any) -> None:
    for path, body in (
        ("/jobs", {"command": "true", "group": group}),
        ("/jobs/bulk", {"job": {"command": "true"}, "copies": 2, "group": group}),
    ):
        response = await service.client.post(path, json=body)
        assert response.status == 422
        assert [field["pointer"] for field in (await response.json())["errors"]] == ["/group"]


async def test_a_whole_jobspec_can_be_in_a_group(service: Service) -> None:
    await service.submit()
    jobspec = json.loads(service.instance.submitted[0].jobspec)
    response = await service.client.post("/v1/jobs", json={"jobspec": jobspec, "group": "sweep"})
    assert response.status == 201
    assert kept(service) == [None, "sweep"]


async def test_the_group_and_the_key_are_kept_together(service: Service) -> None:
    for _ in range(2):
        response = await service.client.post(
            "/v1/jobs",
            json={"command": "true", "group": "sweep"},
            headers={"Idempotency-Key": "k"},
        )
        assert response.status == 201
    assert kept(service) == ["sweep"]


async def test_cancel_by_group(service: Service) -> None:
    made = await bulk(service, job={"command": "true"}, copies=3)
    await service.submit()
    body = {"filter": {"group": made["group"]}}
    response = await service.client.post("/v1/jobs/cancel", json=body)
    assert (await response.json())["requested"] == 3


async def test_an_unknown_group(service: Service) -> None:
    for path in ("/groups/none", f"/groups/{UNKNOWN}", "/groups/none/wait"):
        problem = await get(service, path, 404)
        assert problem["type"] == "/docs/errors#group-not-found"
    assert not (await get(service, "/jobs?group=none"))["jobs"]


async def test_pages_of_groups(service: Service) -> None:
    for number in range(5):
        await service.submit(group=f"group {number}")
    first = await get(service, "/groups?limit=3")
    rest = await get(service, f"/groups?limit=3&page={first['next']}")
    names = [group["name"] for group in first["groups"] + rest["groups"]]
    assert names == [f"group {number}" for number in (4, 3, 2, 1, 0)]
    assert rest["next"] is None


async def test_groups_are_found_by_words_of_their_names_and_ids(service: Service) -> None:
    for name in ("Sweep of wings", "sweep of tails", "train"):
        await service.submit(group=name)

    async def found(text: str) -> list[str]:
        listed = await get(service, f"/groups?{urlencode({'text': text})}")
        return [group["name"] for group in listed["groups"]]

    assert await found("SWEEP") == ["sweep of tails", "Sweep of wings"]
    assert await found("wing sweep") == ["Sweep of wings"]
    known = (await get(service, "/groups?text=train"))["groups"][0]
    assert await found(known["id"][:8]) == ["train"]
    assert await found("none") == []


async def test_wait_for_all_jobs_of_a_group(service: Service) -> None:
    ids = [jobid.parse(it["id"]) for it in (await bulk(service, **COPIES))["jobs"]]
    waiting = asyncio.ensure_future(get(service, "/groups/sweep/wait?timeout=60"))
    for at in ids:
        service.instance.finish(at, 256)
    group = await waiting
    assert (group["active"], group["results"]) == (0, {"FAILED": 3})
    assert group["progress"] == 1.0
    active = (await get(service, "/groups?active=true"))["groups"]
    assert not active


COPIES: dict[str, Any] = {"job": {"command": "true"}, "copies": 3, "group": "sweep"}


async def test_wait_for_one_more_job_of_a_group(service: Service) -> None:
    ids = [jobid.parse(it["id"]) for it in (await bulk(service, **COPIES))["jobs"]]
    waiting = asyncio.ensure_future(get(service, "/groups/sweep/wait?until=any&timeout=60"))
    service.instance.finish(ids[1])
    assert (await waiting)["active"] == 2
    path = "/groups/sweep/wait?until=any&ended=1&timeout="
    assert (await get(service, path + "0"))["active"] == 2
    waiting = asyncio.ensure_future(get(service, path + "60"))
    service.instance.finish(ids[0])
    assert (await waiting)["active"] == 1


async def test_a_group_that_is_purged_while_it_is_waited_for(service: Service) -> None:
    job = jobid.parse(await service.submit(group="sweep"))
    waiting = asyncio.ensure_future(get(service, "/groups/sweep/wait?timeout=60", 404))
    service.instance.post(job, Event(1.0, "exception", {"type": "cancel", "severity": 0}))
    service.instance.post(job, Event(1.0, "invalidate"))
    assert "purged" in (await waiting)["detail"]


async def group_output(service: Service, query: str, accept: str) -> str:
    path = f"/v1/groups/sweep/output{query}"
    response = await service.client.get(path, headers={"Accept": accept})
    assert response.status == 200
    assert response.content_type == accept
    return await response.text()


@pytest.fixture
async def written(service: Service) -> list[str]:
    """Return the IDs of three jobs of a group, of which the last has not started."""
    ids = [it["id"] for it in (await bulk(service, **COPIES))["jobs"]]
    for number, name in enumerate(ids[:2]):
        job = jobid.parse(name)
        service.instance.finish(job)
        service.instance.write(
            job,
            {"stream": "stdout", "data": f"first {number}\nlast"},
            {"stream": "stderr", "data": "oops\n"},
        )
    await get(service, "/groups/sweep/wait?until=any&ended=1&timeout=60")
    return ids


async def test_the_output_of_a_group_is_that_of_its_jobs(
    service: Service, written: list[str]
) -> None:
    one, two, _ = written
    text = await group_output(service, "", "text/plain")
    assert text == "".join(
        f"{name}: first {number}\n{name}: oops\n{name}: last\n"
        for number, name in enumerate((one, two))
    )
    lines = (await group_output(service, "", "application/x-ndjson")).splitlines()
    entries = [json.loads(line) for line in lines]
    assert [(it["id"], it["context"]["data"]) for it in entries] == [
        (one, "first 0\nlast"), (one, "oops\n"), (two, "first 1\nlast"), (two, "oops\n"),
    ]  # fmt: skip


async def test_a_part_of_the_output_of_each_job(service: Service, written: list[str]) -> None:
    one, two, _ = written
    text = await group_output(service, "?stream=stderr", "text/plain")
    assert text == f"{one}: oops\n{two}: oops\n"
    text = await group_output(service, "?stream=stdout&tail=1", "text/plain")
    assert text == f"{one}: last\n{two}: last\n"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-ndjson"])
async def test_a_search_for_the_tail_of_a_job_that_ended_at_its_bound_is_told(
    service: Service, written: list[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def cut(*_: Any, **__: Any) -> AsyncIterator[OutputBatch]:
        yield OutputBatch(7, [Event(0.0, "data", {"stream": "stderr", "data": "found\n"})])
        yield OutputBatch(9, [], searched=1000, cut=True)

    monkeypatch.setattr(service.instance, "output", cut)
    lines = (await group_output(service, "?tail=2", kind)).splitlines()
    if kind == "text/plain":
        assert "only the last 1000 bytes" in lines[-1]
    else:
        said = {"id": written[1], "name": "cut", "context": {"searched": 1000}}
        assert json.loads(lines[-1]) == said


async def test_the_output_of_a_group_whose_job_is_purged(
    service: Service, written: list[str]
) -> None:
    del service.instance.outputs[jobid.parse(written[0])]
    text = await group_output(service, "?stream=stderr", "text/plain")
    assert text == f"{written[1]}: oops\n"
    await get(service, "/groups/none/output", 404)


async def test_the_page_of_a_group(service: Service, written: list[str]) -> None:
    html = {"Accept": "text/html,*/*;q=0.8"}
    page = await service.client.get("/ui/groups/sweep", headers=html)
    text = await page.text()
    assert (page.status, page.content_type) == (200, "text/html")
    assert "Group of 3 jobs of" in text
    counts = re.findall(rf'href="\.\./\.\./\?group={SWEEP}&amp;(\w+=\w+)">(\d+)</a>', text)
    assert dict(counts)["result=COMPLETED"] == "2"
    assert f'href="../../v1/groups/{SWEEP}/output"' in text
    # A browser that follows this link shows text.
    shown = await service.client.get(
        f"/v1/groups/{SWEEP}/output?tail=1&stream=stdout", headers=html
    )
    assert shown.content_type == "text/plain"
    assert await shown.text() == "".join(f"{name}: last\n" for name in written[:2])
    missing = await service.client.get("/ui/groups/none", headers=html)
    assert (missing.status, missing.content_type) == (404, "text/html")
