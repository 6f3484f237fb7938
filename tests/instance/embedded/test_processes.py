"""The environment of a job's processes, and their end with the job."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from fluxapi.instance.embedded import guardian, spawn, sweeper
from fluxapi.model.jobid import encode_f58
from tests.waiting import ended, files_show, poll_until

from .conftest import Starter
from .harness import Site, alive, shell, spec

SERVICE = """
import asyncio, sys
from pathlib import Path
from fluxapi.instance.embedded import EmbeddedInstance
from fluxapi.instance.protocol import Submission

async def main():
    statedir = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    instance = EmbeddedInstance(cores=4, statedir=statedir)
    await instance.start()
    jobspecs = sys.argv[1].split("\\n")
    await instance.submit([Submission(jobspec.encode()) for jobspec in jobspecs])
    async for batch in instance.changes():
        for message in batch:
            names = [event.name for event in getattr(message, "events", ())]
            if "start" in names:
                print(message.id, flush=True)
            if "clean" in names:
                print("ended", message.id, flush=True)

asyncio.run(main())
"""
"""Runs the jobspecs of its first argument, a line each; prints the IDs as they start and end."""


async def test_the_environment_is_the_jobspecs_and_fluxs(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_TOKEN", "secret")
    jobid = await site.run(spec("env", environment={"PATH": "/usr/bin:/bin", "MINE": "é"}))
    lines = dict(line.split("=", 1) for line in (await site.text(jobid)).splitlines())
    f58 = encode_f58(jobid)
    assert lines.pop("FLUX_JOB_COOKIE")
    assert Path(lines.pop("FLUX_JOB_TMPDIR")).name == f"jobtmp-0-{f58}"
    assert lines == {
        "PATH": "/usr/bin:/bin",
        "MINE": "é",
        "FLUX_JOB_ID": f58,
        "FLUX_JOB_ID_PATH": f"/{f58}",
        "FLUX_JOB_SIZE": "1",
        "FLUX_JOB_NNODES": "1",
        "FLUX_TASK_LOCAL_ID": "0",
        "FLUX_TASK_RANK": "0",
    }


async def test_the_directory(site: Site, tmp_path: Path) -> None:
    jobid = await site.run(spec("pwd", cwd=str(tmp_path)))
    assert await site.text(jobid) == f"{tmp_path}\n"


async def test_the_kernel_ends_jobs_before_the_service(site: Site) -> None:
    own = int(await asyncio.to_thread(Path("/proc/self/oom_score_adj").read_text))
    # With a limit, the program starts after its exposure is set.
    options = {"rlimit": {"nofile": 100}}
    jobid = await site.run(spec("cat", "/proc/self/oom_score_adj", options=options))
    assert int(await site.text(jobid)) == min(own + 500, 1000)


async def test_the_kernel_ends_processes_that_a_job_has_started_at_once() -> None:
    own = int(await asyncio.to_thread(Path("/proc/self/oom_score_adj").read_text))
    # Its input is not that of a process in the background.
    script = "exec 3<&0; (echo ready; read line <&3; cat /proc/self/oom_score_adj) & wait"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("sh", "-c", script, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    await asyncio.to_thread(spawn._expose, process.pid)
    process.stdin.write(b"\n")
    process.stdin.close()
    assert int(await process.stdout.readline()) == min(own + 500, 1000)
    assert await process.wait() == 0


async def test_a_missing_directory_is_tmp_and_a_log_entry(site: Site) -> None:
    jobid = await site.run(spec("pwd", cwd="/no/such/directory"))
    assert await site.text(jobid) == "/tmp\n"  # noqa: S108 - where Flux goes
    [log] = [event for event in await site.output(jobid) if event.name == "log"]
    assert log.context is not None
    assert "Could not change dir to /no/such/directory" in log.context["message"]


async def test_the_temporary_directory_is_there_and_then_gone(site: Site) -> None:
    jobid = await site.run(shell('touch "$FLUX_JOB_TMPDIR/file" && echo "$FLUX_JOB_TMPDIR"'))
    tmpdir = Path((await site.text(jobid)).strip())
    await files_show(tmpdir.parent, lambda: not tmpdir.exists())


@pytest.mark.parametrize(
    ("encoding", "data"), [("utf-8", "héllo"), ("base64", "aMOpbGxv")], ids=["utf-8", "base64"]
)
async def test_stdin_from_the_jobspecs_files(site: Site, encoding: str, data: str) -> None:
    files = {"stdin": {"mode": 0o100600, "encoding": encoding, "data": data}}
    options = {"input": {"stdin": {"type": "file", "path": "{{tmpdir}}/stdin"}}}
    jobid = await site.run(spec("cat", files=files, options=options))
    assert await site.text(jobid) == "héllo"


async def test_files_stay_in_the_temporary_directory(site: Site) -> None:
    files = {"../escape": {"mode": 0o600, "encoding": "utf-8", "data": "x"}}
    jobid = await site.run(spec("true", files=files))
    assert "temporary directory" in site.journal.context(jobid, "exception")["note"]


async def test_stdin_is_empty_by_default(site: Site) -> None:
    jobid = await site.run(spec("cat"))
    assert site.journal.context(jobid, "finish") == {"status": 0}


async def test_a_missing_input_file(site: Site) -> None:
    options = {"input": {"stdin": {"type": "file", "path": "/no/such/file"}}}
    jobid = await site.run(spec("cat", options=options))
    note = site.journal.context(jobid, "exception")["note"]
    assert note == "error opening input file '/no/such/file': No such file or directory"


async def test_output_files(site: Site, tmp_path: Path) -> None:
    options = {"output": {"stdout": {"type": "file", "path": "out.{{id}}.{{name}}"}}}
    jobspec = shell("echo out; echo err >&2", cwd=str(tmp_path), options=options)
    jobid = await site.run(jobspec)
    path = tmp_path / f"out.{encode_f58(jobid)}.sh"
    assert path.read_text() == "out\nerr\n"
    redirects = [event.context for event in await site.output(jobid) if event.name == "redirect"]
    assert redirects == [
        {"stream": "stdout", "rank": "0", "path": str(path)},
        {"stream": "stderr", "rank": "0", "path": str(path)},
    ]


async def test_labeled_output_files(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "out"
    options = {"output": {"stdout": {"type": "file", "path": str(path), "label": True}}}
    await site.run(shell("echo a; echo b", tasks=2, options=options))
    await site.written()
    assert sorted(path.read_text().splitlines()) == ["0: a", "0: b", "1: a", "1: b"]


async def test_an_output_file_that_cannot_be_opened(site: Site) -> None:
    options = {"output": {"stdout": {"type": "file", "path": "/no/such/directory/out"}}}
    jobid = await site.run(spec("true", options=options))
    assert site.journal.context(jobid, "exception")["type"] == "exec"
    assert site.journal.context(jobid, "finish") == {"status": 256}


async def test_a_named_pipe_without_a_reader_holds_nobody_up(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    options = {"output": {"stdout": {"type": "file", "path": str(path)}}}
    jobid = await site.run(spec("true", options=options))
    assert "No such device" in site.journal.context(jobid, "exception")["note"]


async def test_limits(site: Site) -> None:
    options = {"rlimit": {"nofile": 77, "core": 0}}
    jobid = await site.run(shell("ulimit -n; ulimit -c", options=options))
    assert await site.text(jobid) == "77\n0\n"


async def test_a_limit_that_does_not_exist(site: Site) -> None:
    jobid = await site.run(spec("true", options={"rlimit": {"patience": 1}}))
    note = site.journal.context(jobid, "exception")["note"]
    assert note == "invalid shell option rlimit.patience=1"


async def test_tags_in_arguments_and_variables(site: Site) -> None:
    options = {"env-expand": {"WHERE": "{{node.cores}}"}}
    jobid = await site.run(
        spec(
            "sh",
            "-c",
            'echo "$0 $WHERE"',
            "{{id}}/{{task.rank}}/{{what}}",
            options=options,
        )
    )
    assert await site.text(jobid) == f"{encode_f58(jobid)}/0/{{{{what}}}} 0\n"


async def test_a_script_without_an_interpreter_runs_in_the_shell(
    site: Site, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text("echo ran $1\n")
    script.chmod(0o755)
    jobid = await site.run(spec(str(script), "well"))
    assert await site.text(jobid) == "ran well\n"


async def test_gpus_are_given_by_number(start: Starter) -> None:
    site = await start(gpus=3)
    jobspec = shell("echo $CUDA_VISIBLE_DEVICES").replace(
        b'"with": [{"type": "core", "count": 1}]',
        b'"with": [{"type": "core", "count": 1}, {"type": "gpu", "count": 2}]',
    )
    jobid = await site.run(jobspec)
    assert await site.text(jobid) == "0,1\n"
    alloc = site.journal.context(jobid, "alloc")
    assert alloc["annotations"]["sched"]["resource_summary"] == "rank0/core0,gpu[0-1]"


async def test_processes_left_in_the_group_are_killed(site: Site) -> None:
    jobid = await site.run(shell("sleep 600 & echo $!"))
    pid = int(await site.text(jobid))
    await ended(pid)


async def test_processes_left_in_other_groups_of_the_session_are_killed(site: Site) -> None:
    jobid = await site.run(shell("set -m; sleep 600 >/dev/null 2>&1 & echo $!"))
    pid = int(await site.text(jobid))
    await ended(pid)


async def test_a_child_that_holds_the_output_does_not_hold_the_job(site: Site) -> None:
    jobid = await site.run(shell("setsid sleep 600 & echo $!"))
    assert site.journal.names(jobid)[-1] == "clean"


async def test_close_ends_what_left_its_session(start: Starter, tmp_path: Path) -> None:
    site = await start()
    path = tmp_path / "pid"
    child = f"setsid sh -c 'echo $$ >{path}; exec sleep 600 >/dev/null 2>&1' &"
    await site.run(shell(f"{child} while [ ! -s {path} ]; do sleep 0.01; done"))
    pid = int(path.read_text())
    assert alive(pid)
    await site.close()
    assert not alive(pid)


async def test_close_ends_running_jobs_and_says_why(start: Starter) -> None:
    site = await start()
    jobid = await site.submit(spec("sleep", "600"))
    await site.journal.wait(jobid, "start")
    await site.instance.close()
    await site.journal.until(lambda: "clean" in site.journal.names(jobid))
    assert "service ended" in site.journal.context(jobid, "exception")["note"]


async def test_nothing_survives_a_service_that_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"setsid sleep 600 & echo $! >>{pids}; env -i sleep 600 & echo $! >>{pids}; wait"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVICE, shell(script).decode()
    )
    try:
        await files_show(
            tmp_path, lambda: pids.exists() and len(pids.read_text().splitlines()) == 2
        )
    finally:
        process.kill()
        await process.wait()
    left = [int(line) for line in pids.read_text().splitlines()]
    await asyncio.gather(*map(ended, left))


def sweepers(parent: int) -> list[int]:
    """Return the sweepers among the children of a process."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_text(encoding="utf-8", errors="replace")
            stat = (place / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if "sweeper.py" in words and int(stat.rpartition(")")[2].split()[1]) == parent:
            found.append(int(place.name))
    return found


async def another_sweeper(parent: int, first: int) -> bool:
    """Return whether a process has a sweeper, and it is not the first one."""
    found = await asyncio.to_thread(sweepers, parent)
    return bool(found) and first not in found


@pytest.mark.parametrize("content", ["nothing", "a file"])
def test_a_sweeper_removes_its_directory_and_loads_little(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    if content == "a file":
        (folder / "file").touch()
    program = f"import runpy, sys; runpy.run_path({sweeper.__file__!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{program}; print('shutil' in sys.modules)"],
        input=f"{uuid.uuid4().hex}\n{folder}\n",
        env={},
        check=True,
        capture_output=True,
        text=True,
    )
    assert not folder.exists()
    assert done.stdout == "False\n"


async def test_a_sweeper_that_goes_on_after_the_instance_is_reaped(
    start: Starter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unfinished: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr(guardian, "_unfinished", unfinished)
    site = await start()
    parts = site.instance._parts
    assert parts is not None
    await parts.guardian.close(0)
    assert "has not ended yet" in caplog.text
    (sweeping,) = unfinished
    await ended(sweeping.pid)
    await start()
    assert not unfinished
    assert sweeping.returncode == 0


async def test_a_sweeper_that_is_traced_is_replaced(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr(guardian, "_unfinished", unfinished)
    site = await start()
    parts = site.instance._parts
    assert parts is not None
    traced = parts.guardian._process
    assert traced is not None
    # Only its tracer could wait for it.
    monkeypatch.setattr(traced, "poll", lambda: None)
    monkeypatch.setattr(traced, "wait", None)
    traced.kill()

    async def is_replaced() -> bool:
        return parts.guardian._process not in {None, traced}

    await poll_until(is_replaced)
    assert unfinished == [traced]
    monkeypatch.undo()
    await asyncio.to_thread(traced.wait)


@pytest.mark.slow
async def test_a_sweeper_that_ended_is_started_again(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"env -i sleep 600 & echo $! >>{pids}; wait"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVICE, shell(script).decode(), stdout=asyncio.subprocess.PIPE
    )
    try:
        await files_show(tmp_path, lambda: pids.exists() and bool(pids.read_text()))
        (first,) = sweepers(process.pid)
        os.kill(first, signal.SIGKILL)
        await poll_until(lambda: another_sweeper(process.pid, first))
    finally:
        process.kill()
        await process.wait()
    # The new one was told of the session as well: this process has no cookie.
    await ended(int(pids.read_text()))
