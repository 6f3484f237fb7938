"""``fluxapi bulk``: many jobs from lines, from JSON and as copies; counts and statuses."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any, cast

import pytest
from rich.progress import Progress

from fluxapi.cli import batch
from fluxapi.cli.progress import Rate
from fluxapi.client import AsyncClient, BulkItem, Event, FoundJobs, Job, JobException
from tests.running import Service, needs_flux

from .program import Program
from .terminal import terminal

LINES = """\
# commands, one a line
echo 'two words' "and more"

{"command": "true", "name": "from-json", "num_tasks": 2}
  hostname
"""


def test_lines_of_commands_and_json(run: Program, on_embedded: Service) -> None:
    done = run("bulk", "--job-name=given", "--wait", input=LINES)
    assert (done.status, done.err) == (0, "fluxapi: 3 jobs submitted; 3 completed, 0 failed.\n")
    jobs = [on_embedded.get(f"/jobs/{jobid}") for jobid in done.lines]
    assert [job["name"] for job in jobs] == ["given", "from-json", "given"]
    wrote = on_embedded.get(f"/jobs/{done.lines[0]}/output")["Output"]
    assert wrote == ["two words and more\n"]


def test_a_file(run: Program, tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text(LINES, encoding="utf-8")
    assert len(run("bulk", str(tmp_path / "jobs")).lines) == 3


def test_status_1_when_a_job_fails(run: Program) -> None:
    done = run("bulk", "--wait", "--quiet", input="true\nfalse\nsh -c 'exit 3'\n")
    assert (done.status, done.out) == (1, "")
    assert done.err == "fluxapi: 3 jobs submitted; 1 completed, 2 failed.\n"


def test_bad_lines_are_reported_by_number_and_stop_no_other(run: Program) -> None:
    text = 'true\n{"command":\n{"command": "true", "nmae": "x"}\nsh -c \'open\ntrue\n'
    done = run("bulk", "--wait", input=text)
    assert done.status == 1
    assert len(done.lines) == 2
    told = done.err.splitlines()
    assert sorted(line.split(":")[1] for line in told[:-1]) == [" line 2", " line 3", " line 4"]
    assert "name" in done.err
    assert told[-1] == "fluxapi: 2 jobs submitted, 3 rejected; 2 completed, 0 failed."


def test_a_byte_order_mark_is_no_part_of_the_first_line(run: Program, tmp_path: Path) -> None:
    for line in ("true", '{"command": "true"}'):
        assert run("bulk", "--wait", input=f"\ufeff{line}\n").status == 0
    (tmp_path / "rules").write_text("A=1\n", encoding="utf-8-sig")
    (tmp_path / "note").write_text("{}", encoding="utf-8-sig")
    words = [f"--env-file={tmp_path}/rules", f"--setattr=^user.note={tmp_path}/note"]
    body = json.loads(run.ok("submit", "--dry-run", *words, "true"))
    assert (body["environment"], body["attributes"]) == ({"A": "1"}, {"user": {"note": {}}})


def test_a_warning_about_scripts_is_told_once(run: Program) -> None:
    job = json.dumps({"script": "#!/bin/sh\n#SBATCH -N2\ntrue\n"})
    done = run("bulk", "--wait", input=f"{job}\ntrue\n{job}\n{job}\n")
    assert (done.status, len(done.lines)) == (0, 4)
    told = [line for line in done.err.splitlines() if "#SBATCH" in line]
    assert told == [line for line in told if line.startswith("fluxapi: line 1: Line 2: ")]
    assert len(told) == 1


def test_text_that_is_not_utf8_is_reported(run: Program) -> None:
    done = run("bulk", input=b"echo \xff\n")
    assert done.status == 1
    assert "fluxapi: line 1: not valid UTF-8\n" in done.err


def test_nothing_to_submit_is_fine(run: Program) -> None:
    done = run("bulk", "--wait", input="\n# nothing\n")
    assert (done.status, done.out) == (0, "")


def test_copies_and_ids(run: Program, on_embedded: Service) -> None:
    assert len(run("bulk", "--copies=7", "echo", "{cc}").lines) == 7
    ids = run("bulk", "--wait", "--cc=4-5", "echo", "{cc}").lines
    assert [on_embedded.get(f"/jobs/{it}/output")["Output"] for it in ids] == [["4\n"], ["5\n"]]


@pytest.mark.parametrize(
    "words",
    [["--copies=2"], ["--copies=0", "true"], ["--copies=1", "--cc=1", "true"], ["a", "b"]],
    ids=" ".join,
)
def test_wrong_use_is_status_2(run: Program, words: list[str]) -> None:
    done = run("bulk", *words)
    assert (done.status, done.out) == (2, "")


def test_a_file_that_is_not_there(run: Program) -> None:
    done = run("bulk", "/nowhere/at/all")
    assert done.status == 2
    assert done.err == "fluxapi: /nowhere/at/all cannot be read: No such file or directory.\n"


def test_a_reader_that_leaves_is_no_error_of_the_file(run: Program, tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    os.mkfifo(jobs)
    process = run.start("bulk", "--idempotency-key=a reader that leaves", str(jobs))
    assert process.stdout is not None
    process.stdout.close()
    # There is nothing to print before the reader has left.
    jobs.write_text("true\n", encoding="utf-8")
    assert process.stderr is not None
    told = process.stderr.read()
    process.stderr.close()
    assert (process.wait(30), told) == (141, "")


@needs_flux
def test_a_real_flux_counts_alike(run_on_flux: Program) -> None:
    text = "".join(f"sh -c 'exit {number % 2}'\n" for number in range(20))
    done = run_on_flux("bulk", "--wait", input=text)
    assert done.status == 1
    assert done.err == "fluxapi: 20 jobs submitted; 10 completed, 10 failed.\n"


@pytest.mark.slow
async def test_jobs_are_read_as_they_are_submitted() -> None:
    """Check that ten thousand jobs take no more memory than those of one request."""
    read = most = 0

    def lines() -> Iterator[bytes]:
        nonlocal read
        for _ in range(10_000):
            read += 1
            yield b"true\n"

    class Service:
        """Gives ids in requests of ``chunk``, as the client does."""

        async def submit_many(
            self, jobs: Iterator[Any], *, chunk: int, group: None, idempotency_key: str
        ) -> AsyncIterator[BulkItem]:
            nonlocal most
            assert idempotency_key
            assert group is None
            index = 0
            while some := list(itertools.islice(jobs, chunk)):
                most = max(most, read - index)
                for _ in some:
                    yield BulkItem(index, "f1")
                    index += 1

    arguments = argparse.Namespace(
        wait=False, quiet=True, no_progress=True, idempotency_key=None, group=None
    )
    items = batch.read(cast("IO[bytes]", lines()), {})
    assert await batch.submit(cast("AsyncClient", Service()), items, None, arguments) == 0
    assert read == 10_000
    assert most <= 500


def test_the_rate_of_what_is_done_is_over_all_of_its_time() -> None:
    now = [0.0]
    with Progress(get_time=lambda: now[0], disable=True) as progress:
        bar = progress.add_task("submitted", total=300)
        now[0] = 2.0
        progress.advance(bar, 299)
        now[0] = 2.001
        progress.advance(bar, 1)
        assert Rate().render(progress.tasks[0]).plain == "150 jobs/s"


def test_a_bar_with_rates_only_at_a_terminal(run: Program) -> None:
    with terminal(run, "bulk", "--quiet", "--wait", "--copies=30", "true") as shown:
        status, seen = shown.end()
    assert status == 0
    assert "jobs/s" in seen
    assert "30/30" in seen
    assert "30 jobs submitted; 30 completed, 0 failed." in seen


def test_ids_pass_above_the_bar(run: Program) -> None:
    with terminal(run, "bulk", "--copies=3", "true") as shown:
        status, seen = shown.end()
    assert status == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert len(re.findall(r"(?<=[\r\n])f[1-9A-HJ-NP-Za-km-z]+(?=\r?\n)", plain)) == 3


def test_the_same_key_submits_none_twice(run: Program) -> None:
    words = ("bulk", "--urgency=hold", "--idempotency-key=a key")
    first = run(*words, input="echo one\necho two\n").lines
    more = run(*words, input="echo one\necho two\necho three\n").lines
    assert (len(first), more[:2], len(more)) == (2, first, 3)
    run.ok("cancel", *more)


def test_a_repeated_command_counts_jobs_that_have_ended_before(run: Program) -> None:
    words = ("bulk", "--wait", "--idempotency-key=ended before")
    lines = "true\nfalse\n"
    first = run(*words, input=lines)
    more = run(*words, input=f"{lines}true\n")
    assert (more.status, more.lines[:2]) == (1, first.lines)
    assert more.err == "fluxapi: 3 jobs submitted; 2 completed, 1 failed.\n"


async def test_a_repeated_command_asks_for_jobs_whose_events_have_passed() -> None:
    """Check each kind of job: ended, ending, failing, purged, ended meanwhile and to end."""
    events: asyncio.Queue[Event] = asyncio.Queue()

    def job(jobid: str, **given: Any) -> Job:
        return Job(id=jobid, status="", **given)

    async def stream() -> AsyncIterator[Event]:
        while True:
            yield await events.get()
            events.task_done()

    class Service:
        async def get_many(self, ids: list[str]) -> FoundJobs:
            assert ids == ["f1", "f2", "f3", "f4", "f5", "f6"]
            failing = JobException(occurred=True, severity=0)
            await events.put(Event("f5", "clean", 0.0, 9, None))
            await events.join()
            await events.put(Event("f6", "finish", 0.0, 8, {"status": 256}))
            await events.put(Event("f6", "clean", 0.0, 9, None))
            jobs = [
                job("f1", state="INACTIVE", success=False),
                job("f2", state="CLEANUP"),
                job("f3", state="RUN", exception=failing),
                job("f5", state="RUN", exception=JobException(occurred=False)),
                job("f6", state="SCHED"),
            ]
            return FoundJobs(jobs, ["f4"], "")

        async def wait(self, jobid: str) -> Job:
            return job(jobid, state="INACTIVE", success=jobid == "f2")

    flux = cast("AsyncClient", Service())
    async with batch.Tracker(flux, cast("Any", stream()), batch.NoBar(), resumed=True) as tracker:
        # The event that says how it ended was before the stream.
        await events.put(Event("f1", "clean", 0.0, 9, None))
        for jobid in ("f1", "f2", "f3", "f4", "f5", "f6"):
            tracker.expect(jobid)
        await asyncio.wait_for(tracker.finish(), 10)
    assert (tracker.failed, tracker.purged) == (3, 1)


def test_an_interrupted_wait_says_how_to_continue(run: Program, tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("sleep 600\n", encoding="utf-8")
    words = ("bulk", "--wait", "--idempotency-key=waits", str(tmp_path / "jobs"))
    with run.start(*words) as process:
        assert process.stdout is not None
        jobid = process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        told = process.stderr.read()
    run.ok("cancel", jobid)
    assert process.returncode == 130
    assert "1 job submitted" in told
    assert "to continue, repeat the command with --idempotency-key=waits\n" in told
    again = run(*words)
    assert (again.status, again.lines) == (1, [jobid])
    assert again.err == "fluxapi: 1 job submitted; 0 completed, 1 failed.\n"


def test_the_key_to_continue_with_is_printed(tmp_path: Path) -> None:
    nowhere = Program("http://127.0.0.1:1", tmp_path)
    done = nowhere("bulk", "--retries=0", "--idempotency-key=a key", input="true\n")
    assert done.status == 3
    assert "0 jobs submitted so far" in done.err
    assert "--idempotency-key='a key'" in done.err


def test_a_command_says_what_it_waits_for(tmp_path: Path) -> None:
    done = Program("http://127.0.0.1:1", tmp_path)("jobs", "--retries=2")
    waits, gives_up = done.err.splitlines()
    assert "Cannot connect to http://127.0.0.1:1" in waits
    assert re.search(r"Retrying for [0-9]+ s\.$", waits)
    assert (done.status, "Retrying" in gives_up) == (3, False)
