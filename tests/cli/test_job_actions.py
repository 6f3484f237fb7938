"""The actions of ``fluxapi job`` on the embedded instance, and their wrong use."""

from __future__ import annotations

import json

import pytest

from .program import Program


def test_a_job_is_shown_with_options_before_and_behind_it(run: Program) -> None:
    job = run.submit("true")
    run.ok("wait", job)
    for words in (["--json", job], [job, "--json"], ["show", "--json", job]):
        assert json.loads(run.ok("job", *words))["id"] == job
    assert run("job", "not-an-id!").status == 2
    assert run("job").status == 2


def test_events_are_waited_for_and_memos_posted(run: Program) -> None:
    job = run.submit("--urgency=hold", "true")
    run.ok("job", "memo", job, "a.b=[1]", "c=text")
    assert run.ok("job", "wait-event", job, "memo").endswith(' memo a={"b":[1]} c="text"\n')
    annotations = json.loads(run.ok("job", "--json", job))["annotations"]
    assert annotations["user"] == {"a": {"b": [1]}, "c": "text"}
    run.ok("job", "raise", "--type=weather", "-s3", job, "it", "rains")
    assert 'type="weather" severity=3 note="it rains"' in run.ok("job", "eventlog", job)
    done = run("job", "wait-event", "-t", "0.01", job, "start")
    assert (done.status, "timeout" in done.err) == (1, True)
    run.ok("job", "urgency", job, "default")
    assert len(run.ok("job", "eventlog", "-F", job).splitlines()) > 5
    assert run.ok("job", "last").strip() == job
    assert run.ok("job", "timeleft", job) == "0\n"
    assert json.loads(run.ok("job", "stats"))["job_states"]["inactive"] > 0
    assert run("job", "eventlog", "-p", "exec", job).status == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["last", "many"], "neither a number nor a slice"),
        (["last", "[::0]"], "neither a number nor a slice"),
        (["timeleft"], "FLUX_JOB_ID"),
        (["eventlog", "-p", "secrets", "f1"], "is not an eventlog: use exec, output"),
        (["wait-event", "-m", "nothing", "f1", "start"], "KEY=VAL"),
        (["wait-event", "-c", "0", "f1", "start"], "--count"),
        (["memo", "f1", "a"], "KEY=VALUE"),
        (["memo", "f1", ".=1"], "not a key"),
        (["memo", "f1", "a=1", "a.b=1"], "below a value"),
        (["raise", "-s", "8", "f1"], "invalid choice"),
        (["raise", "words", "only"], "not a job ID"),
        (["raise", "-m", "one", "f1", "two"], "not both"),
        (["urgency", "f1", "32"], "not an urgency"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_said_and_status_2(run: Program, words: list[str], sentence: str) -> None:
    done = run("job", *words)
    assert (done.status, sentence in done.err) == (2, True), done.err
