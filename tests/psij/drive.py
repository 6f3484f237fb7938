"""Run jobs by the executor ``fluxapi`` of PSI/J; print what happened as one line of JSON."""

from __future__ import annotations

import json
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from psij import (
    InvalidJobException,
    Job,
    JobAttributes,
    JobExecutor,
    JobSpec,
    JobState,
    JobStatus,
    ResourceSpecV1,
)

from fluxapi.client import BadAnswer, ClientError, ConnectionFailed, FluxExecutorFuture
from fluxapi.client.errors import problem_of
from fluxapi.psij.executor import FluxapiJobExecutor

PATIENCE = timedelta(seconds=100)
STATUSES = (404, 424, 429, 502)
KEYED = JobAttributes(custom_attributes={"fluxapi.idempotency_key": "the only one"})


def main(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    executor = JobExecutor.get_instance("fluxapi")
    states: dict[str, list[str]] = {}
    executor.set_job_status_callback(
        lambda job, status: states.setdefault(job.id, []).append(status.state.name)
    )

    output = folder / "out"
    good = Job(
        JobSpec(
            "/bin/sh",
            ["-c", "echo $GREETING from $(basename $PWD)"],
            directory=folder,
            environment={"GREETING": "hello"},
            stdout_path=output,
            resources=ResourceSpecV1(process_count=2, cpu_cores_per_process=1),
            attributes=JobAttributes(
                duration=timedelta(minutes=1), custom_attributes={"fluxapi.urgency": 20}
            ),
        )
    )
    executor.submit(good)
    status = good.wait(PATIENCE)
    assert status is not None
    found["good"] = [good.native_id, states[good.id], status.exit_code]
    found["output"] = output.read_text(encoding="utf-8").splitlines()

    found["failed"] = ended(executor, Job(JobSpec("/bin/sh", ["-c", "exit 3"])))
    killed = Job(JobSpec("/bin/sh", ["-c", "kill -9 $$"]))
    found["killed"] = ended(executor, killed)

    once = [Job(JobSpec("/bin/true", attributes=KEYED)) for _ in range(2)]
    for job in once:
        executor.submit(job)
    found["once"] = [*{job.native_id for job in once}, *map(wait, once)]

    long = Job(JobSpec("/bin/sleep", ["600"]))
    executor.submit(long)
    found["listed"] = long.native_id in executor.list()
    other = Job()
    assert long.native_id is not None
    executor.attach(other, long.native_id)
    long.wait(PATIENCE, [JobState.ACTIVE])
    long.cancel()
    found["canceled"] = [wait(long), wait(other)]
    executor.cancel(long)

    second = Job(JobSpec("/bin/true"))
    done = threading.Event()

    def submit_another(_job: Job, status: JobStatus) -> None:
        if status.final:
            executor.submit(second)
            done.set()

    first = Job(JobSpec("/bin/true"))
    first.set_job_status_callback(submit_another)
    executor.submit(first)
    assert done.wait(PATIENCE.total_seconds())
    found["chained"] = wait(second)

    found["outage"] = outage(cast("FluxapiJobExecutor", executor), ConnectionFailed("away"))
    # A proxy may answer with any of these while the service restarts.
    for error in (BadAnswer("nonsense"), *(problem_of(status, None) for status in STATUSES)):
        states_then = outage(cast("FluxapiJobExecutor", executor), error)
        assert states_then == found["outage"], (error, states_then)

    try:
        executor.submit(Job(JobSpec("/bin/true", directory=Path("relative"))))
    except InvalidJobException as error:
        found["invalid"] = str(error)
    try:
        executor.submit(Job(JobSpec("/bin/echo", ["\udcff"])))
    except InvalidJobException as error:
        found["not_utf8"] = str(error)
    return found


def outage(executor: FluxapiJobExecutor, error: ClientError) -> list[str | None]:
    """Let the executor of futures end as it does when the service is away, or sends nonsense."""
    broken = executor._executor
    attach = broken.attach
    futures: list[FluxExecutorFuture] = []

    def attached(jobid: int | str) -> FluxExecutorFuture:
        futures.append(attach(jobid))
        return futures[-1]

    broken.attach = attached  # type: ignore[method-assign]
    running = Job(JobSpec("/bin/sleep", ["600"]))
    executor.submit(running)
    running.wait(PATIENCE, [JobState.ACTIVE])
    broken._worker.failure = error
    futures[0].fail(error)
    later = Job(JobSpec("/bin/true"))
    executor.submit(later)
    states = [wait(later), running.status.state.name]
    running.cancel()
    return [*states, wait(running)]


def wait(job: Job) -> str | None:
    status = job.wait(PATIENCE)
    return None if status is None else status.state.name


def ended(executor: JobExecutor, job: Job) -> list[Any]:
    executor.submit(job)
    status = job.wait(PATIENCE)
    return [] if status is None else [status.state.name, status.exit_code]


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))  # noqa: T201 - the test reads it
