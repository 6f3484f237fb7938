"""The annotations that the backlog of the journal does not contain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.broker import annotations as annotated
from fluxapi.instance.broker.annotations import pending_annotations
from fluxapi.model.eventlog import JournalMessage
from fluxapi.model.jobid import parse
from tests.contract.site import TIMEOUT
from tests.running import needs_flux

from .conftest import Broker, Connect

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


async def test_a_longer_answer_is_cut() -> None:
    """Take as many jobs as were asked for, whatever a nested instance answers."""
    many = [{"id": number, "annotations": {"a": 1}} for number in range(2000)]
    assert len(await pending_annotations(answer_with({"jobs": many}))) == 1000


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
        {"jobs": [{"id": -1, "annotations": {"sched": {"t_estimate": 9.0}}}]},
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
    broker: Broker, connect: Connect
) -> None:
    whole = ("submit", "--nodes=1", "--exclusive", "--time-limit=30m")
    await asyncio.to_thread(broker.flux, *whole, "sleep", "600")
    jobid = parse((await asyncio.to_thread(broker.flux, *whole, "true")).strip())
    instance = await connect(broker.uri, 30)

    async def annotations() -> list[dict[str, Any] | None]:
        async for batch in instance.changes():
            for message in batch:
                if isinstance(message, JournalMessage) and message.id == jobid:
                    found = [it.context for it in message.events if it.name == "annotations"]
                    if found:
                        return found
        return []

    # The first reader may come before the scheduler annotates the job; the second one does not.
    for _ in range(2):
        (context,) = await asyncio.wait_for(annotations(), TIMEOUT)
        assert context is not None
        assert context["annotations"]["sched"]["t_estimate"] > 0
