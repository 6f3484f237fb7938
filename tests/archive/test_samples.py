"""Samples of jobs and resources: what held how long, and averages of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from fluxapi.archive.database import connect
from fluxapi.archive.figures import FiguresQuery, read_figures
from fluxapi.archive.samples import FIGURES, Sample, SampleMerger, thin
from fluxapi.archive.span import Span

from .past_jobs import SOURCE, Past, store

DAY = 86_400.0
BEGIN = 20_000 * DAY


def figures(**known: float) -> tuple[float | None, ...]:
    return tuple(
        known.get(name, 0.0 if name in {"pending", "running"} else None) for name in FIGURES
    )


def use(folder: Path, span: Span) -> list[Any]:
    with closing(connect(store(folder), readonly=True)) as database:
        found = read_figures(database, FiguresQuery(span, SOURCE.id))
    return [step.get("use") for step in found["steps"]]


def test_equal_figures_are_one_sample_until_the_minute_ends() -> None:
    merger = SampleMerger()
    few, many = figures(running=1), figures(running=2)
    taken = [(at, few if at < 80 else many) for at in range(5, 100, 10)]
    samples = [merger.take(float(at), it) for at, it in taken]
    assert [it for it in samples if it] == [Sample(5.0, 60.0, few), Sample(65.0, 10.0, few)]
    assert merger.finish() == Sample(75.0, 20.0, many)
    assert merger.finish() is None


def test_a_pause_and_a_clock_that_was_set_leave_a_gap() -> None:
    merger = SampleMerger()
    same = figures()
    assert [merger.take(at, same) for at in (0.0, 10.0)] == [None, None]
    assert merger.take(500.0, same) == Sample(0.0, 10.0, same)
    assert merger.take(510.0, same) is None
    assert merger.take(400.0, same) == Sample(500.0, 10.0, same)
    assert merger.finish() is None


def test_a_step_has_averages_by_time_and_a_gap_stays_one(tmp_path: Path) -> None:
    store(
        tmp_path,
        Sample(BEGIN, 30.0, figures(running=4, cores=8, cores_allocated=8)),
        Sample(BEGIN + 30, 60.0, figures(running=1)),
        Sample(BEGIN + 180, 60.0, figures(pending=2)),
        now=BEGIN,
    )
    minutes = Span(BEGIN, BEGIN + 240, 60.0)
    assert use(tmp_path, minutes) == [
        {"pending": 0.0, "running": 2.5, "cores": 8.0, "cores_allocated": 8.0},
        {"pending": 0.0, "running": 1.0},
        None,
        {"pending": 2.0, "running": 0.0},
    ]
    # A sample that is longer than a step counts in each.
    assert use(tmp_path, Span(BEGIN + 60, BEGIN + 100, 10.0)) == [
        *[{"pending": 0.0, "running": 1.0}] * 3,
        None,
    ]


def test_old_samples_become_averages_of_minutes_and_hours(tmp_path: Path) -> None:
    items = [
        Sample(BEGIN + 10.0 * number, 10.0, figures(running=number % 6, nodes=3))
        for number in range(720)
    ]
    path = store(tmp_path, *items, now=BEGIN)
    span = Span(BEGIN, BEGIN + 7200, 600.0)
    before = use(tmp_path, span)
    with closing(connect(path)) as database:
        for age, rows in ((DAY, 720), (DAY + 7200, 120), (31 * DAY, 2), (400 * DAY, 2)):
            thin(database, BEGIN + age)
            assert database.execute("SELECT count(*) FROM samples").fetchone() == (rows,)
            if rows >= 120:
                assert use(tmp_path, span) == before
    assert use(tmp_path, span) == [{"pending": 0.0, "running": 2.5, "nodes": 3.0}] * 12


def test_the_writer_thins_while_it_writes_samples(tmp_path: Path) -> None:
    old = [Sample(BEGIN + 10.0 * number, 10.0, figures()) for number in range(6)]
    store(tmp_path, *old, now=BEGIN)
    path = store(tmp_path, Sample(BEGIN + 3 * DAY, 10.0, figures()), now=BEGIN + 3 * DAY)
    with closing(connect(path, readonly=True)) as database:
        rows = database.execute("SELECT step, time, seconds FROM samples ORDER BY time").fetchall()
    assert rows == [(60, BEGIN, 60.0), (0, BEGIN + 3 * DAY, 10.0)]


def test_a_sample_before_the_first_job_leaves_the_keys_in_order(tmp_path: Path) -> None:
    store(tmp_path, Sample(BEGIN, 10.0, figures()))
    path = store(tmp_path, Sample(BEGIN, 10.0, figures()), Past(1 << 24, BEGIN + 50))
    with closing(connect(path, readonly=True)) as database:
        ((epoch, key),) = database.execute("SELECT epoch, jobs.key FROM instances, jobs").fetchall()
    assert epoch == int((BEGIN + 39) * 1000) - 1
    assert key >> 21 == int((BEGIN + 39) * 1000)
