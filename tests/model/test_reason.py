from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.model.counts import Counts
from fluxapi.model.job import STATES, Job
from fluxapi.model.reason import Situation, Supply, reason
from fluxapi.model.record import record as record_of
from fluxapi.model.record import waiting
from fluxapi.model.resources import Allocation

NOW = 1000.0
CASES = json.loads(
    (Path(__file__).parents[2] / "frontend/test/reasons.json").read_text(encoding="utf-8")
)
"""As frontend/test/waits.test.js has them, too."""

SCHED = {"state": "SCHED", "urgency": 16, "priority": 16}


@pytest.mark.parametrize(("why", "record", "nodes", "queues"), CASES)
def test_a_job_waits_for_a_reason(why: str, record: Any, nodes: Any, queues: Any) -> None:
    assert reason(record, Situation.of(queues, nodes), NOW) == why


def test_a_start_that_the_scheduler_estimates_is_said_until_it_has_passed() -> None:
    record = {**SCHED, "annotations": {"sched": {"t_estimate": 2e9}}}
    said = "waits for resources; may start at 2033-05-18 03:33:20 UTC"
    assert reason(record, Situation(), NOW) == said
    assert reason(record, Situation(), 3e9) == "waits for resources"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("begin-time=2000000000.500", "waits until 2033-05-18 03:33:20 UTC"),
        ("begin-time=soon", "waits for begin-time=soon"),
        ("begin-time=1e300", "waits for begin-time=1e300"),
        ("after-success", "waits for after-success"),
        ("after-success={0.__class__}", "waits for {0.__class__} to succeed"),
    ],
)
def test_a_dependency_is_a_phrase(text: str, why: str) -> None:
    record = {"state": "DEPEND", "dependencies": [text]}
    assert reason(record, Situation(), NOW) == why


@pytest.mark.parametrize("estimate", [None, "soon", True, 1e300, float("nan"), [], {}])
def test_an_odd_estimate_is_not_said(estimate: Any) -> None:
    record = {**SCHED, "annotations": {"sched": {"t_estimate": estimate}}}
    assert reason(record, Situation(), NOW) == "waits for resources"


COUNTS = st.builds(
    Counts, st.integers(0, 3), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans(),
    st.integers(0, 2), st.none(), st.none(), st.just(0), st.sampled_from([(), ("big",)]),
    st.booleans(),
)  # fmt: skip
JOBS = st.builds(
    Job,
    st.just(1),
    state=st.sampled_from(STATES[:4]),
    urgency=st.sampled_from([0, 16]),
    priority=st.sampled_from([0, 16]),
    has_priority=st.booleans(),
    queue=st.sampled_from(["", "batch", "debug"]),
    dependencies=st.sampled_from([(), ("after-success=f1",)]),
    annotations=st.sampled_from(
        [None, {}, {"sched": {"t_estimate": 2e9}}, {"sched": {"reason_pending": "why"}}]
    ),
    counts=st.none() | COUNTS,
    allocation=st.none() | st.just(Allocation("0", "node1", 1, 2)),
)
SUPPLY = st.builds(Supply, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
SITUATIONS = st.builds(
    Situation,
    stopped=st.sampled_from([{}, {"batch": "tidying"}]),
    partial=st.sampled_from([{}, {"batch": frozenset({"big"})}]),
    nodes=st.none() | SUPPLY,
    cores=st.none() | SUPPLY,
    gpus=st.none() | SUPPLY,
    out=st.sampled_from([{}, {"big": Supply(2, 0, 0, drained=1)}]),
)


@given(JOBS, SITUATIONS)
def test_the_few_fields_tell_the_reason_that_the_record_tells(job: Job, now: Situation) -> None:
    assert reason(waiting(job), now, NOW) == reason(record_of(job), now, NOW)
