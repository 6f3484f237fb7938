"""The annotations that the backlog of the journal does not contain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.broker import annotations as annotated
from fluxapi.instance.broker.annotations import pending_annotations
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import Event, JournalMessage
from tests.contract.site import TIMEOUT, spec
from tests.running import needs_flux

from .conftest import Connect

Ask = Callable[[str, dict[str, Any]], Awaitable[Any]]


def answer_with(answer: Any) -> Ask:
    async def ask(topic: str, body: dict[str, Any]) -> Any:
        assert (topic, body["constraint"]) == ("job-list.list", {"states": ["sched"]})
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


async def test_the_annotations_of_jobs_become_events() -> None:
    jobs = [{"id": 5, "annotations": {"sched": {"t_estimate": 9.0}}}, {"id": 6}]
    (message,) = await pending_annotations(answer_with({"jobs": jobs}))
    assert isinstance(message, JournalMessage)
    assert message.id == 5
    assert [(it.name, it.context) for it in message.events] == [
        ("annotations", {"annotations": {"sched": {"t_estimate": 9.0}}})
    ]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"jobs": 3},
        {"jobs": [3]},
        {"jobs": [{"annotations": {"sched": {}}}]},
        {"jobs": [{"id": "x", "annotations": {"sched": {}}}]},
        {"jobs": [{"id": 1, "annotations": []}]},
        InstanceUnavailable("gone"),
    ],
)
async def test_without_a_good_answer_there_are_none(answer: Any) -> None:
    assert await pending_annotations(answer_with(answer)) == []


async def test_a_module_that_does_not_answer_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ask(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(annotated, "_TIMEOUT_S", 0.01)
    assert await asyncio.wait_for(pending_annotations(ask), TIMEOUT) == []


@needs_flux
async def test_a_reader_that_comes_later_knows_when_a_job_may_start(
    flux_uri: str, connect: Connect
) -> None:
    instance = await connect(flux_uri, 30)
    (jobid,) = await instance.submit([Submission(spec(), urgency=0)])
    assert isinstance(jobid, int)
    given = {"sched": {"t_estimate": 4e9}}

    async def read() -> list[Event]:
        async for batch in instance.changes():
            for message in batch:
                if isinstance(message, JournalMessage) and message.id == jobid:
                    found = [event for event in message.events if event.name == "annotations"]
                    if found:
                        return found
        return []

    try:
        await instance._call("job-manager.annotate", {"id": jobid, "annotations": given})
        (event,) = await asyncio.wait_for(read(), TIMEOUT)
        assert event.context == {"annotations": given}
    finally:
        await instance.raise_exception(jobid, "cancel", 0, "")
