"""The time that it takes to count the events that requests add."""

from __future__ import annotations

import pytest

from fluxapi.errors import FluxRefused
from fluxapi.model import added_events
from fluxapi.model.added_events import AddedEvents
from fluxapi.model.job import Job

JOBS = 100


class Clock:
    """A clock on which each look at a job takes a millisecond."""

    def __init__(self) -> None:
        self.now = 0.0
        self.looks = 0

    def monotonic(self) -> float:
        return self.now

    def find(self, jobid: int) -> Job | None:
        del jobid
        self.looks += 1
        self.now += 0.001
        return Job(1)


def test_refused_events_do_not_look_through_all_jobs_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(added_events, "time", clock)
    added = AddedEvents(clock.find)
    for jobid in range(JOBS):
        added.add(jobid, {})
    monkeypatch.setattr(added_events, "MAX_TOTAL_BYTES", 1)

    def refused() -> int:
        """Return how many jobs a refused event has looked at."""
        before = clock.looks
        with pytest.raises(FluxRefused):
            added.add(1, {})
        return clock.looks - before

    assert [refused() for _ in range(10)] == [JOBS] + 9 * [0]
    clock.now += 5.0
    assert refused() == JOBS
