"""Jobs that wait for others are canceled in the order in which Flux finds them quickly."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.handlers import control
from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import encode_f58, parse
from tests.handlers.conftest import Service, service, start
from tests.handlers.fake import OWNER

__all__ = ["service", "start"]


async def put_waiting(service: Service, jobid: int, *targets: int) -> None:
    """Put a job into the table that waits for others."""
    dependencies = [{"scheme": "afterany", "value": encode_f58(target)} for target in targets]
    jobspec = {
        "version": 1,
        "resources": [],
        "tasks": [{"command": ["true"]}],
        "attributes": {"system": {"duration": 0, "dependencies": dependencies}},
    }
    context = {"userid": OWNER, "urgency": 16, "flags": 0, "version": 1}
    service.instance.post(jobid, Event(1.0, "submit", context), jobspec=jobspec)
    service.instance.post(jobid, Event(2.0, "validate"))


async def canceled(service: Service, body: dict[str, Any]) -> list[int]:
    """Cancel jobs, and return their IDs in the order in which Flux was asked."""
    service.instance.calls.clear()
    response = await service.client.post("/v1/jobs/cancel", json=body)
    assert response.status == 202
    return [call[1] for call in service.instance.calls if call[0] == "raise"]


async def many(service: Service) -> tuple[list[int], list[int]]:
    """Return the IDs of jobs for which others wait, and of those that wait for them."""
    targets, waiting = [1, 2], [11, 12, 13, 14, 15]
    await put_waiting(service, 1)
    await put_waiting(service, 2, 1)
    for jobid in waiting:
        await put_waiting(service, jobid, 2)
    # It is in the table after all before it.
    await service.submit(name="last")
    return targets, waiting


async def test_the_oldest_of_those_for_which_nobody_waits_come_first(service: Service) -> None:
    targets, waiting = await many(service)
    body = {"filter": {"state": ["DEPEND"]}}
    assert await canceled(service, body) == [*waiting, *reversed(targets)]
    ids = [encode_f58(jobid) for jobid in (1, 15, 12, 2, 11)]
    assert await canceled(service, {"ids": ids}) == [11, 12, 15, 1, 2]


async def test_the_oldest_are_canceled_if_there_are_too_many(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await many(service)
    monkeypatch.setattr(control, "_MAX_CANCELED_JOBS", 3)
    assert await canceled(service, {"filter": {"state": ["DEPEND"]}}) == [11, 12, 13]


async def test_other_jobs_are_canceled_from_the_newest_on(service: Service) -> None:
    jobs = [parse(await service.submit(name="a")) for _ in range(4)]
    assert await canceled(service, {"filter": {"name": "a"}}) == jobs[::-1]
