"""The words of a terminal for a job that another one kept from starting."""

from __future__ import annotations

import io

from fluxapi.cli.attach import explain
from fluxapi.cli.fields import JobFields
from fluxapi.cli.job_detail import state
from fluxapi.cli.streams import Streams
from fluxapi.client.job import Job, JobException


def test_a_terminal_names_the_job_that_kept_another_from_starting() -> None:
    exception = JobException(
        occurred=True,
        type="dependency",
        severity=0,
        note="dependency after-success=ƒVKjjCv3 job never started",
    )
    job = Job(
        id="f1",
        state="INACTIVE",
        status="FAILED",
        result="FAILED",
        exception=exception,
        success=False,
    )
    said = "fVKjjCv3 never started, so this did not either"
    assert state(job, 0) == f"FAILED: {said}"
    # The table says it, too; the fields of Flux have its note.
    fields = JobFields(job, 0)
    assert fields.get("note") == said
    assert fields.get("exception.note") == exception.note
    err = io.StringIO()
    explain(job, Streams(io.StringIO(), err))
    assert f"({said})" in err.getvalue()
