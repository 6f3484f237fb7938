"""A long constraint is refused while so many jobs are active that the scheduler would be busy."""

from __future__ import annotations

from typing import Any

from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.jobspec import Defaults, build
from fluxapi.sessions.forecast_limit import MAX_FORECAST_S, ForecastLimit
from fluxapi.table.table import Table


def submit(table: Table, jobid: int) -> None:
    context = {"userid": 0, "urgency": 16, "flags": 0, "version": 1}
    table.feed([JournalMessage(jobid, [Event(1.0, "submit", context)])])


def test_active_jobs_count() -> None:
    table = Table()
    limit = ForecastLimit(table)
    long, short = Submission(b"{}", evaluation_s=MAX_FORECAST_S / 210), Submission(b"{}")
    assert not limit.refuse([long, short])
    for jobid in range(210):
        submit(table, jobid)
    refused = limit.refuse([short, long])
    assert list(refused) == [1]
    assert refused[1].status == 422
    assert "while 212 jobs are active" in refused[1].detail
    for jobid in range(5):
        events = [Event(2.0, "exception", {"type": "cancel", "severity": 0}), Event(3.0, "clean")]
        table.feed([JournalMessage(jobid, events)])
    assert not limit.refuse([short, long])
    assert list(limit.refuse([long] * 6)) == list(range(6))


def test_jobs_that_may_run_later_count() -> None:
    # A held job is submitted while none is active, and hundreds run when it is released.
    long = Submission(b"{}", urgency=0, evaluation_s=MAX_FORECAST_S / 999)
    assert not ForecastLimit(Table(), 1).refuse([long])
    assert not ForecastLimit(Table(), 7).refuse([long])
    refused = ForecastLimit(Table(), 8).refuse([long])
    assert "for the jobs that may run on 8 nodes; submit this job with fewer" in refused[0].detail
    shorter = Submission(b"{}", evaluation_s=MAX_FORECAST_S / 1000)
    assert not ForecastLimit(Table(), 10_000).refuse([shorter])


def evaluation_s(constraints: dict[str, Any]) -> float:
    fields = {"command": ["true"], "attributes": {"system.constraints": constraints}}
    return build(fields, Defaults(nodes=100)).evaluation_s


def test_usual_constraints_are_short() -> None:
    assert evaluation_s({"properties": ["gpu", "^old"]}) == 0
    assert evaluation_s({"and": [{"hostlist": ["node[1-4,7,9]"]}, {"properties": ["gpu"]}]}) == 0
    ranks = [{"ranks": [str(rank)]} for rank in range(100)]
    assert 0.05 < evaluation_s({"or": ranks}) < 0.4
