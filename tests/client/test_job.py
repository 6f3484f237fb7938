"""Records: the fields of the schema, and how they look; what a job says is text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fluxapi.client import (
    AccessToken,
    BulkItem,
    CancelResult,
    Config,
    Event,
    Job,
    JobChange,
    JobException,
    JobList,
    Output,
    OutputEntry,
    Reset,
)
from fluxapi.client.options import (
    BatchOptions,
    EventFilter,
    ExportFilter,
    JobFilter,
    ListFilter,
    StreamFilter,
    SubmitOptions,
)
from fluxapi.client.stats import Stats
from fluxapi.contracts import schema
from fluxapi.model import batch

HOSTILE = '<script>alert("1")</script>\x1b[31m\u202e&'


def fields(name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema.schema(name)["properties"]
    return found


def test_a_job_has_the_fields_of_the_schema() -> None:
    assert set(Job.__struct_fields__) == set(fields("job"))
    assert set(JobException.__struct_fields__) == set(fields("job")["exception"]["properties"])
    required = {field.name for field in msgspec.structs.fields(Job) if field.required}
    assert required == set(schema.schema("job")["required"])


KINDS: dict[str, Any] = {
    "string": "x",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": ["x"],
    "object": {"occurred": True},
}


def test_a_job_takes_what_the_schema_gives() -> None:
    record = {
        name: field["enum"][0] if "enum" in field else KINDS[field.get("type", "object")]
        for name, field in fields("job").items()
    } | {
        "id": "f2QK3Zz",
        "history": {"instance": "0f3c1a2b4d5e6f708192"},
        "line": {"place": 2, "waiting": 3, "has_estimates": True},
    }
    job = msgspec.json.decode(json.dumps(record), type=Job)
    assert job.to_dict() == record
    assert json.loads(msgspec.json.encode(job)) == record


def test_stats_has_the_fields_of_the_schema() -> None:
    assert set(Stats.__struct_fields__) == set(fields("stats-message")) - {"type", "sub", "cursor"}


_PLAIN = {"jobspec", "script", "script_args", *batch.NOT_WITH_SCRIPT}
"""Fields that a batch script does not have, and the arguments of ``batch()``."""


@pytest.mark.parametrize(
    ("options", "name", "without"),
    [
        (SubmitOptions, "submit", {"command", *batch.FIELDS}),
        (BatchOptions, "submit", _PLAIN),
        (JobFilter, "filter", set()),
        (ExportFilter, "export-query", {"format"}),
        (ListFilter, "jobs-query", {"limit", "page"}),
        (StreamFilter, "stream-filter", {"event"}),
        (EventFilter, "stream-filter", set()),
    ],
)
def test_options_are_those_of_the_schema(options: type, name: str, without: set[str]) -> None:
    given = {key for key, field in fields(name).items() if not field.get("deprecated")}
    assert set(options.__annotations__) == given - without


def test_a_newer_service_may_say_more() -> None:
    job = msgspec.json.decode('{"id":"f1","state":"RUN","status":"RUN","mood":"fine"}', type=Job)
    assert job.to_dict() == {"id": "f1", "state": "RUN", "status": "RUN"}


def record(**more: Any) -> Job:
    return Job(id="f2QK3Zz", **{"state": "RUN", "status": "RUN", **more})


def test_repr_is_one_short_line() -> None:
    done = record(name="name", state="INACTIVE", status="COMPLETED", runtime=12.34)
    assert repr(done) == '<Job f2QK3Zz "name" COMPLETED 12s>'
    assert repr(record(state="SCHED", status="SCHED")) == "<Job f2QK3Zz SCHED>"


def test_repr_has_nothing_that_a_terminal_obeys() -> None:
    text = repr(record(name=HOSTILE + "\nnext line\x9b\x7f"))
    assert text.isprintable()


@pytest.mark.parametrize("field", ["name", "username", "nodelist", "status", "cwd", "uri"])
def test_hostile_text_is_text(field: str) -> None:
    job = record(**{field: HOSTILE})
    for shown in (job._repr_html_(), JobList([job])._repr_html_()):
        assert "<script" not in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "&lt;script&gt;" in job._repr_html_()


def test_hostile_annotations_are_text() -> None:
    job = record(annotations={HOSTILE: [HOSTILE]}, dependencies=[HOSTILE])
    assert "<script" not in job._repr_html_()


def test_long_lists_are_shown_in_part() -> None:
    jobs = JobList([record()] * 120)
    assert jobs._repr_html_().count("<tr>") == 101
    assert "and 20 more" in jobs._repr_html_()


def test_elapsed() -> None:
    assert record(t_run=10.0).elapsed(15.0) == 5.0
    assert record(t_run=10.0, t_cleanup=12.0).elapsed(15.0) == 2.0
    assert record(t_run=10.0, runtime=3.0).elapsed(15.0) == 3.0
    assert record().elapsed() is None


JOB = {"id": "f2QK3Zz", "state": "RUN", "status": "RUN", "dependencies": ["after:f1"]}
EVENT = {"id": "f2QK3Zz", "name": "start", "timestamp": 1.0, "context": {"a": [1]}}
STATS = {
    "total": 1,
    "states": {"RUN": 1},
    "results": {},
    "events_per_second": 0.0,
    "submissions_per_second": 0.0,
    "nodes": None,
}


@pytest.mark.parametrize(
    "make",
    [
        lambda: msgspec.convert(JOB, Job),
        lambda: msgspec.convert(EVENT, Event),
        lambda: msgspec.convert(STATS, Stats),
        lambda: Reset("overrun", "Too far behind."),
        lambda: JobChange("f1", msgspec.convert(JOB, Job)),
        lambda: JobException(True, 0, "cancel", "note"),
        lambda: OutputEntry("stdout", "0", "x", context={"level": 1}),
        lambda: Output("x", "", [OutputEntry("stdout", "0", "x")]),
        lambda: BulkItem(0, "f1"),
        lambda: CancelResult(1, 0),
        lambda: AccessToken("t", 1.0),
        lambda: Config("http://127.0.0.1:5000"),
    ],
)
def test_results_compare_and_hash(make: Callable[[], object]) -> None:
    assert make() == make()
    assert len({make(), make()}) == 1


def test_jobs_that_differ_are_two() -> None:
    job = msgspec.convert(JOB, Job)
    assert len({job, msgspec.structs.replace(job, state="INACTIVE")}) == 2
