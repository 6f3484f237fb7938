"""When a job that waits for others may start, as far as their time limits tell it."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.model.job import Job
from fluxapi.model.jobid import encode_f58
from fluxapi.web.job_start import start_of


def job(jobid: int, **known: Any) -> Job:
    made = Job(jobid)
    for name, value in {"name": f"job{jobid}", "t_run": 100.0, "state": "RUN", **known}.items():
        setattr(made, name, value)
    return made


MESH, LIMITED, CHANGED, PENDING = (
    job(1, name="mesh"),
    job(2, duration=60.0),
    job(3, duration=60.0, expiration=500.0),
    job(4, state="SCHED", t_run=0.0),
)
JOBS = {it.id: it for it in (MESH, LIMITED, CHANGED, PENDING)}


def known(*dependencies: str, state: str = "DEPEND") -> tuple[str, float | None] | None:
    found = start_of(JOBS.get, {"state": state, "dependencies": dependencies})
    return None if found is None else (found["name"], found["at"])


def after(target: int, scheme: str = "after-success") -> str:
    return f"{scheme}={encode_f58(target)}"


def test_the_limit_of_the_job_that_runs_longest_bounds_the_start() -> None:
    assert known(after(2)) == ("job2", 160.0)
    assert known(after(2), after(3, "after-finish")) == ("job3", 500.0)


def test_behind_a_job_without_a_limit_no_start_is_known() -> None:
    assert known(after(3), after(1)) == ("mesh", None)


@pytest.mark.parametrize(
    "dependencies",
    [
        (),
        (after(4),),
        (after(9),),
        (after(1, "after-start"),),
        (after(1), "begin-time=99"),
        ("after-success=<b>",),
        (after(1),) * 25,
    ],
)
def test_nothing_is_told_of_what_is_not_known(dependencies: tuple[str, ...]) -> None:
    assert known(*dependencies) is None


def test_a_job_that_waits_no_more_tells_nothing() -> None:
    assert known(after(1), state="SCHED") is None
