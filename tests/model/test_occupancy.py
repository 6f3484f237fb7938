from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.model.occupancy import Occupancy

times = st.integers(-20, 120).map(float)


def averages(*runs: tuple[float, float, float], until: float = 40.0) -> list[float]:
    found = Occupancy(0.0, 10.0, until)
    for run in runs:
        found.add(*run)
    return [cores for _, cores in found.averages()]


def test_a_job_counts_with_the_part_of_a_step_in_which_it_ran() -> None:
    assert averages((5.0, 32.0, 4.0)) == pytest.approx([2.0, 4.0, 4.0, 0.8])


def test_a_job_within_one_step_counts_there_only() -> None:
    assert averages((12.0, 17.0, 2.0)) == pytest.approx([0.0, 1.0, 0.0, 0.0])


def test_a_time_outside_the_range_does_not_count() -> None:
    assert averages((-50.0, -1.0, 8.0), (40.0, 90.0, 8.0), (-9.0, 99.0, 1.0)) == [1.0] * 4


def test_the_last_step_is_as_long_as_the_time_that_has_passed() -> None:
    assert averages((0.0, 99.0, 3.0), until=32.0) == pytest.approx([3.0] * 4)


@given(st.lists(st.tuples(times, times, st.integers(1, 9)), max_size=20), st.integers(1, 100))
def test_the_sum_is_that_of_all_jobs(runs: list[tuple[float, float, int]], until: int) -> None:
    found = Occupancy(0.0, 7.0, float(until))
    for run in runs:
        found.add(*run)
    steps = found.averages()
    ends = [*(begin for begin, _ in steps[1:]), float(until)]
    total = sum(cores * (end - begin) for (begin, cores), end in zip(steps, ends, strict=True))
    expected = sum(
        cores * max(min(end, until) - max(begin, 0.0), 0.0) for begin, end, cores in runs
    )
    assert total == pytest.approx(expected)
