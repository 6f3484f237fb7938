"""Cases of PSI/J's own tests of executors, by its executor ``flux``; print how each ended."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from psij import Job, JobExecutor, JobSpec, JobState, ResourceSpecV1

PATIENCE = timedelta(seconds=100)
ONE = ResourceSpecV1(process_count=1, cpu_cores_per_process=1)


def main() -> dict[str, Any]:
    """Run the cases."""
    found: dict[str, Any] = {}
    executor = JobExecutor.get_instance("flux")
    source, copy = Path("in.txt").absolute(), Path("out.txt").absolute()
    source.write_text("text", encoding="utf-8")
    redirected = Job(JobSpec("/bin/cat", stdin_path=source, stdout_path=copy, resources=ONE))
    failing = Job(JobSpec("/bin/false", resources=ONE))
    missing = Job(JobSpec("/bin/no_such_file_or_directory", resources=ONE))
    for job in (redirected, failing, missing):
        executor.submit(job)
    found["redirected"] = [ended(redirected), copy.read_text(encoding="utf-8")]
    found["failing"] = [ended(failing), failing.status.exit_code]
    found["missing"] = ended(missing)

    long = Job(JobSpec("/bin/sleep", ["600"], resources=ONE))
    executor.submit(long)
    long.wait(PATIENCE, [JobState.ACTIVE])
    # Its list has numbers, and native_id is text, with a real Flux, too.
    found["listed"] = bool(executor.list())
    long.cancel()
    found["canceled"] = ended(long)

    other = Job()
    assert redirected.native_id is not None
    JobExecutor.get_instance("flux").attach(other, redirected.native_id)
    found["attached"] = ended(other)
    return found


def ended(job: Job) -> str | None:
    """Return the name of the state in which a job has ended."""
    status = job.wait(PATIENCE)
    return None if status is None else status.state.name


print(json.dumps(main()))  # noqa: T201 - the test reads it
