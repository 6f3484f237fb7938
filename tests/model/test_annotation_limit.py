"""The annotations of active jobs by memos have a limit."""

from __future__ import annotations

import pytest

from fluxapi.errors import FluxRefused
from fluxapi.model import annotation_limit
from fluxapi.model.annotation_limit import AnnotationLimit
from fluxapi.model.job import Job


@pytest.fixture
def jobs() -> dict[int, Job]:
    return {number: Job(number) for number in range(100)}


@pytest.fixture
def memos(jobs: dict[int, Job]) -> AnnotationLimit:
    return AnnotationLimit(jobs.get)


def test_memos_that_replace_each_other_have_no_end(memos: AnnotationLimit) -> None:
    for step in range(10_000):
        memos.add(1, {"progress": {"step": step, "text": "x" * 10_000}})


@pytest.mark.parametrize("above", [{}, {"all": {}}], ids=["top", "below"])
def test_a_job_has_so_many_annotations(memos: AnnotationLimit, above: dict[str, object]) -> None:
    def memo(step: int, value: object) -> dict[str, object]:
        return {"all": {f"k{step}": value}} if above else {f"k{step}": value}

    for step in range(4):
        memos.add(1, memo(step, "x" * 60_000))
    with pytest.raises(FluxRefused, match="the annotations of the job are too large"):
        memos.add(1, memo(4, "x" * 60_000))
    memos.add(1, memo(0, "short"))
    memos.add(1, memo(8, "x" * 50_000))
    memos.add(2, memo(0, "x" * 60_000))


def test_many_small_values_count(memos: AnnotationLimit) -> None:
    with pytest.raises(FluxRefused):
        memos.add(1, {f"k{number}": {"a": 1, "b": 2} for number in range(5_000)})


@pytest.mark.parametrize(("value", "count"), [({}, 600), ([], 1_700), (1, 3_700)])
def test_values_in_a_list_count(memos: AnnotationLimit, value: object, count: int) -> None:
    with pytest.raises(FluxRefused):
        memos.add(1, {"a": [value] * count})
    memos.add(1, {"a": [value] * (count // 2)})


def test_commas_of_a_text_have_room(memos: AnnotationLimit) -> None:
    memos.add(1, {"a": "1, 2, [{}] " * 5_000})
    memos.add(1, {"b": ["1, 2, [{}] " * 5_000]})


def test_a_null_makes_room(memos: AnnotationLimit) -> None:
    for _ in range(20):
        memos.add(1, {"a": {str(number): "x" * 60_000 for number in range(4)}})
        memos.add(1, {"a": None})
        memos.add(1, {"b": "x" * 200_000, "c": [None]})
        memos.add(1, {"b": None})


def test_jobs_that_have_ended_leave_room_to_others(
    memos: AnnotationLimit, jobs: dict[int, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annotation_limit, "MAX_TOTAL_BYTES", 500_000)
    for number in range(2):
        memos.add(number, {"a": "x" * 200_000})
    with pytest.raises(FluxRefused, match="the annotations of active jobs are too large"):
        memos.add(2, {"a": "x" * 200_000})
    jobs[0].state = "INACTIVE"
    del jobs[1]
    memos.add(2, {"a": "x" * 200_000})
    memos.add(3, {"a": "x" * 200_000})
    with pytest.raises(FluxRefused):
        memos.add(4, {"a": "x" * 200_000})


def test_jobs_that_have_ended_are_forgotten_now_and_then(
    memos: AnnotationLimit, jobs: dict[int, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memos, "_many", 10)
    monkeypatch.setattr(annotation_limit, "_MIN_MANY", 10)
    for number in range(100):
        memos.add(number, {"a": 1, "b": None})
        jobs[number].state = "INACTIVE"
    assert len(memos._by_job) < 15
