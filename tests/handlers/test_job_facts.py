"""The facts, outcomes and nodes that the page of a job tells of a record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fluxapi.model import humanize
from fluxapi.model.batch import script_of
from fluxapi.model.eventlog import Event
from fluxapi.web import words
from fluxapi.web.granted_nodes import granted, tell_hosts
from fluxapi.web.job_detail import facts, requested
from fluxapi.web.job_exceptions import exceptions
from fluxapi.web.job_said import Piece, pieces

from .fake import r_object

CASES = json.loads(
    (Path(__file__).parents[2] / "frontend/test/outcomes.json").read_text(encoding="utf-8")
)
"""Records, what is said of them, and their notes, which the scripts test, too."""

ENGLISH = words.load()["en"]


def test_clipped_fields_are_listed() -> None:
    found = facts({"truncated": ("name", "annotations")}, ENGLISH)
    assert ("job.fact_truncated", "Cut short", "name, annotations") in found


@pytest.mark.parametrize(("said", "note", "record"), CASES, ids=lambda case: str(case)[:40])
def test_a_record_in_plain_words(said: str, note: str, record: dict[str, Any]) -> None:
    assert humanize.outcome(record) == said
    assert humanize.note(record) == note


def test_a_reason_that_is_known_is_said() -> None:
    assert humanize.outcome({"state": "SCHED", "reason": "it is late"}) == "It is late"


def test_a_moment_that_no_calendar_has_is_left_out() -> None:
    assert humanize.utc(1e300) == ""


def test_only_set_values_are_facts() -> None:
    record = {"username": "alice", "urgency": 0, "duration": 0, "ntasks": 4, "queue": ""}
    assert {name: value for _, name, value in facts(record, ENGLISH)} == {
        "User": "alice",
        "Urgency": "0 (held)",
        "Time limit": "none",
        "Tasks": "4",
    }


def test_the_jobspec_tells_gpus_and_constraints() -> None:
    parts = [{"type": "core", "count": 1}, {"type": "gpu", "count": 2}]
    resources = [{"type": "slot", "count": 3, "label": "task", "with": parts}]
    system = {"constraints": {"properties": ["batch"], "hostlist": ["node[1-2]"]}}
    spec = {"resources": resources, "attributes": {"system": system}}
    assert {name: value for _, name, value in requested(spec, ENGLISH)} == {
        "GPUs": "6",
        "Requires": "batch & host:node[1-2]",
    }
    odd: list[Any] = [None, [], {"resources": 1}, {"attributes": {"system": []}}]
    assert [requested(it, ENGLISH) for it in odd] == [[]] * 4


@pytest.mark.parametrize(
    ("priority", "said"), [(2**32 - 1, "highest"), (0, "0 (held)"), (16, "16")]
)
def test_the_ends_of_priorities_are_words(priority: int, said: str) -> None:
    found = facts({"priority": priority}, ENGLISH)
    assert found[0] == ("job.fact_priority", "Priority", said)


def test_an_exception_comes_from_the_eventlog_else_from_the_record() -> None:
    worst = {"occurred": True, "type": "cancel", "severity": 0, "note": "why"}
    assert exceptions({"exception": worst}, None) == [
        {"type": "cancel", "note": "why", "severity": 0, "plain": False}
    ]
    events = [Event(1.0, "exception", {"type": "alloc", "severity": 1})]
    assert exceptions({"exception": worst}, events) == [
        {"type": "alloc", "note": "", "severity": 1, "plain": False}
    ]
    assert exceptions({"exception": {"occurred": False}}, []) == []


def test_the_job_that_kept_another_from_starting_is_named_and_linked() -> None:
    note = "dependency after-success=ƒ2Zb97j5 can never be satisfied"
    worst = {"occurred": True, "type": "dependency", "severity": 0, "note": note}
    record = {"state": "INACTIVE", "result": "FAILED", "exception": worst}
    (said,) = exceptions(record, None)
    assert said["note"] == "f2Zb97j5 did not succeed, so this never started"
    assert pieces(said["note"], record, {"f2Zb97j5": "simulate"}.__getitem__) == [
        Piece("simulate", job="f2Zb97j5"),
        Piece(" did not succeed, so this never started"),
    ]


def test_a_job_that_has_ended_waited_in_the_past() -> None:
    waited = ["after-success=ƒ2Zb97j5", "after-finish=f3", "begin-time=60", "odd=1"]
    record = {"state": "INACTIVE", "dependencies": waited}
    said = "for f2Zb97j5 to succeed, for f3 to end, until 1970-01-01 00:01:00 UTC, for odd=1"
    assert facts(record, ENGLISH)[-1] == ("job.fact_waited", "Waited", said)


def test_a_cancellation_without_a_note_is_told_by_the_outcome_alone() -> None:
    events = [
        Event(1.0, "exception", {"type": "cancel", "severity": 0, "note": ""}),
        Event(2.0, "exception", {"type": "timeout", "severity": 0}),
    ]
    assert [one["type"] for one in exceptions({}, events)] == ["timeout"]


def test_the_end_of_the_time_limit_is_told_by_the_outcome_alone() -> None:
    late, why = (
        Event(1.0, "exception", {"type": "timeout", "severity": 0, "note": note})
        for note in ("resource allocation expired", "too slow")
    )
    assert [one["note"] for one in exceptions({"result": "TIMEOUT"}, [late, why])] == ["too slow"]
    assert len(exceptions({"result": "FAILED"}, [late])) == 1


def test_a_command_that_was_not_found_is_told_by_its_exception_alone() -> None:
    note = "task 0 (host vm): start failed: x: No such file or directory"
    record: dict[str, Any] = {
        "state": "INACTIVE",
        "result": "FAILED",
        "waitstatus": 127 << 8,
        "exception": {"occurred": True, "type": "exec", "severity": 0, "note": note},
    }
    assert humanize.outcome_beside_exceptions(record) == "Exit code 127"
    # As the table says it.
    (told,) = exceptions(record, None)
    assert (told["note"], told["plain"]) == ("Did not start: x: No such file or directory", True)
    (other,) = exceptions({**record, "exception": {**record["exception"], "note": "lost"}}, None)
    assert (other["note"], other["plain"]) == ("lost", False)
    alone = {**record, "exception": {"occurred": False}}
    assert humanize.outcome_beside_exceptions(alone) == humanize.outcome(record)
    assert "not found" in humanize.outcome(record)


@pytest.mark.parametrize("R", [None, [], {"execution": {}}, {"execution": {"R_lite": [3]}}])
def test_an_invalid_resource_set_has_no_lines(R: Any) -> None:
    assert granted(R, ENGLISH)["granted"] == []


def test_each_broker_of_a_host_is_told_apart() -> None:
    shown = granted(r_object("0-1", "0-3", "vm,vm"), ENGLISH)["granted"]
    assert [(node["host"], node["rank"], node["is_shared"]) for node in shown] == [
        ("vm", 0, True),
        ("vm", 1, True),
    ]
    assert not any(node["is_shared"] for node in granted(r_object(), ENGLISH)["granted"])


@pytest.mark.parametrize(
    ("nodelist", "shown"),
    [
        ("vm,vm", "vm (2 ranks)"),
        ("n[1-2],n1", "n1 (2 ranks), n2"),
        ("node[0-3]", "node[0-3]"),
        ("n[0-2000],n1", "n[0-2000],n1"),
        ("n[", "n["),
    ],
)
def test_a_host_that_is_repeated_is_named_once(nodelist: str, shown: str) -> None:
    assert tell_hosts(nodelist, ENGLISH) == shown


@pytest.mark.parametrize(
    "jobspec", [None, [], {"tasks": {}}, {"tasks": [{"command": 5}]}, {"tasks": [{"command": []}]}]
)
def test_a_strange_jobspec_has_no_script(jobspec: Any) -> None:
    assert script_of(jobspec) is None
