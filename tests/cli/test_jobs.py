"""``fluxapi jobs``, ``job``, ``output``, ``nodes``: what they print, and hostile text in it."""

from __future__ import annotations

import json
import locale
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Service

from .program import Program
from .terminal import terminal

HOSTILE = "\x1b]0;owned\x07\x1b[31mred\u202e\nline\x9b1m\u2028"
"""A title, a color, a mark of direction, a second line, a C1 control and a separator."""

UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]")


@pytest.fixture
def hostile(run: Program) -> str:
    """Submit a job whose texts are hostile."""
    jobid = run.submit(
        f"--job-name={HOSTILE}", f"--setattr=user.{HOSTILE.replace('.', '')}=1", "true"
    )
    run("wait", jobid)
    return jobid


@pytest.mark.parametrize(
    "words",
    [
        ("jobs",),
        ("jobs", "-o", "{name} {annotations}"),
        ("jobs", "-o", "{name!r} {name!a}"),
        ("jobs", "-o", "{name:<80.80+}|?+:{name:>3}"),
        ("jobs", "--json"),
        ("job",),
        ("job", "--json"),
        ("job", "--eventlog"),
        ("job", "--jobspec"),
        ("job", "--dependencies"),
        ("watch",),
        ("watch", "--json"),
        ("watch", "--events"),
    ],
    ids=" ".join,
)
def test_hostile_text_is_escaped(run: Program, hostile: str, words: tuple[str, ...]) -> None:
    said = run.ok(*words, hostile)
    assert said
    assert not UNSEEN.search(said)


def test_hostile_text_never_reaches_a_terminal(run: Program, hostile: str) -> None:
    with terminal(run, "jobs", "-o", "{name}", hostile, NO_COLOR="1") as shown:
        status, seen = shown.end()
    assert status == 0
    assert "owned" in seen
    assert not UNSEEN.search(seen.replace("\r\n", "\n"))


def test_output_is_not_escaped(run: Program) -> None:
    jobid = run.submit("printf", "\\033[31mred\\n")
    run("wait", jobid)
    assert run.ok("output", jobid) == "\x1b[31mred\n"


def test_color_at_a_terminal_and_not_in_a_pipe(run: Program) -> None:
    jobid = run.submit("false")
    run("wait", jobid)
    assert "\x1b" not in run.ok("jobs", jobid)
    with terminal(run, "jobs", jobid) as shown:
        assert "\x1b[01;31m" in shown.end()[1]
    with terminal(run, "jobs", jobid, NO_COLOR="1") as shown:
        assert "\x1b" not in shown.end()[1]
    assert "\x1b[01;31m" in run.ok("jobs", "--color=always", jobid)


def test_width(run: Program) -> None:
    jobid = run.submit("--job-name=" + "n" * 300, "true")
    with terminal(run, "jobs", "-w", "-o", "{name}", jobid, columns=50, NO_COLOR="1") as shown:
        assert "n" * 49 + "+\r\n" in shown.end()[1]
    assert "n" * 300 in run.ok("jobs", "-w", "-o", "{name}", jobid)


def test_filters(run: Program) -> None:
    jobid = run.submit("--job-name=one-of-a-kind", "false")
    run("wait", jobid)
    plain = ("-n", "-o", "{id.f58plain}")
    for words in (
        ("-a", "--name=one-of-a-kind"),
        ("-f", "failed", "--name=one-of-*"),
        ("--since=-1h", "--name=one-of-a-kind"),
    ):
        assert run.ok("jobs", *plain, *words).split() == [jobid]
    assert run.ok("jobs", *plain, "--name=one-of-a-kind") == ""
    assert run.ok("jobs", *plain, "-a", "-u", "nobody-of-this-name") == ""
    assert run.ok("jobs", *plain, "-a", "-q", "no,queues") == ""
    assert run.ok("jobs", *plain, "-a", "-i", "nowhere[1-3]") == ""


def test_held_jobs(run: Program) -> None:
    held = run.submit("--urgency=hold", "true")
    run.submit("true")
    assert run.ok("jobs", "-n", "-o", "{id.f58plain}", "-a", "--held").split() == [held]
    run.ok("cancel", held)


def test_more_than_the_count_is_said(run: Program) -> None:
    run.ok("submit", "--wait", "--bcc=1-3", "true")
    done = run("jobs", "-a", "-c", "2")
    assert len(done.lines) == 3
    assert "--count" in done.err
    assert run("jobs", "-a", "-n", "-c", "2").err == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-o", "nothing"], "Unknown format 'nothing'"),
        (["-o", "{nothing}"], "Unknown field 'nothing'"),
        (["-o", "{id.letters}"], "Unknown field 'id.letters'"),
        (["-o", "{id"], "format is invalid"),
        (["-a", "-o", "{name:d}"], "cannot be shown"),
        (["-a", "-o", "{name!x}"], "conversion"),
        (["--sort=nothing"], "'nothing'"),
        (["-f", "nothing"], "'nothing'"),
        (["-c", "many"], "'many'"),
        (["--since=soon"], "not a time"),
        (["--since=+1h"], "future"),
        (["-a", "-i", "a[1"], "hostlist"),
        (["not-an-id!"], "not a job ID"),
        (["--json", "--stats"], "--stats"),
        (["-o", "get-config=nothing"], "'nothing'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_said_and_status_2(run: Program, words: list[str], sentence: str) -> None:
    run.ok("submit", "--wait", "--quiet", "true")
    done = run("jobs", *words)
    assert done.status == 2
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_unknown_jobs_are_said_one_by_one(run: Program) -> None:
    jobid = run.submit("true")
    done = run("jobs", "-n", "-o", "{id.f58plain}", "f1", jobid)
    assert (done.status, done.lines) == (1, [jobid])
    assert done.err.count("\n") == 1
    assert run("jobs", "f1", "f2").status == 1
    assert run("job", "f1").status == 1
    assert run("output", "f1").status == 1


def test_any_form_of_an_id_will_do(run: Program) -> None:
    jobid = run.submit("--wait", "true")
    names = ("", ".dec", ".hex", ".dothex", ".kvs", ".words", ".emoji")
    forms = run.ok("jobs", "-n", "-o", " ".join(f"{{id{name}}}" for name in names), jobid)
    for form in forms.split():
        assert run.ok("job", "--json", form) == run.ok("job", "--json", jobid)
        assert run.ok("jobs", "-n", "-o", "{id.f58plain}", form) == f"{jobid}\n"


def test_stats(run: Program, on_embedded: Service) -> None:
    run.ok("submit", "--wait", "true")
    completed = on_embedded.get("/stats")["results"]["COMPLETED"]
    said = run("jobs", "--stats-only")
    assert f", {completed} completed, " in said.out
    done = run("jobs", "--stats-only", "-q", "none")
    assert (done.status, done.out) == (1, "")
    assert "no stats available for queue none" in done.err


def test_a_job_in_plain_words(run: Program) -> None:
    jobid = run.submit("-t", "5", "sh", "-c", "exit 3")
    run("wait", jobid)
    lines = dict(line.split(":", 1) for line in run.ok("job", jobid).splitlines())
    assert lines["id"].strip() == jobid
    assert lines["state"].strip() == "FAILED: Exit code 3"
    assert lines["time limit"].strip() == "5m"
    held = run.submit("--urgency=hold", "true")
    assert "SCHED: held" in run.ok("job", held)
    run.ok("cancel", held)
    assert "CANCELED: Canceled before it ran" in run.ok("job", held)


def test_json_of_a_job_is_the_record(run: Program, on_embedded: Service) -> None:
    jobid = run.submit("true")
    run("wait", jobid)
    assert json.loads(run.ok("job", "--json", jobid)) == on_embedded.get(f"/jobs/{jobid}")
    assert json.loads(run.ok("job", "--jobspec", jobid)) == on_embedded.get(
        f"/jobs/{jobid}/jobspec"
    )
    assert json.loads(run.ok("job", "--R", jobid)) == on_embedded.get(f"/jobs/{jobid}/R")


def test_output_is_byte_for_byte(run: Program) -> None:
    jobid = run.ok("submit", "--wait", "sh", "-c", r"printf 'a\377\000\r\n'; seq 30000").strip()
    done = subprocess.run(
        run.command("output", jobid), env=run.environment(), capture_output=True, check=True
    )
    numbers = b"".join(b"%d\n" % number for number in range(1, 30_001))
    assert done.stdout == b"a\xff\0\r\n" + numbers


def test_output(run: Program) -> None:
    jobid = run.submit("sh", "-c", "seq 5; echo oops >&2")
    run("wait", jobid)
    done = run("output", jobid)
    assert (done.out, done.err) == ("1\n2\n3\n4\n5\n", "oops\n")
    assert run("output", "--stream=stderr", jobid).out == ""
    assert run("output", "--stream=stdout", "--tail=3", jobid).err == ""
    for how in ((), ("--follow",)):
        done = run("output", "--stream=stderr", "--tail=1", *how, jobid)
        assert (done.out, done.err) == ("", "oops\n")
    assert run("output", "--follow", "--label-io", jobid).out.startswith("0: 1\n0: 2\n")


def test_following_ends_with_the_status_of_the_job(run: Program) -> None:
    jobid = run.submit("sh", "-c", "echo x; exit 5")
    done = run("output", "--follow", jobid)
    assert (done.status, done.out) == (5, "x\n")


def test_nodes(run: Program, on_embedded: Service) -> None:
    (name,) = on_embedded.get("/nodes")["nodes"]
    lines = run.ok("nodes").splitlines()
    assert lines[0].split() == ["RANK", "NODE", "STATE", "CORES", "GPUS", "JOBS", "REASON"]
    assert lines[1].split()[:3] == ["0", name, "up"]
    assert lines[-1].split()[:3] == ["all", "1", "node"]
    assert run.ok("nodes", "--names") == f"{name}\n"
    assert json.loads(run.ok("nodes", "--json"))["totals"]["nodes"] == 1


@pytest.fixture
def character_set(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give this process, and the commands that run in it, the character set of a locale."""
    name: str = request.param
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, name)
    yield name
    locale.setlocale(locale.LC_CTYPE, before)


@pytest.mark.parametrize(
    ("character_set", "environ", "prefix"),
    [
        ("C.UTF-8", {}, "ƒ"),
        ("C", {}, "f"),
        ("C.UTF-8", {"FLUX_F58_FORCE_ASCII": "1"}, "f"),
    ],
    ids=["UTF-8", "C", "forced"],
    indirect=["character_set"],
)
@pytest.mark.slow
def test_every_command_prints_ids_in_one_form(
    on_embedded: Service,
    tmp_path: Path,
    character_set: str,
    environ: dict[str, str],
    prefix: str,
) -> None:
    run = Program(on_embedded.url, tmp_path, plain_ids=False)
    words = ["submit", "--urgency=hold", "--job-name=one-form", "true"]
    done = run.process(*words, LC_ALL=character_set, **environ)
    assert (done.status, done.err) == (0, "")
    shown = done.out.strip()
    assert shown.startswith(prefix)
    chosen = ["--name=one-form", "-n"]
    assert run.ok("jobs", *chosen, "-o", "{id}", **environ).strip() == shown
    assert run("cancel", *chosen, **environ).out.strip() == shown
    assert shown in run.ok("job", shown, **environ).splitlines()[0]
    assert run.ok("watch", "-a", *chosen, "--lines=1", **environ).split()[0] == shown
    run.ok("cancel", shown, **environ)
    assert run("wait", shown, **environ).err.startswith(f"fluxapi: {shown}: cancel")
    event = run.ok("watch", "--event=clean", shown, **environ)
    assert event.split()[0] == shown
    assert f"fluxapi: {shown}: " in run("cancel", shown, **environ).err
    assert run("bulk", input="true\n", **environ).out.startswith(prefix)
