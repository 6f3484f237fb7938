from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.model.jobid import MAX
from fluxapi.table import query as queries
from fluxapi.table.query import JobQuery, count, page
from fluxapi.table.submit_times import SubmitTimes
from tests.table.test_query import plain
from tests.table.test_table import live_table, submit

START = 1_700_000_000.0

IDS = st.integers(0, MAX) | st.builds(
    lambda ms, low: (ms << 24) + low, st.integers(0, 30_000), st.integers(0, (1 << 24) - 1)
)
TIMES = st.floats(0, 2e9) | st.integers(0, 30_000).map(lambda ms: START + ms / 1000)


def job_id(seconds: float) -> int:
    return round(seconds * 1000) << 24


@given(
    jobs=st.dictionaries(IDS, TIMES, min_size=1, max_size=20),
    skew=st.sampled_from([0.0, 0.5, 7200.0]),
    since=st.none() | TIMES,
    until=st.none() | TIMES,
    limit=st.integers(1, 7),
)
async def test_pages_have_exactly_the_jobs_of_their_times(
    jobs: dict[int, float], skew: float, since: float | None, until: float | None, limit: int
) -> None:
    regular = {job_id(second): START + second + skew * (second % 2) for second in range(20)}
    table = live_table(*(submit(jobid, at=at) for jobid, at in {**regular, **jobs}.items()))
    query = JobQuery(since=since, until=until)
    expected = plain(table, query)
    found, after = [], None
    while True:
        part = await page(table, query, limit=limit, after=after)
        found += part.ids
        after = part.next
        if after is None:
            break
    assert found == expected
    assert await count(table, query) == len(expected)


@given(jobs=st.dictionaries(IDS, TIMES, min_size=1), time=TIMES)
def test_ids_bound_the_times(jobs: dict[int, float], time: float) -> None:
    times = SubmitTimes()
    for jobid, at in jobs.items():
        times.add(jobid, at)
    late, early = times.all_since(time), times.all_before(time)
    assert all(at >= time for jobid, at in jobs.items() if jobid >= late)
    assert all(at < time for jobid, at in jobs.items() if jobid < early)


@pytest.mark.parametrize(
    ("query", "seen"),
    [(JobQuery(since=START + 2990), 32), (JobQuery(until=START + 9), 11)],
)
async def test_a_walk_reads_only_jobs_that_may_have_the_times(
    monkeypatch: pytest.MonkeyPatch, query: JobQuery, seen: int
) -> None:
    table = live_table(*(submit(job_id(it), at=START + it) for it in range(3000)))
    walked: list[int] = []
    walk = queries._walk

    def noting(*arguments: Any) -> Iterator[int]:
        for jobid in walk(*arguments):
            walked.append(jobid)
            yield jobid

    monkeypatch.setattr(queries, "_walk", noting)
    found = await page(table, query, limit=20)
    assert len(set(walked)) <= seen
    assert (found.ids, found.next) == (plain(table, query), None)
