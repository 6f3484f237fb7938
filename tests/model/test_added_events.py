"""The time that it takes to count what requests add to jobs."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.errors import FluxRefused
from fluxapi.model import added_events, annotation_limit, paced_look
from fluxapi.model.added_events import AddedEvents
from fluxapi.model.annotation_limit import AnnotationLimit
from fluxapi.model.job import Job

JOBS = 100


class Clock:
    """A clock on which each look at a job takes a millisecond."""

    def __init__(self) -> None:
        self.now = 0.0
        self.looks = 0

    def monotonic(self) -> float:
        return self.now

    thread_time = monotonic

    def find(self, jobid: int) -> Job | None:
        del jobid
        self.looks += 1
        self.now += 0.001
        return Job(1)


@pytest.mark.parametrize(
    ("make", "module"),
    [(AddedEvents, added_events), (AnnotationLimit, annotation_limit)],
    ids=["events", "annotations"],
)
def test_refused_memos_do_not_look_through_all_jobs_each_time(
    monkeypatch: pytest.MonkeyPatch, make: Any, module: Any
) -> None:
    clock = Clock()
    monkeypatch.setattr(paced_look, "time", clock)
    limit = make(clock.find)
    for jobid in range(JOBS):
        limit.add(jobid, {"a": 1})
    monkeypatch.setattr(module, "MAX_TOTAL_BYTES", 1)

    def refused() -> int:
        """Return how many jobs are looked at for a memo that is refused."""
        before = clock.looks
        with pytest.raises(FluxRefused):
            limit.add(1, {"b": 1})
        return clock.looks - before

    assert [refused() for _ in range(10)] == [JOBS] + 9 * [0]
    clock.now += 5.1
    assert refused() == JOBS
