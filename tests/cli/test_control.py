"""Commands that act, that follow, that end: what they do, say and return."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fluxapi.cli.command_index import COMMANDS
from tests.running import Service, clean_environment, needs_flux, service
from tests.waiting import block_until

from .program import Program
from .terminal import terminal

EMBEDDED = "--instance=embedded"


def state(of: Service, jobid: str) -> str:
    return str(of.get(f"/jobs/{jobid}")["status"])


@pytest.fixture(params=["embedded", pytest.param("flux", marks=needs_flux)])
def both(request: pytest.FixtureRequest) -> tuple[Program, Service]:
    """Return the command in front of each kind of instance."""
    name = "on_flux" if request.param == "flux" else "on_embedded"
    program = "run_on_flux" if request.param == "flux" else "run"
    return request.getfixturevalue(program), request.getfixturevalue(name)


def test_cancel_by_id(both: tuple[Program, Service]) -> None:
    run, running = both
    jobid = run.submit("--urgency=hold", "true")
    assert run.ok("cancel", "-m", "because", jobid) == ""
    run("wait", jobid)
    assert running.get(f"/jobs/{jobid}")["exception"]["note"] == "because"
    done = run("cancel", jobid, "f1")
    assert done.status == 1
    assert done.err.count("\n") == 2


def test_cancel_by_filter_asks_first(both: tuple[Program, Service]) -> None:
    run, running = both
    ids = run.ok("submit", "--urgency=hold", "--job-name=to-cancel", "--bcc=1-3", "true").split()
    words = ("cancel", "-f", "pending", "--name=to-*")
    assert sorted(run.ok(*words, "--dry-run", "-q").split()) == sorted(ids)
    done = run(*words)
    assert (done.status, done.err.count("--yes")) == (2, 1)
    with terminal(run, *words) as shown:
        shown.until("Cancel 3 jobs? [y/N] ")
        shown.press("n\n")
        assert shown.end()[0] == 1
    assert {state(running, jobid) for jobid in ids} == {"SCHED"}
    assert run(*words, "--yes").err == "fluxapi: 3 jobs canceled.\n"
    run("wait", "--quiet", *ids)
    assert {state(running, jobid) for jobid in ids} == {"CANCELED"}
    done = run(*words, "--yes")
    assert (done.status, done.err) == (1, "fluxapi: No active jobs match.\n")
    done = run(*words, "--yes", "-q")
    assert (done.status, done.err) == (1, "")


def test_cancel_has_the_short_options_of_flux(both: tuple[Program, Service]) -> None:
    run, running = both
    jobid = run.submit("--urgency=hold", "--job-name=short", "true")
    # A submission returns once the job is known, which is before it reaches this state.
    block_until(lambda: state(running, jobid) == "SCHED")
    done = run("cancel", "-n", "-S", "sched", "--name=short")
    assert (done.out, done.err) == (f"{jobid}\n", "fluxapi: Would cancel 1 job.\n")
    assert run.ok("cancel", "--dry-run", "-q", "--states=pending", "--name=short") == f"{jobid}\n"
    assert state(running, jobid) == "SCHED"
    assert run.ok("cancel", "-q", jobid) == ""
    run("wait", "--quiet", jobid)
    assert state(running, jobid) == "CANCELED"


@pytest.mark.parametrize(
    "words",
    [(), ("--all", "f1"), ("--filter=failed",), ("-q",), ("--queue=a,b",)],
)
def test_cancel_wants_to_know_what(run: Program, words: tuple[str, ...]) -> None:
    assert run("cancel", *words).status == 2


def test_signal(both: tuple[Program, Service]) -> None:
    run, _ = both
    script = "trap 'exit 42' USR1; echo ready; while :; do sleep 0.01; done"
    with run.start("submit", "--watch", "sh", "-c", script) as process:
        assert process.stdout is not None
        jobid = process.stdout.readline().strip()
        assert process.stdout.readline() == "ready\n"
        run.ok("signal", "-s", "USR1", jobid)
        process.communicate(timeout=60)
    assert process.returncode == 42
    assert run("signal", jobid).status == 1
    assert run("signal", "-s", "NOTHING", jobid).status == 2


def test_urgency(both: tuple[Program, Service]) -> None:
    run, running = both
    jobid = run.submit("--urgency=hold", "true")
    run.ok("urgency", "default", jobid)
    assert run("wait", jobid).status == 0
    assert running.get(f"/jobs/{jobid}")["urgency"] == 16
    assert run("urgency", "5", jobid).status == 1
    assert run("urgency", "32", jobid).status == 2


def test_wait_for_any_job_prints_its_id(run: Program) -> None:
    held, failed = run.submit("--urgency=hold", "true"), run.submit("sh", "-c", "exit 4")
    done = run("wait", "--any", held, failed)
    assert (done.status, done.out) == (4, f"{failed}\n")
    assert "exited with code 4" in done.err
    run.ok("cancel", "-q", held)


def test_wait_for_any_job_reports_an_unknown_job(run: Program) -> None:
    failed = run.submit("sh", "-c", "exit 4")
    done = run("wait", "--any", failed, "f1")
    assert (done.status, done.out) == (4, f"{failed}\n")
    assert "There is no job f1." in done.err
    done = run("wait", "--any", "f1")
    assert (done.status, done.out) == (1, "")
    assert "There is no job f1." in done.err


def test_wait_gives_the_highest_status_and_can_give_up(run: Program) -> None:
    ids = [run.submit("sh", "-c", f"exit {code}") for code in (0, 4, 2)]
    assert run("wait", *ids).status == 4
    held = run.submit("--urgency=hold", "true")
    done = run("wait", "--timeout=0.1s", held)
    assert (done.status, done.err.count("\n")) == (1, 1)
    run.ok("cancel", held)


def test_watch_jobs_to_their_end(both: tuple[Program, Service]) -> None:
    run, _ = both
    jobid = run.submit("--job-name=watched", "false")
    lines = run.ok("watch", jobid).splitlines()
    assert lines[0].split()[0] == "JOBID"
    assert "FAILED" in lines[-1]
    last = json.loads(run.ok("watch", "--json", jobid).splitlines()[-1])
    assert (last["type"], last["id"], last["result"]) == ("job", jobid, "FAILED")


def test_watch_events_to_the_end_of_a_job(both: tuple[Program, Service]) -> None:
    run, running = both
    jobid = run.submit("true")
    run("wait", jobid)
    said = [json.loads(line) for line in run.ok("watch", "--events", "--json", jobid).splitlines()]
    kept = [event["name"] for event in running.get(f"/jobs/{jobid}/eventlog")]
    assert [event["name"] for event in said if "index" in event] == kept
    line = run.ok("watch", "--event=finish,clean", jobid).splitlines()[0]
    assert line.startswith(jobid)
    assert line.endswith("finish status=0")


def test_watch_events_ends_if_a_gap_hides_the_end_of_a_job(both: tuple[Program, Service]) -> None:
    run, _ = both
    jobid = run.submit("true")
    run.ok("wait", jobid)
    done = run("watch", "--events", "--since=no-cursor", jobid)
    assert (done.status, done.out) == (0, "")
    assert "events may be missing here" in done.err


def test_watch_begins_now_unless_asked(both: tuple[Program, Service]) -> None:
    run, _ = both
    name = "--name=begins-now"
    old = run.submit("--job-name=begins-now", "true")
    run("wait", old)
    with run.start("watch", name, "--lines=1", "-o", "{id.f58plain}") as process:
        assert process.stdout is not None
        # The headings come once the watch has begun.
        assert process.stdout.readline() == "JOBID\n"
        new = run.submit("--job-name=begins-now", "--urgency=hold", "true")
        out, _ = process.communicate(timeout=60)
    assert out == f"{new}\n"
    form = ["-n", "-o", "{id.f58plain}"]
    assert run.ok("watch", name, "-a", "--lines=1", *form) == f"{new}\n"
    assert run.ok("watch", name, "-A", "--lines=2", *form) == f"{new}\n{old}\n"
    assert run("watch", "-c", "1").status == 2
    assert run("watch", "-a", "--events").status == 2
    run.ok("cancel", new)


def test_ctrl_c_ends_with_130(run: Program) -> None:
    held = run.submit("--urgency=hold", "--job-name=still", "true")
    with run.start("watch", "--json", "-a", "--name=still") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, "")
    run.ok("cancel", held)


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error(run: Program) -> None:
    run.ok("submit", "--wait", "--quiet", "--bcc=1-20", "true")
    long = "{name}" * 4000
    command = run.command("jobs", "-a", "-n", "-o", long)
    with subprocess.Popen(
        command, env=run.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        told = process.stderr.read()
    assert (process.returncode, told) == (141, b"")


@pytest.mark.slow
def test_a_full_disk_is_said(run: Program) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - as a shell does
        done = subprocess.run(
            run.command("nodes"),
            env=run.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    said = "fluxapi: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.slow
@pytest.mark.parametrize("words", [("output", "--follow"), ("watch", "--json")])
def test_a_follower_ends_with_its_reader_though_nothing_comes(
    run: Program, on_embedded: Service, words: tuple[str, ...]
) -> None:
    job = run.submit("sh", "-c", "echo first; exec sleep 1000")
    with run.start(*words, job) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        told = process.stderr.read()
    assert (process.returncode, told) == (141, "")
    assert on_embedded.get(f"/jobs/{job}")["state"] == "RUN"
    run.ok("cancel", job)


def test_no_service_is_status_3(run: Program, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = Program(f"http://127.0.0.1:{port}", tmp_path)("jobs", "--retries=0")
    assert (done.status, done.err.count("\n")) == (3, 1)
    assert (
        f"http://127.0.0.1:{port}: Connection refused. Check that the service is running"
        in done.err
    )
    assert run("--retries=0", "--url", f"http://127.0.0.1:{port}", "jobs").status == 3
    assert run("jobs", "--retries=0", "--url", f"http://127.0.0.1:{port}").status == 3
    assert run("--url", "nonsense", "jobs").status == 2


def test_nothing_asked_is_answered_by_the_help(run: Program) -> None:
    done = run()
    assert (done.status, done.out) == (2, "")
    assert all(f"  {name} " in done.err for names in COMMANDS.values() for name in names)
    assert all(f"\n{group}:\n" in done.err for group in COMMANDS)


@pytest.mark.parametrize(
    ("words", "named"),
    [(("submit", "--nope", "true"), "option --nope"), (("nodes", "extra"), "argument extra")],
)
def test_unknown_options_of_a_command(run: Program, words: tuple[str, ...], named: str) -> None:
    done = run(*words)
    assert (done.status, done.out) == (2, "")
    assert done.err == (f"fluxapi: unrecognized {named}; see fluxapi {words[0]} --help\n")


@pytest.mark.slow
def test_credentials_and_a_token(tmp_path: Path) -> None:
    secret = "s3cret-" + os.urandom(8).hex()
    auth = {"FLUX_USER": "me", "FLUX_TOKEN": secret, "FLUX_REQUIRE_AUTH": "true"}
    with service(EMBEDDED, **auth) as running:
        run = Program(running.url, tmp_path)
        assert run("jobs").status == 4
        assert run("jobs", FLUX_USER="me", FLUX_TOKEN="wrong").status == 4
        assert run("token").status == 4
        run.ok("jobs", FLUX_USER="me", FLUX_TOKEN=secret)
        run.ok("--user", "me", "jobs", FLUX_TOKEN=secret)
        made = run.ok("token", FLUX_USER="me", FLUX_TOKEN=secret)
        assert made.count("\n") == 1
        assert secret not in made
        (tmp_path / "token").write_text(secret, encoding="utf-8")
        (tmp_path / "token").chmod(0o600)
        profile = f'[here]\nurl = "{running.url}"\nuser = "me"\ntoken_file = "{tmp_path}/token"\n'
        (tmp_path / "fluxapi").mkdir()
        (tmp_path / "fluxapi" / "config.toml").write_text(profile, encoding="utf-8")
        run.ok("jobs", "--profile=here")


@pytest.mark.slow
def test_stop(tmp_path: Path) -> None:
    with service(EMBEDDED) as running:
        run = Program(running.url, tmp_path)
        assert run("stop").status == 2
        with terminal(run, "stop") as shown:
            shown.until("[y/N] ")
            shown.press("y\n")
            assert shown.end()[0] == 0
        assert running.process.wait(60) == 0


def test_top_for_scripts(both: tuple[Program, Service]) -> None:
    run, _ = both
    said = run.ok("top", "--once")
    assert said.startswith("fluxapi top")
    assert "\x1b" not in said
    assert run("top").status == 2


@pytest.mark.slow
def test_start_is_quick() -> None:
    """Check that no command loads the server, and that listing loads no drawing."""
    code = (
        "import sys; from fluxapi.cli import main\n"
        "sys.argv = ['fluxapi', 'jobs', '--url', 'http://127.0.0.1:1/', '--retries=0']\n"
        "assert main() == 3\n"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = set(done.stdout.split())
    assert "fluxapi.client" in loaded
    heavy = [
        "aiohttp.web",
        "uvloop",
        "rich",
        "jsonschema",
        "jsonschema_rs",
        "jinja2",
        "jwt",
        "babel",
    ]
    ours = [
        "fluxapi.service",
        "fluxapi.app",
        "fluxapi.handlers.routes",
        "fluxapi.contracts.schema",
        "fluxapi.instance",
    ]
    other = ["argcomplete", "fluxapi.cli.submit_options", "fluxapi.settings", "prometheus_client"]
    assert not loaded & {*heavy, *ours, *other}


def test_pkill_cancels_the_jobs_that_match(run: Program) -> None:
    kept = run.submit("--urgency=hold", "--job-name=kept-1", "true")
    ids = [run.submit("--urgency=hold", f"--job-name=gone-{at}", "true") for at in range(3)]
    done = run("pkill", "^gone-")
    assert (done.status, "use --yes" in done.err) == (2, True)
    done = run("pkill", "--yes", "--wait", "-c2", "^gone-[0-9]$")
    assert (done.status, "2 jobs canceled" in done.err) == (0, True)
    assert len(run.ok("pgrep", "gone").split()) == 1
    assert run("pkill", "--yes", "--wait", f"{ids[0]}..{ids[-1]}").status == 0
    assert run.ok("pgrep", ".").split() == [kept]
    assert run("pkill", "--yes", "nothing").status == 1
    assert run("pkill", "--yes", "(").status == 2
