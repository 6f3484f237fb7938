"""Requests that add events to active jobs of any instance have an end."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.errors import FluxRefused
from fluxapi.model import added_events
from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import parse

from .conftest import Service
from .fake import FakeInstance

TEXT = "y" * 1000


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("memo", {"memo": {"k": TEXT}}),
        ("exception", {"type": "x", "severity": 7, "note": TEXT}),
        ("urgency", {"urgency": 0}),
    ],
)
async def test_a_job_gets_so_many_events(
    service: Service, kind: str, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(added_events, "MAX_JOB_BYTES", 10_000)
    path = f"/v1/jobs/{await service.submit()}"
    answers = [await service.client.post(f"{path}/{kind}", json=body) for _ in range(30)]
    assert answers[0].status == 202
    assert answers[-1].status == 422
    assert "too many memos" in (await answers[-1].json())["detail"]
    # It can be ended nevertheless.
    assert (await service.client.delete(path)).status == 202


@pytest.mark.parametrize(
    ("method", "kind", "body"),
    [
        ("post_memo", "memo", {"memo": {"k": TEXT}}),
        ("raise_exception", "exception", {"type": "x", "severity": 7, "note": TEXT}),
        ("set_urgency", "urgency", {"urgency": 0}),
    ],
)
async def test_events_that_flux_refuses_do_not_count(
    service: Service, monkeypatch: pytest.MonkeyPatch, method: str, kind: str, body: dict[str, Any]
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise FluxRefused("not now")

    monkeypatch.setattr(added_events, "MAX_JOB_BYTES", 10_000)
    path = f"/v1/jobs/{await service.submit()}"
    with monkeypatch.context() as patch:
        patch.setattr(FakeInstance, method, refuse)
        for _ in range(30):
            answer = await service.client.post(f"{path}/{kind}", json=body)
            assert "not now" in (await answer.json())["detail"]
    assert (await service.client.post(f"{path}/{kind}", json=body)).status == 202


@pytest.mark.parametrize("how", ["one", "many"])
async def test_a_job_that_is_being_ended_is_not_canceled_without_end(
    service: Service, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(added_events, "MAX_JOB_BYTES", 10_000)
    jobid = await service.submit()
    service.instance.post(parse(jobid), Event(1.0, "exception", {"type": "cancel", "severity": 0}))
    while (await (await service.client.get(f"/v1/jobs/{jobid}")).json())["state"] != "CLEANUP":
        pass
    for _ in range(30):
        if how == "one":
            await service.client.post(f"/v1/jobs/{jobid}/cancel", json={"note": TEXT})
        else:
            body = {"ids": [jobid], "note": TEXT}
            answer = await service.client.post("/v1/jobs/cancel", json=body)
            assert answer.status == 202
    calls = [call for call in service.instance.calls if call[0] == "raise"]
    assert 0 < len(calls) < 10
    if how == "many":
        (wrong,) = (await answer.json())["errors"]
        assert "too many memos" in wrong["error"]["detail"]


async def test_jobs_that_have_ended_leave_room_to_others(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(added_events, "MAX_TOTAL_BYTES", 2500)
    for _ in range(3):
        jobid = await service.submit()
        memo = {"memo": {"k": TEXT}}
        answer = await service.client.post(f"/v1/jobs/{jobid}/memo", json=memo)
        assert answer.status == 202
        service.instance.finish(parse(jobid))
        await service.client.get(f"/v1/jobs/{jobid}/wait")


@pytest.mark.parametrize(
    ("kind", "body", "events"),
    [
        ("memo", {"memo": {"k": 1}}, 1),
        ("exception", {"type": "x", "severity": 7}, 1),
        ("urgency", {"urgency": 0}, 2),
    ],
)
async def test_the_list_of_the_events_of_a_job_takes_so_much_disk_space(
    service: Service,
    kind: str,
    body: dict[str, Any],
    events: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(added_events, "MAX_JOB_DISK_BYTES", 20 * 10**2)
    path = f"/v1/jobs/{await service.submit()}/{kind}"
    answers = [(await service.client.post(path, json=body)).status for _ in range(12)]
    assert answers == [202] * (10 // events) + [422] * (12 - 10 // events)


async def test_the_lists_of_all_jobs_take_so_much_disk_space(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(added_events, "MAX_TOTAL_DISK_BYTES", 20 * 10**2)
    jobs = [await service.submit() for _ in range(3)]

    async def posted(jobid: str) -> int:
        path = f"/v1/jobs/{jobid}/memo"
        answers = [await service.client.post(path, json={"memo": {"k": 1}}) for _ in range(12)]
        return sum(answer.status == 202 for answer in answers)

    assert [await posted(jobid) for jobid in jobs] == [10, 0, 0]
    service.instance.finish(parse(jobs[0]))
    await service.client.get(f"/v1/jobs/{jobs[0]}/wait")
    assert [await posted(jobid) for jobid in jobs[1:]] == [10, 0]


@pytest.mark.parametrize("volatile", [True, False])
async def test_the_annotations_of_a_job_have_a_limit(service: Service, *, volatile: bool) -> None:
    path = f"/v1/jobs/{await service.submit()}/memo"

    async def post(name: str) -> int:
        memo = {"memo": {name: "y" * 50_000}, "volatile": volatile}
        return (await service.client.post(path, json=memo)).status

    assert {await post("progress") for _ in range(20)} == {202}
    assert 422 in {await post(f"k{number}") for number in range(10)}
    posted = [call for call in service.instance.calls if call[0] == "memo"]
    assert len(posted) < 30
