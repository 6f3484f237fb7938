"""When the first job in line starts at the latest, by the limits of the jobs that run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from fluxapi.model.counts import Counts, read_counts
from fluxapi.model.idset import IdSet
from fluxapi.model.latest_start import MAX_HOLDS, Held, Place, latest_start

FOUR = {rank: Place(8, allocated=True) for rank in range(4)}
"""Four nodes of eight cores."""


def needs(nodes: int = 0, slots: int = 1, size: int = 1, *, whole: bool = False) -> Counts:
    slot: dict[str, Any] = {
        "type": "slot",
        "count": slots,
        "label": "task",
        "with": [{"type": "core", "count": size}],
    }
    node = {"type": "node", "count": nodes, "exclusive": whole, "with": [slot]}
    return read_counts([node if nodes else slot], [], None)


def held(ranks: str, ncores: int, end: float | None) -> Held:
    return Held(IdSet.parse(ranks), ncores, end)


@pytest.mark.parametrize(
    ("wanted", "jobs", "end"),
    [
        # Whole nodes: the second of them that is free, with all of its jobs over.
        (needs(2, whole=True), [("0", 8, 10), ("1", 4, 20), ("1", 4, 30), ("2-3", 16, 40)], 30),
        # Nodes of which a part is enough.
        (needs(2, size=4), [("0", 8, 10), ("1", 4, 20), ("1", 4, 30), ("2-3", 16, 40)], 20),
        # Cores, which are counted on all nodes; a slot is on one of them.
        (needs(slots=12), [("0", 8, 10), ("1", 8, 20), ("2-3", 16, 40)], 20),
        (needs(slots=2, size=6), [("0", 5, 10), ("1", 5, 20), ("2-3", 16, 40)], 20),
        # A job that reaches its limit gives what it held on all of its nodes.
        (needs(2, whole=True), [("0-3", 32, 50)], 50),
        # A job on several nodes may have most of its cores on each of them.
        (needs(slots=17), [("0-1", 10, 50), ("2-3", 16, 60)], 60),
    ],
)
def test_the_limits_of_running_jobs_bound_the_start(
    wanted: Counts, jobs: Sequence[tuple[str, int, float]], end: float
) -> None:
    assert latest_start(wanted, FOUR, [held(*job) for job in jobs]) == end


def test_behind_jobs_without_a_limit_there_is_no_latest_start() -> None:
    jobs = [held("0-2", 24, math.inf), held("3", 8, 10.0)]
    assert latest_start(needs(1, whole=True), FOUR, jobs) == 10.0
    assert latest_start(needs(2, whole=True), FOUR, jobs) == math.inf


@pytest.mark.parametrize(
    ("wanted", "jobs"),
    [
        # It fits already, so something else keeps it.
        (needs(slots=4), [held("0", 4, 10.0), held("1-3", 24, 20.0)]),
        # It never fits.
        (needs(5), [held("0-3", 32, 10.0)]),
        # It is not known when the nodes are free: a job cleans up, or has ended.
        (needs(4), [held("0-3", 32, None)]),
        (needs(4), [held("0-2", 24, 10.0)]),
        # Too much to look at.
        (needs(4), [held(f"0-{MAX_HOLDS}", MAX_HOLDS + 1, 10.0)]),
    ],
)
def test_nothing_is_told_of_what_is_not_known(wanted: Counts, jobs: list[Held]) -> None:
    assert latest_start(wanted, FOUR, jobs) is None
