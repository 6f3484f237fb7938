from __future__ import annotations

import json
from typing import Any

import pytest

from fluxapi.model.eventlog import UNINDEXED, Event, JournalMessage
from fluxapi.model.fold import apply, begin
from fluxapi.model.job import Job
from fluxapi.model.jobid import encode_f58
from fluxapi.model.record import encode, record
from tests import recording

JOBSPEC: dict[str, Any] = {
    "version": 1,
    "resources": [
        {
            "type": "node",
            "count": 2,
            "with": [
                {
                    "type": "slot",
                    "count": 3,
                    "label": "task",
                    "with": [{"type": "core", "count": 2}],
                }
            ],
        }
    ],
    "tasks": [{"command": ["/bin/app", "x"], "slot": "task", "count": {"per_slot": 1}}],
    "attributes": {"system": {"duration": 60, "cwd": "/home/flux", "queue": "batch"}},
}


def fold(messages: list[JournalMessage]) -> dict[int, Job]:
    jobs: dict[int, Job] = {}
    for message in messages:
        for event in message.events:
            if event.name == "submit":
                jobs[message.id] = begin(message.id, message.jobspec)
            if event.name == "invalidate":
                del jobs[message.id]
            else:
                apply(jobs[message.id], event, message.R)
    return jobs


def job_after(*names: str | Event) -> Job:
    job = begin(1, JOBSPEC)
    submit = Event(1.0, "submit", {"userid": 0, "urgency": 16, "flags": 0, "version": 1})
    apply(job, submit)
    for number, name in enumerate(names):
        apply(job, name if isinstance(name, Event) else Event(2.0 + number, name))
    return job


@pytest.mark.parametrize("source", ["live", "backlog"])
def test_folding_the_journal_gives_what_flux_jobs_says(source: str) -> None:
    jobs = fold(getattr(recording, source)())
    folded = {jobid: {**json.loads(encode(job)), "id": jobid} for jobid, job in jobs.items()}
    assert folded == recording.flux_jobs()


def test_nevents_counts_the_eventlog() -> None:
    jobs = fold(recording.journal("backlog"))
    logs = recording.eventlogs()
    assert {encode_f58(jobid): job.nevents for jobid, job in jobs.items()} == {
        jobid: len([entry for entry in log if entry["name"] not in UNINDEXED])
        for jobid, log in logs.items()
        if jobid in {encode_f58(known) for known in jobs}
    }


def test_counts_come_from_the_jobspec_until_there_is_an_allocation() -> None:
    row = record(job_after("validate"))
    assert (row["nnodes"], row["ntasks"], row["ncores"], row["name"]) == (2, 6, 12, "app")


def test_a_jobspec_that_makes_no_sense_leaves_the_fields_unset() -> None:
    row = record(begin(1, {"attributes": {"system": {"duration": "x"}}, "tasks": [{}]}))
    assert {"name", "ntasks", "queue"}.isdisjoint(row)


def test_a_second_priority_does_not_move_t_sched() -> None:
    job = job_after(
        "validate",
        "depend",
        Event(5.0, "priority", {"priority": 16}),
        Event(6.0, "urgency", {"urgency": 0, "userid": 0}),
        Event(7.0, "priority", {"priority": 0}),
    )
    assert (job.state, job.t_sched, job.priority, job.urgency) == ("SCHED", 5.0, 0, 0)


def test_urgency_sends_a_scheduled_job_back_to_priority() -> None:
    job = job_after(
        "validate",
        "depend",
        Event(5.0, "priority", {"priority": 16}),
        Event(6.0, "urgency", {"urgency": 20, "userid": 0}),
    )
    assert job.state == "PRIORITY"
    assert "priority" not in record(job)


def test_jobspec_update_changes_the_record() -> None:
    update = {
        "attributes.system.duration": 5,
        "attributes.system.queue": "debug",
        "resources": JOBSPEC["resources"][0]["with"],
        "tasks": [{"count": {"total": 2}}],
    }
    row = record(job_after("validate", Event(3.0, "jobspec-update", update)))
    assert (row["duration"], row["queue"], row["ntasks"], row["ncores"]) == (5.0, "debug", 2, 6)
    assert "nnodes" not in row


def test_a_memo_merges_and_null_removes() -> None:
    job = job_after(
        Event(2.0, "memo", {"a": 1, "b": {"c": 2}}),
        Event(3.0, "memo", {"a": None, "b": {"d": 3}}),
    )
    assert job.annotations == {"user": {"b": {"c": 2, "d": 3}}}


def test_the_more_severe_exception_counts() -> None:
    job = job_after(
        "validate",
        Event(3.0, "exception", {"type": "note", "severity": 7, "note": "fyi", "userid": 0}),
        Event(4.0, "exception", {"type": "cancel", "severity": 0, "note": "", "userid": 0}),
        "clean",
    )
    assert record(job)["exception"]["type"] == "cancel"
    assert (job.result, record(job)["returncode"]) == ("CANCELED", -128)


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [(0, 0, "COMPLETED"), (3 << 8, 3, "FAILED"), (9, -9, "FAILED")],
)
def test_wait_status_gives_the_returncode(status: int, code: int, result: str) -> None:
    job = job_after("validate", "alloc", Event(4.0, "finish", {"status": status}), "clean")
    assert (record(job)["returncode"], job.result) == (code, result)


@pytest.mark.parametrize("name", ["submit", "priority", "finish", "exception", "urgency"])
def test_an_event_without_its_context_is_an_error(name: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        apply(begin(1, JOBSPEC), Event(1.0, name))


def test_an_unknown_event_only_counts() -> None:
    job = begin(1, JOBSPEC)
    before = record(job)
    apply(job, Event(1.0, "from-the-future", {"x": 1}))
    assert record(job) == before | {"revision": 1}
