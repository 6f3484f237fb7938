"""An instance that says that its jobs end in the far future, so that they are never the oldest."""

from __future__ import annotations

import dataclasses
import math
from contextlib import closing
from pathlib import Path

import pytest

from fluxapi.archive.database import connect
from fluxapi.archive.limits import Limits
from fluxapi.archive.settled_clock import SettledClock
from fluxapi.archive.upkeep import Upkeep
from tests.archive.past_jobs import Past, store

NOW = 1.8e9
FUTURE = 9e10


@pytest.mark.parametrize("bound", [{"max_jobs": 3}, {"max_bytes": 1}])
def test_jobs_of_the_future_are_dropped_before_others(
    tmp_path: Path, bound: dict[str, int]
) -> None:
    future = [Past(number << 24, FUTURE + number) for number in range(1, 4)]
    past = [Past(number << 24, NOW - 100 + number) for number in range(11, 14)]
    path = store(tmp_path, *future, *past)
    upkeep = Upkeep(dataclasses.replace(Limits(), **bound))
    with closing(connect(path)) as database:
        while upkeep.step(database, NOW, NOW):
            kept = [key for (key,) in database.execute("SELECT id FROM jobs ORDER BY key")]
            if len(kept) <= len(past):
                break
    assert kept == [job.id for job in past][-len(kept) :]
    # Jobs that end now are stored on.
    assert upkeep.horizon <= NOW - 1


def test_a_clock_that_was_ahead_keeps_no_later_jobs_out(tmp_path: Path) -> None:
    path = store(tmp_path, Past(1 << 24, NOW - 10))
    upkeep = Upkeep(dataclasses.replace(Limits(), max_age=100.0))
    with closing(connect(path)) as database:
        upkeep.look(database, NOW + 1e8)
        upkeep.look(database, NOW)
    assert upkeep.horizon == NOW - 100


@pytest.mark.parametrize("ahead", [1e8, 1e300, math.inf])
def test_a_horizon_of_the_future_keeps_no_job_out(tmp_path: Path, ahead: float) -> None:
    path = store(tmp_path, *(Past(number << 24, NOW - 100 + number) for number in range(1, 4)))
    upkeep = Upkeep(dataclasses.replace(Limits(), max_jobs=2, max_age=1e7))
    with closing(connect(path)) as database:
        database.execute("INSERT OR REPLACE INTO meta VALUES ('horizon', ?)", (NOW + ahead,))
        upkeep.look(database, NOW)
        assert upkeep.horizon == NOW - 1e7
        while upkeep.step(database, NOW, NOW):
            pass
        # The end of the dropped job has replaced the value.
        upkeep.look(database, NOW)
    assert upkeep.horizon == NOW - 99


def test_a_clock_that_is_ahead_for_a_moment_drops_nothing(tmp_path: Path) -> None:
    path = store(tmp_path, Past(1 << 24, NOW - 10))
    upkeep = Upkeep(dataclasses.replace(Limits(), max_age=1e7))
    clock = SettledClock()
    # Once a minute: the clock is ahead at first, and again later.
    ahead = [1e8, 1e8, *([0.0] * 40), 1e8, 1e8, 0.0]
    with closing(connect(path)) as database:
        for minute, lead in enumerate(ahead):
            now = NOW + lead + minute * 60
            assert not upkeep.step(database, now, clock.time(now, minute * 60.0))
        assert database.execute("SELECT count(*) FROM jobs").fetchone() == (1,)


def test_a_clock_that_goes_on_settles() -> None:
    clock = SettledClock()
    told = [clock.time(NOW + second, float(second)) for second in range(0, 7200, 60)]
    settled = told.index(NOW + 600)
    assert set(told[:settled]) == {-math.inf}
    assert told[settled:] == [NOW + second for second in range(600, 7200, 60)]
    # It was set forward, which counts when it stays so.
    told = [clock.time(NOW + 1e8 + second, float(second)) for second in range(7200, 14400, 60)]
    assert told[0] == NOW + 7200
    assert told[-1] == NOW + 1e8 + 14340
