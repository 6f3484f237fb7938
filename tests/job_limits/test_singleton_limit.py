"""Jobs of one name that wait for each other have a limit, since Flux walks through all of them."""

from __future__ import annotations

import pytest

from fluxapi.job_limits import singleton_limit
from fluxapi.job_limits.job_limits import JobLimits
from fluxapi.job_limits.singleton_limit import SingletonLimit
from fluxapi.model.jobspec import Defaults, build
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

from .requests import refused, show, taken, under_way


def singletons(name: str, count: int = 20) -> list[Submission]:
    return [Submission(b"{}", dependencies=1, singleton=name)] * count


async def test_so_many_jobs_of_a_name_wait_with_singleton(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(singleton_limit, "MAX_SINGLETONS", 10)
    limits = JobLimits(table, [SingletonLimit()])
    found = await refused(limits, singletons("a"))
    assert len(found) == 10
    assert found[10].status == 503
    assert "Submit this one later" in found[10].detail
    for jobid in range(100, 104):
        show(table, jobid, "singleton", jobspec={"attributes": {"system": {"job": {"name": "a"}}}})
    assert await taken(limits, singletons("a")) == 6
    async with under_way(limits, singletons("b", 10)) as count:
        assert count == 10
        assert await taken(limits, singletons("b")) == 0
    assert await taken(limits, singletons("b")) == 10
    # Those of no such dependency, and of no name, are not concerned.
    assert await taken(limits, [Submission(b"{}", dependencies=1, after=(1,))] * 20) == 20


def test_a_submission_names_the_others_of_its_name() -> None:
    singleton = {"scheme": "singleton", "value": ""}
    fields = {"command": "true", "name": "a" * 600, "dependencies": ["begin-time:5", singleton]}
    assert build(fields, Defaults()).singleton == "a" * 511 + "…"
    assert build({"command": "true", "name": "a"}, Defaults()).singleton == ""
    assert build({"command": "true", "dependencies": [singleton]}, Defaults()).singleton == ""
