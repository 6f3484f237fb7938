"""Jobs whose start waits for something: they make no other job wait."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import msgspec
import pytest

from fluxapi.instance.embedded import label_spool, launch_threads, remover, spawn
from fluxapi.instance.embedded.launcher import Launched, Launcher
from tests.instance.embedded.conftest import Starter, start
from tests.instance.embedded.harness import TIMEOUT, Site, shell, spec

__all__ = ["start"]


@pytest.fixture
async def site(start: Starter) -> Site:
    return await start(cores=8)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def waiting(pipe: Path) -> bytes:
    """Return a job with a limit, of which each program waits until somebody writes to *pipe*."""
    jobspec = msgspec.json.decode(shell("exit 3", options={"rlimit": {"nofile": 100}}))
    jobspec["attributes"]["system"]["environment"] = {"LD_PRELOAD": str(pipe)}
    return msgspec.json.encode(jobspec)


async def test_a_job_that_never_gets_its_limits_fails(
    site: Site, pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawn, "GATE_TIMEOUT_S", 0.0)
    jobid = await site.run(waiting(pipe))
    note = site.journal.context(jobid, "exception")["note"]
    assert note.endswith("start failed: sh: Timer expired")
    assert site.journal.context(jobid, "finish") == {"status": 1 << 8}


async def test_a_job_that_waits_for_its_limits_delays_no_other(
    site: Site, pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawn, "GATE_TIMEOUT_S", 600.0)
    bad = await site.submit(waiting(pipe))
    good = await site.run(spec("true"))
    assert "finish" in site.journal.names(good)
    assert "start" not in site.journal.names(bad)
    # The shell that sets the limits goes on, without a library.
    os.close(await asyncio.to_thread(os.open, pipe, os.O_WRONLY))
    await site.journal.wait(bad, "start")
    await site.instance.raise_exception(bad, "cancel", 0)
    await site.journal.wait(bad)


async def test_the_removal_of_what_a_job_has_left_delays_no_start(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    monkeypatch.setattr(remover, "remove_tree", lambda *_: released.wait(TIMEOUT))
    try:
        await site.run(spec("true"))
        await site.run(spec("true"))
    finally:
        released.set()


@pytest.mark.parametrize("options", [{}, {"rlimit": {"nofile": 100}}], ids=["plain", "limits"])
async def test_a_directory_that_does_not_answer_stops_no_other_start(
    site: Site, monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    answered, enter, held = threading.Event(), Launcher._enter, 6

    def enter_late(launcher: Launcher, cwd: str | None, launched: Launched) -> str | None:
        if cwd == "/hung":
            answered.wait(TIMEOUT)
        return enter(launcher, cwd, launched)

    monkeypatch.setattr(Launcher, "_enter", enter_late)
    monkeypatch.setattr(launch_threads, "STUCK_S", 0.05)
    jobspec = msgspec.json.decode(shell("true", options=options))
    jobspec["attributes"]["system"]["cwd"] = "/hung"
    # More than there are threads, with cores for others.
    hung = [await site.submit(msgspec.json.encode(jobspec)) for _ in range(held)]
    try:
        for _ in range(2):
            await site.run(shell("true", options=options))
        assert all("start" not in site.journal.names(jobid) for jobid in hung)
    finally:
        answered.set()
    for jobid in hung:
        await site.journal.wait(jobid)


async def test_a_lack_of_threads_is_waited_out(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begin, lacks = threading.Thread.start, {"fluxapi-launch", "fluxapi-open", "fluxapi-label"}

    def begin_late(thread: threading.Thread) -> None:
        if thread.name in lacks:
            lacks.discard(thread.name)
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", begin_late)
    monkeypatch.setattr(launch_threads, "STUCK_S", 0.05)
    monkeypatch.setattr(label_spool, "RETRY_PAUSE_S", 0.05)
    await site.run(spec("true"))
    output = {"stdout": {"type": "file", "path": str(tmp_path / "out"), "label": True}}
    await site.run(shell("echo x", options={"output": output}))
    assert (tmp_path / "out").read_text() == "0: x\n"
    assert not lacks
    assert caplog.text.count("no thread can be started: can't start new thread") == 3


async def test_output_is_kept_while_jobs_have_all_threads(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, begin = await start(), threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if "output" in thread.name:
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    jobid = await site.run(shell("seq 1000000"))
    assert len((await site.text(jobid)).splitlines()) == 1_000_000
