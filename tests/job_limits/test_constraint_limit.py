"""A long constraint is refused while so many jobs are active that the scheduler would be busy."""

from __future__ import annotations

from typing import Any

from fluxapi.errors import JobLimitReached, JobUnsuitable
from fluxapi.job_limits.constraint_limit import MAX_FORECAST_S, ConstraintLimit
from fluxapi.job_limits.job_limits import JobLimits
from fluxapi.model.jobspec import Defaults, build
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

from .requests import end, refused, show, taken, under_way


async def test_active_jobs_count(table: Table) -> None:
    limits = JobLimits(table, [ConstraintLimit(table)])
    long, short = Submission(b"{}", evaluation_s=MAX_FORECAST_S / 210), Submission(b"{}")
    assert not await refused(limits, [long, short])
    for jobid in range(210):
        show(table, jobid)
    found = await refused(limits, [short, long])
    assert list(found) == [1]
    assert isinstance(found[1], JobLimitReached)
    assert "while 212 jobs are active" in found[1].detail
    end(table, *range(5))
    assert await taken(limits, [short, long]) == 2
    # Those that are being submitted count, and no more once Flux has answered.
    async with under_way(limits, [long] * 6) as count:
        assert count == 5
        assert list(await refused(limits, [short, long])) == [1]
    assert await taken(limits, [short, long]) == 2


async def test_jobs_that_may_run_later_count(table: Table) -> None:
    # A held job is submitted while none is active, and hundreds run when it is released.
    long = Submission(b"{}", urgency=0, evaluation_s=MAX_FORECAST_S / 999)

    def limits_of(nodes: int) -> JobLimits:
        return JobLimits(table, [ConstraintLimit(table, nodes)])

    assert not await refused(limits_of(1), [long])
    assert not await refused(limits_of(7), [long])
    found = await refused(limits_of(8), [long])
    assert isinstance(found[0], JobUnsuitable)
    assert "for the jobs that may run on 8 nodes. Submit this job with fewer" in found[0].detail
    shorter = Submission(b"{}", evaluation_s=MAX_FORECAST_S / 1000)
    assert not await refused(limits_of(10_000), [shorter])


def evaluation_s(constraints: dict[str, Any]) -> float:
    fields = {"command": ["true"], "attributes": {"system.constraints": constraints}}
    return build(fields, Defaults(nodes=100)).evaluation_s


def test_usual_constraints_are_short() -> None:
    assert evaluation_s({"properties": ["gpu", "^old"]}) == 0
    assert evaluation_s({"and": [{"hostlist": ["node[1-4,7,9]"]}, {"properties": ["gpu"]}]}) == 0
    ranks = [{"ranks": [str(rank)]} for rank in range(100)]
    assert 0.05 < evaluation_s({"or": ranks}) < 0.4
