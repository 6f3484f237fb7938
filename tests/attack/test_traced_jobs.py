"""Jobs whose processes are traced: only their tracer can collect them when they have ended."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from fluxapi.exec_hook import command
from fluxapi.instance.embedded import execution
from tests.instance.embedded.conftest import Starter, start
from tests.instance.embedded.harness import Site, spec

__all__ = ["start"]

TRACED = dedent(
    """
    import ctypes, os, select, sys

    SEIZE, ANY_TRACER = 0x4206, ctypes.c_long(-1)
    status, folder = int(sys.argv[1]), sys.argv[2]
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(0x59616D61, ANY_TRACER, 0, 0, 0)
    me, (reader, writer) = os.getpid(), os.pipe()
    if os.fork():
        failure = int(os.read(reader, 9))
        os._exit(status if not failure else 99)
    os.setsid()
    traced = system.ptrace(SEIZE, me, 0, 0)
    os.environ.clear()
    gate = os.open(folder + "/let-go", os.O_RDONLY | os.O_NONBLOCK)
    os.write(writer, b"%d" % (ctypes.get_errno() if traced else 0))
    for descriptor in (0, 1, 2, reader, writer):
        os.close(descriptor)
    if not select.select([gate], [], [], 30)[0]:
        open(folder + "/too-late", "w").close()
    """
)
"""Ends with the status of its first argument, and is traced until a named pipe has some bytes."""

NO_TRACE = 99 << 8


@pytest.fixture
def traced(tmp_path: Path) -> Callable[[int], list[str]]:
    os.mkfifo(tmp_path / "let-go")
    return lambda status: [sys.executable, "-S", "-c", TRACED, str(status), str(tmp_path)]


async def status_of(site: Site, jobid: int) -> int:
    await site.journal.wait(jobid)
    status: int = site.journal.context(jobid, "finish")["status"]
    if status == NO_TRACE:
        pytest.skip("this system lets no process trace another one")
    return status


async def test_others_go_on_while_a_process_that_has_ended_is_traced(
    start: Starter,
    traced: Callable[[int], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(execution, "STATUS_TIMEOUT_S", 0.0)
    site = await start()
    held = await site.submit(spec(*traced(0)))
    await status_of(site, held)
    await status_of(site, await site.submit(spec("true")))
    (tmp_path / "let-go").write_bytes(b"\n")
    assert not (tmp_path / "too-late").exists()


async def test_the_status_is_known_once_the_tracer_lets_go(
    start: Starter, traced: Callable[[int], list[str]], tmp_path: Path
) -> None:
    site = await start()
    held = await site.submit(spec(*traced(7)))
    await site.journal.wait(held, "start")
    await status_of(site, await site.submit(spec("true")))
    (tmp_path / "let-go").write_bytes(b"\n")
    assert await status_of(site, held) == 7 << 8


async def test_a_command_that_has_ended_and_is_traced_can_be_stopped(
    traced: Callable[[int], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_within, has_ended = command._ends_within, threading.Event()

    def told(process: subprocess.Popen[bytes], _timeout: float | None) -> bool:
        ends_within(process, None)
        has_ended.set()
        return True

    monkeypatch.setattr(command, "_ends_within", told)
    hook = command.Command(traced(0), {}, 30.0)
    running = asyncio.get_running_loop().run_in_executor(None, hook.run, b"")
    await asyncio.to_thread(has_ended.wait)
    hook.close()
    assert not (tmp_path / "too-late").exists()
    (tmp_path / "let-go").write_bytes(b"\n")
    await running
