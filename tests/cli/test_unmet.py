"""The words of a terminal for a job that another one kept from starting."""

from __future__ import annotations

import io

import pytest

from fluxapi.cli import ids
from fluxapi.cli.attach import explain
from fluxapi.cli.fields import JobFields
from fluxapi.cli.job_detail import state
from fluxapi.cli.streams import Streams
from fluxapi.client.job import Job, JobException


@pytest.mark.parametrize("prefix", ["f", "ƒ"])
def test_a_terminal_names_the_job_that_kept_another_from_starting(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "_is_ascii", lambda: prefix == "f")
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
    said = f"{prefix}VKjjCv3 never started, so this did not either"
    assert state(job, 0) == f"FAILED: {said}"
    # The table says it, too; the fields of Flux have its note.
    fields = JobFields(job, 0)
    assert fields.get("note") == said
    assert fields.get("exception.note") == exception.note
    err = io.StringIO()
    explain(job, Streams(io.StringIO(), err))
    assert f"({said})" in err.getvalue()


def test_only_the_jobs_that_it_waits_for_are_ids_in_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ids, "_is_ascii", lambda: False)
    job = Job(
        id="f1",
        state="DEPEND",
        status="DEPEND",
        dependencies=["after-success=f2QK3Zz", "begin-time=5", "odd"],
        reason="waits for f2QK3Zz to succeed, 3 free from f3",
    )
    shown = "waits for ƒ2QK3Zz to succeed, 3 free from f3"
    assert JobFields(job, 0).reason == shown
    assert JobFields(job, 0).note == f"W{shown[1:]}"
