"""``fluxapi groups``, and the option ``--group`` of other commands."""

from __future__ import annotations

import json
import uuid

import pytest

from .program import Program


@pytest.fixture
def name() -> str:
    """Return the name of a group that no other test uses."""
    return f"sweep-{uuid.uuid4().hex}"


def row(run: Program, name: str) -> list[str]:
    head, line = run.ok("groups", name).splitlines()
    assert head.split()[:4] == ["GROUP", "NAME", "USER", "JOBS"]
    return line.split()


def test_jobs_of_a_group_from_submission_to_end(run: Program, name: str) -> None:
    ids = [run.submit("--group", name, "true"), run.submit("--group", name, "sh", "-c", "exit 3")]
    done = run("wait", "--group", name)
    assert done.status == 3
    assert done.err.endswith(f"{ids[1]}: exited with code 3\n")
    # The one that ended last comes first.
    listed = run.ok("jobs", "-no", "{id} {group_name}", "--group", name).split("\n")[:2]
    assert sorted(listed) == sorted(f"{jobid} {name}" for jobid in ids)
    assert row(run, name)[3:10] == ["2", "0", "0", "1", "1", "0", "##########"]
    assert name not in run.ok("groups")
    assert name in run.ok("groups", "-a", "-c0")


def test_wait_for_one_more_job(run: Program, name: str) -> None:
    run.submit("--group", name, "--urgency=hold", "true")
    with run.start("wait", "--any", "--group", name) as waiting:
        while waiting.poll() is None:  # it counts the jobs that end after its start
            run.ok("cancel", "-q", run.submit("--group", name, "--urgency=hold", "true"))
        assert waiting.returncode == 0
        assert waiting.stdout is not None
        (ended,) = waiting.stdout.read().split()
    assert ended in run.ok("jobs", "-no", "{id}", "-f", "canceled", "--group", name).split()
    run.ok("cancel", "-qy", "--group", name)
    done = run("wait", "--quiet", "--group", name)
    assert (done.status, done.err) == (1, "")


def test_a_bulk_submission_is_a_group(run: Program) -> None:
    ids = run.ok("submit", "--cc=0-2", "true").split()
    run("wait", *ids)
    (group,) = set(run.ok("jobs", "-no", "{group}", *ids).split())
    found = json.loads(run.ok("groups", "--json", group))["groups"]
    assert [(it["id"], it["total"], it["active"]) for it in found] == [(group, 3, 0)]


def test_copies_in_a_named_group(run: Program, name: str) -> None:
    done = run("bulk", "--quiet", "--copies=2", "--group", name, "true")
    assert done.status == 0
    done = run("bulk", "--quiet", "--group", name, input="true\ntrue\n")
    assert done.status == 0
    run.ok("wait", "--group", name)
    assert row(run, name)[3] == "4"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["wait"], "either job IDs or --group"),
        (["wait", "--group=x", "f1"], "either job IDs or --group"),
        (["output"], "either job IDs or --group"),
        (["output", "--group=x", "f1"], "either job IDs or --group"),
        (["output", "--save=x", "--group=x"], "excludes --group"),
    ],
)
def test_a_wrong_command_says_why(run: Program, words: list[str], says: str) -> None:
    done = run(*words)
    assert done.status == 2
    assert says in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["groups"],
        ["wait", "--group"],
        ["wait", "--any", "--group"],
        ["jobs", "--group"],
        ["jobs", "--stats-only", "--group"],
        ["watch", "--group"],
    ],
    ids=" ".join,
)
def test_an_unknown_group(run: Program, words: list[str]) -> None:
    done = run(*words, "no-such-group")
    assert done.status == 1
    assert "No job of a group 'no-such-group' is known" in done.err


def test_the_jobs_of_a_group_are_counted(run: Program, name: str) -> None:
    run.submit("--urgency=hold", "true")
    held, over = (run.submit("--urgency=hold", "--group", name, "true") for _ in range(2))
    run.ok("cancel", "-q", over)
    done = run("wait", over)
    assert done.err.startswith(f"fluxapi: {over}: canceled")
    assert row(run, name)[3:10] == ["2", "1", "0", "0", "0", "1", "#####....."]
    counts = "0 running, 0 completed, 1 failed, 1 pending\n"
    assert run.ok("jobs", "--stats-only", "--group", name) == counts
    assert run.ok("jobs", "--stats", "-no", "{id}", "-f", "failed", "--group", name) == counts
    run.ok("cancel", "-q", held)
    run("wait", held)
    assert run("jobs", "--stats-only", "--group", name).status == 1


def test_a_watch_of_a_group_ends_with_it(run: Program, name: str) -> None:
    done, held = (run.submit("--urgency=hold", "--group", name, "true") for _ in range(2))
    run.ok("cancel", "-q", done)
    run("wait", done)
    words = ("watch", "-no", "{id} {status}", "--group", name)
    with run.start(*words) as watch, run.start(*words, "-f", "failed") as other:
        assert watch.stdout is not None
        assert other.stdout is not None
        assert watch.stdout.readline() == f"{held} SCHED\n"
        run.ok("cancel", "-q", held)
        lines = watch.stdout.read().splitlines()
        assert (watch.wait(), other.wait()) == (0, 0)
        assert other.stdout.read() == ""
    assert lines[-1] == f"{held} CANCELED"
    assert run.ok(*words) == ""


def test_a_group_with_many_failed_jobs_says_how_to_list_them(run: Program, name: str) -> None:
    group = f"{name} 2"
    run.ok("submit", "--quiet", "--urgency=hold", "--cc=1-21", "--group", group, "true")
    run.ok("cancel", "-q", "--yes", "--group", group)
    done = run("wait", "--group", group)
    lister = f"fluxapi jobs -f failed,canceled,timeout --group='{group}'"
    assert f"21 jobs did not complete; {lister} lists them" in done.err
    listed = run.ok("jobs", "-n", "-f", "failed,canceled,timeout", "--group", group)
    assert listed.split().count("CA") == 21


def test_the_name_of_a_group_is_escaped(run: Program) -> None:
    name = "\u202eevil\x9b1m"
    run.submit("--group", name, "true")
    done = run("groups", "-a", name)
    assert done.status == 0
    assert "evil" in done.out
    assert "\x9b" not in done.out
    assert "\u202e" not in done.out


def test_the_output_of_a_group(run: Program, name: str) -> None:
    ids = run.ok("submit", "--cc=0-1", "--group", name, "sh", "-c", "echo out {cc}; echo err >&2")
    first, second = ids.split()
    followed = run("output", "--follow", "-l", "--group", name)
    assert followed.status == 0
    assert set(followed.out.splitlines()) == {f"{first}: 0: out 0", f"{second}: 0: out 1"}
    assert run("output", "--group", name).out == "out 0\nout 1\n"
    done = run("output", "-l", "--tail=1", "--stream=stderr", "--group", name)
    assert done.err == f"{first}: 0: err\n{second}: 0: err\n"


def test_the_events_of_a_group_end_with_it(run: Program, name: str) -> None:
    held = run.submit("--urgency=hold", "--group", name, "true")
    words = ["watch", "--events", "--group", name]
    with run.start(*words, "--since=0", "--event=submit,exception") as process:
        assert process.stdout is not None
        assert " submit " in process.stdout.readline()
        run.ok("cancel", "-q", held)
        (last,) = process.stdout.read().splitlines()
        assert (process.wait(), " exception " in last) == (0, True)
    assert run.ok(*words) == ""
    assert run.ok(*words, "--since=0", "--event=submit,clean").count("clean") == 1
    assert run.ok("watch", "--event=submit", held).count("submit") == 1
