"""Jobs count with the memory of their events and annotations until Flux has purged them."""

from __future__ import annotations

import pytest

from fluxapi.errors import FluxRefused
from fluxapi.model import added_events, annotation_limit
from fluxapi.model.added_events import AddedEvents
from fluxapi.model.annotation_limit import AnnotationLimit
from fluxapi.model.ended_memory import EndedMemory
from fluxapi.model.job import Job

MEMO = {"a": "x" * 20_000}
LIMIT = 100_000


@pytest.fixture
def jobs() -> dict[int, Job]:
    return {number: Job(number, state="INACTIVE") for number in range(100)}


@pytest.fixture
def ended(jobs: dict[int, Job]) -> EndedMemory:
    return EndedMemory(jobs.get, LIMIT)


@pytest.fixture(params=[AddedEvents, AnnotationLimit])
def memos(
    request: pytest.FixtureRequest,
    jobs: dict[int, Job],
    ended: EndedMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> AddedEvents | AnnotationLimit:
    monkeypatch.setattr(added_events, "MAX_TOTAL_BYTES", 50_000)
    monkeypatch.setattr(annotation_limit, "MAX_TOTAL_BYTES", 50_000)
    kind: type[AddedEvents | AnnotationLimit] = request.param
    return kind(jobs.get, ended)


def test_one_job_after_the_other_cannot_fill_the_memory(
    memos: AddedEvents | AnnotationLimit, jobs: dict[int, Job]
) -> None:
    taken = 0

    def fill() -> None:
        nonlocal taken
        for jobid in jobs:
            memos.add(jobid, MEMO)
            taken += 1

    with pytest.raises(FluxRefused, match="until they are purged"):
        fill()
    assert LIMIT // 25_000 < taken < 10
    del jobs[1]
    del jobs[2]
    memos.add(99, MEMO)


def test_small_events_of_ended_jobs_do_not_count(
    memos: AddedEvents | AnnotationLimit, jobs: dict[int, Job]
) -> None:
    for jobid in jobs:
        memos.add(jobid, {"a": "x" * 10_000})


def test_little_is_added_to_any_job(
    memos: AddedEvents | AnnotationLimit, ended: EndedMemory
) -> None:
    for jobid in range(6):
        ended.keep(jobid, 20_000)
    with pytest.raises(FluxRefused):
        memos.add(99, MEMO)
    memos.add(99, {"urgency": 0})


def test_purged_jobs_are_not_looked_for_all_the_time(
    ended: EndedMemory, jobs: dict[int, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    class Clock:
        def monotonic(self) -> float:
            return len(looks) / 100

        thread_time = monotonic

    def find(jobid: int) -> Job | None:
        looks.append(jobid)
        return jobs.get(jobid)

    monkeypatch.setattr("fluxapi.model.paced_look.time", Clock())
    ended._find = find
    for jobid in range(6):
        ended.keep(jobid, 20_000)
    for _ in range(10):
        with pytest.raises(FluxRefused):
            ended.check(20_000)
    assert len(looks) == 6
