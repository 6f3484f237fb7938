"""An instance that says that its jobs end in the far future, so that they are never the oldest."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

import pytest

from fluxapi.archive.database import connect
from fluxapi.archive.limits import Limits
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
        while upkeep.step(database, NOW):
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
