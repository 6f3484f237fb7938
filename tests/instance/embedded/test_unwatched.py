"""Processes that cannot be watched, for lack of a descriptor or a thread."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from fluxapi.instance.embedded import guardian, spawn
from tests.waiting import ended, files_show, poll_until

from .harness import Site, alive, shell


async def test_a_process_that_cannot_be_watched_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def fail(pid: int) -> int:
        started.append(pid)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(spawn, "exit_fd", fail)
    jobid = await site.run(shell("sleep 600 & wait"))
    assert "Too many open files" in site.journal.context(jobid, "exception")["note"]
    (pid,) = started

    async def is_gone() -> bool:
        # A process that nobody reaps would stay as a zombie.
        return str(pid) not in await asyncio.to_thread(os.listdir, "/proc")

    await poll_until(is_gone)


async def test_jobs_go_on_while_no_sweeper_can_be_watched(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = site.instance._parts
    assert parts is not None
    pids = tmp_path / "pids"
    await site.submit(shell(f"echo $$ >{pids}; exec sleep 600"))
    await files_show(tmp_path, lambda: pids.exists() and bool(pids.read_text()))
    watched: list[int] = []

    def once(pid: int) -> int:
        watched.append(pid)
        if len(watched) == 1:
            raise RuntimeError("can't start new thread")
        return spawn.exit_fd(pid)

    monkeypatch.setattr(guardian, "exit_fd", once)
    monkeypatch.setattr(guardian, "_RESTART_INTERVAL_S", 0.0)
    first = parts.guardian._process
    assert first is not None
    first.kill()

    async def is_watched() -> bool:
        return len(watched) == 2 and parts.guardian._exit_fd >= 0

    await poll_until(is_watched)
    await ended(watched[0])
    # The one that could not be watched has ended nothing.
    assert alive(int(pids.read_text()))
