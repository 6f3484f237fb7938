"""Figures of past jobs: equal to what one computes job by job."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fluxapi.archive import group_figures, job_figures
from fluxapi.archive.database import connect
from fluxapi.archive.figures import FiguresQuery, read_figures
from fluxapi.archive.source import Source
from fluxapi.archive.span import MAX_STEPS, Span

from .past_jobs import INFO, SOURCE, Past, store

DAY = 86_400.0
BEGIN = 20_000 * DAY
RESULTS = ("COMPLETED", "FAILED", "CANCELED", "TIMEOUT")


def figures(folder: Path, span: Span, *, instance: str | None = SOURCE.id, **more: Any) -> Any:
    path = store(folder)
    with closing(connect(path, readonly=True)) as database:
        return read_figures(database, FiguresQuery(span, instance, **more))


def some_jobs(count: int) -> list[Past]:
    chance = random.Random(7)  # noqa: S311 - the same jobs in each run
    return [
        Past(
            id=number << 24,
            t_inactive=BEGIN + chance.random() * DAY,
            wait=None if chance.random() < 0.1 else chance.expovariate(0.01),
            run=chance.expovariate(0.01),
            result=chance.choice(RESULTS),
            userid=chance.randrange(3) + 70_000,
            name=f"job{int(chance.expovariate(0.2))}",
            queue=chance.choice(("", "debug")),
            nodelist=chance.choice(("node0", "node[0-1]", "node[1-3]")),
            ncores=chance.randrange(1, 9),
        )
        for number in range(1, count + 1)
    ]


def counts(jobs: Iterable[Past]) -> dict[str, Any]:
    jobs = list(jobs)
    core_seconds = sum(job.run * job.ncores for job in jobs if job.wait is not None)
    failed_core_seconds = sum(
        job.run * job.ncores
        for job in jobs
        if job.wait is not None and job.result in {"FAILED", "TIMEOUT"}
    )
    return {
        "ended": len(jobs),
        **{result.lower(): sum(job.result == result for job in jobs) for result in RESULTS},
        "core_hours": pytest.approx(core_seconds / 3600, abs=1e-3),
        "failed_core_hours": pytest.approx(failed_core_seconds / 3600, abs=1e-3),
    }


def quantile(values: list[float], share: float) -> Any:
    return pytest.approx(sorted(values)[math.ceil(share * len(values)) - 1], abs=0.0011)


def described(jobs: Iterable[Past]) -> dict[str, Any]:
    jobs = list(jobs)
    started = [job for job in jobs if job.wait is not None]
    found = counts(jobs)
    if started:
        places = (("median", 0.5), ("p90", 0.9), ("p99", 0.99))
        waits, runs = [job.wait or 0.0 for job in started], [job.run for job in started]
        found["wait"] = {name: quantile(waits, share) for name, share in places}
        found["run"] = {name: quantile(runs, share) for name, share in places}
    return found


def test_each_step_and_all_jobs_are_as_counted_one_by_one(tmp_path: Path) -> None:
    jobs = some_jobs(3_000)
    store(tmp_path, *jobs)
    span = Span.choose(BEGIN + 1000, BEGIN + DAY - 1000, 24)
    found = figures(tmp_path, span)
    within = [job for job in jobs if span.since <= job.t_inactive < span.until]
    assert found["total"] == described(within)
    assert found["step"] == 3600 * 3
    assert [step["time"] for step in found["steps"]] == [BEGIN + n * 10_800 for n in range(8)]
    for step in found["steps"]:
        inside = [job for job in within if step["time"] <= job.t_inactive < step["time"] + 10_800]
        assert step == {"time": step["time"], **described(inside)}
    assert "sampled" not in found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "value_of"),
    [
        ("name", lambda job: job.name),
        ("user", lambda job: str(job.userid)),
        ("queue", lambda job: job.queue),
        ("result", lambda job: job.result),
    ],
)
def test_groups_are_as_counted_one_by_one(
    tmp_path: Path, by: group_figures.By, value_of: Callable[[Past], str]
) -> None:
    jobs = some_jobs(2_000)
    store(tmp_path, *jobs)
    found = figures(tmp_path, Span.choose(BEGIN, BEGIN + DAY, 24), by=by)
    assert {group["value"] for group in found["groups"]} == set(map(value_of, jobs))
    ended = [group["ended"] for group in found["groups"]]
    assert ended == sorted(ended, reverse=True)
    for group in found["groups"]:
        inside = [job for job in jobs if value_of(job) == group["value"]]
        assert {"value": group["value"], "userid": 0, **described(inside)} == {"userid": 0} | (
            group | {"userid": 0}
        )
    assert "rest" not in found


def test_the_shortest_range_is_one_step(tmp_path: Path) -> None:
    store(tmp_path, Past(1 << 24, BEGIN))
    found = figures(tmp_path, Span.choose(0.0, 5e-324, 2))
    assert [step["ended"] for step in found["steps"]] == [0]


def test_the_groups_beyond_the_first_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_figures, "MAX_GROUPS", 2)
    jobs = [
        Past(number << 24, BEGIN + number, name=f"n{number % 4}", result=RESULTS[number % 2])
        for number in range(1, 21)
    ]
    store(tmp_path, *jobs)
    found = figures(tmp_path, Span.choose(BEGIN, BEGIN + DAY, 2), by="name", order="failed")
    assert [group["value"] for group in found["groups"]] == ["n1", "n3"]
    assert found["rest"] == {
        "groups": 2,
        **counts(job for job in jobs if job.name in {"n0", "n2"}),
    }


@pytest.mark.parametrize("by", ["name", "node"])
def test_groups_are_ordered_by_the_core_hours_of_their_failures(
    tmp_path: Path, by: group_figures.By
) -> None:
    def failed(number: int, group: str, run: float, result: str = "FAILED") -> Past:
        return Past(
            number << 24, BEGIN + number, run=run, name=group, nodelist=group, result=result
        )

    jobs = [
        *(failed(number, "never", 0.0) for number in (1, 2)),
        failed(3, "once", 0.0),
        failed(4, "long", 3600.0, "TIMEOUT"),
        failed(5, "good", 9000.0, "COMPLETED"),
    ]
    store(tmp_path, *jobs)
    span = Span.choose(BEGIN, BEGIN + DAY, 2)
    found = figures(tmp_path, span, by=by, order="failed_core_hours")
    assert [group["value"] for group in found["groups"]] == ["long", "never", "once", "good"]


def test_a_job_counts_on_each_of_its_nodes(tmp_path: Path) -> None:
    store(
        tmp_path,
        Past(1 << 24, BEGIN, nodelist="node[0-1]", run=3600.0, ncores=4, result="FAILED"),
        Past(2 << 24, BEGIN, nodelist="node1", run=3600.0, ncores=1),
        Past(3 << 24, BEGIN, wait=None, nodelist="", result="CANCELED"),
    )
    found = figures(tmp_path, Span.choose(BEGIN, BEGIN + DAY, 2), by="node")
    shown = [(it["value"], it["ended"], it["failed"], it["core_hours"]) for it in found["groups"]]
    assert shown == [("node1", 2, 1, 3.0), ("node0", 1, 1, 2.0)]
    assert "is_cut" not in found


def test_nodes_of_too_many_allocations_are_cut_and_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_figures, "_MAX_HOSTS", 3)
    store(
        tmp_path,
        Past(1 << 24, BEGIN, nodelist="node[0-1]"),
        Past(2 << 24, BEGIN, nodelist="node[0-1]"),
        Past(3 << 24, BEGIN, nodelist="node[2-9]"),
    )
    found = figures(tmp_path, Span.choose(BEGIN, BEGIN + DAY, 2), by="node")
    assert [it["value"] for it in found["groups"]] == ["node0", "node1"]
    assert found["is_cut"] is True


@pytest.mark.slow
def test_of_too_many_jobs_an_even_share_tells_the_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_figures, "_MAX_STEP_TIMES", 500)
    jobs = some_jobs(4_000)
    store(tmp_path, *jobs)
    found = figures(tmp_path, Span.choose(BEGIN, BEGIN + DAY, 2), by="result")
    assert found["sampled"] == 8
    assert found["total"]["ended"] == 4_000
    median = sorted(job.wait for job in jobs if job.wait is not None)[1800]
    assert found["total"]["wait"]["median"] == pytest.approx(median, rel=0.25)


def test_other_instances_count_only_where_they_are_asked_for(tmp_path: Path) -> None:
    other = Source("1" * 20, "", INFO)
    store(tmp_path, Past(1 << 24, BEGIN))
    store(tmp_path, Past(1 << 24, BEGIN + 1), source=other)
    span = Span.choose(BEGIN, BEGIN + DAY, 2)
    assert figures(tmp_path, span)["total"]["ended"] == 1
    assert figures(tmp_path, span, instance=None)["total"]["ended"] == 2
    assert figures(tmp_path, span, instance="f" * 20)["total"]["ended"] == 0


@pytest.mark.parametrize("seconds", [1.0, 3600.0, DAY, 400 * DAY, 1e10])
@pytest.mark.parametrize("most", [2, 120, MAX_STEPS])
def test_a_span_has_no_more_steps_than_wanted(seconds: float, most: int) -> None:
    span = Span.choose(BEGIN - 0.3, BEGIN - 0.3 + seconds, most)
    steps = span.steps
    assert 1 <= len(steps) <= most
    assert steps[0][0] <= span.since < steps[0][1]
    assert steps[-1][0] < span.until <= steps[-1][1]


def test_the_index_alone_answers(tmp_path: Path) -> None:
    path = store(tmp_path, Past(1 << 24, BEGIN))
    queries: list[str] = []
    with closing(connect(path)) as database:
        database.set_trace_callback(queries.append)
        for by in ("name", "node"):
            read_figures(database, FiguresQuery(Span(BEGIN, BEGIN + 60, 60), SOURCE.id, by))
        database.set_trace_callback(None)
        for query in {query for query in queries if "FROM jobs" in query}:
            plan = " ".join(str(row) for row in database.execute(f"EXPLAIN QUERY PLAN {query}"))
            assert "USING COVERING INDEX jobs_for_figures" in plan
