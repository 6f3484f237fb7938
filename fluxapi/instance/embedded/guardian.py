"""Ensures that no job process outlives its job's session or the service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import subprocess
import sys
import time
from concurrent.futures import Executor
from pathlib import Path

from fluxapi.process.background import Worker

from . import sweeper
from .poller import Poller
from .spawn import exit_fd

__all__ = ["Guardian"]

_log = logging.getLogger(__name__)
_SCAN_DELAY_S = 0.2
"""Seconds for which ended sessions are collected before one scan of ``/proc``."""

_MAX_REAP_PAUSE_S = 5.0
"""Longest pause between two attempts to reap a process that is being traced."""

_NOTIFY_DELAY_S = 0.05
"""Seconds for which sessions are collected for the sweeper; shorter sessions are skipped."""

_MAX_LINES = 256
"""Lines that a pipe accepts atomically (PIPE_BUF, pipe(7))."""

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_RESTART_INTERVAL_S = 1.0
"""Seconds between two starts of the sweeper, if it is killed repeatedly."""


_unfinished: list[subprocess.Popen[bytes]] = []
"""Sweepers that went on after the end of their instance, or are traced, until they are reaped."""


class Guardian:
    """The owner of the sweeper process, which also cleans up after ended sessions.

    ``cookie`` is set in the environment of every job process, as :data:`sweeper.COOKIE`.
    """

    def __init__(self, executor: Executor, poller: Poller) -> None:
        self.cookie = secrets.token_hex(16)
        self._executor = executor
        self._poller = poller
        self._rundir = Path()
        self._started = 0.0
        self._exit_fd = -1
        self._restart = Worker("sweeper restart", self._start_again)
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._sessions: set[int] = set()
        self._told: set[int] = set()
        self._telling: asyncio.TimerHandle | None = None
        self._ended: dict[int, float] = {}
        self._scan = Worker("scan for ended sessions", self._scan_soon)
        self._unreaped: set[int] = set()
        self._reap = Worker("reap traced processes", self._reap_later)

    async def start(self, rundir: Path) -> None:
        """Start the sweeper, which removes *rundir* at the end. Raises ``OSError``."""
        self._rundir = rundir
        loop = asyncio.get_running_loop()
        process = await loop.run_in_executor(self._executor, self._spawn, set())
        self._watch(process)

    def _spawn(self, sessions: set[int]) -> subprocess.Popen[bytes]:
        """Start the sweeper with its parameters and *sessions* in its pipe; this blocks.

        *sessions* is cleared if the pipe does not accept them all.
        """
        ended, self._process = self._process, None
        if ended is not None:
            # It has exited, but cannot be reaped while another process traces it.
            _unfinished.append(ended)
            os.close(self._pipe)
            self._pipe = -1
        _reap_unfinished()
        self._started = time.monotonic()
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        self._pipe = writer
        # Before it runs: whenever the service ends, the sweeper knows what to kill.
        self._tell([self.cookie, str(self._rundir)])
        if not self._tell_all([f"+{session}" for session in sessions]):
            sessions.clear()
        try:
            process = subprocess.Popen(  # noqa: S603 - our own file
                [sys.executable, "-I", "-S", str(Path(sweeper.__file__))],
                stdin=reader,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            os.close(writer)
            self._pipe = -1
            raise
        finally:
            os.close(reader)
        self._process = process
        return process

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        self._exit_fd = exit_fd(process.pid)
        self._poller.add(self._exit_fd, self._sweeper_ended)

    def _unwatch(self) -> None:
        if self._exit_fd >= 0:
            self._poller.remove(self._exit_fd)
            os.close(self._exit_fd)
            self._exit_fd = -1

    def _sweeper_ended(self) -> None:
        self._unwatch()
        _log.error("the sweeper has ended; it is restarted")
        self._restart.start()

    async def _start_again(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._started + _RESTART_INTERVAL_S - time.monotonic())
            try:
                told = set(self._sessions)
                process = await loop.run_in_executor(self._executor, self._spawn, told)
                self._watch(process)
            except (OSError, RuntimeError) as error:
                _log.error("the sweeper cannot be started: %s", error)
                if self._process is not None:
                    # If it lived when its pipe is closed for the next one, it would end all jobs.
                    self._process.kill()
                continue
            break
        self._told = told
        self._tell_soon()

    def began(self, session: int) -> None:
        """Add a session that was started."""
        self._sessions.add(session)
        # An ended session may have had the same ID.
        self._ended.pop(session, None)
        self._tell_soon()

    def ended(self, session: int) -> None:
        """Reap the main process of a session, which has exited, and schedule the clean-up.

        A process that is being traced cannot be reaped before its tracer lets it go, and any
        process of the same user may trace it. So this does not wait.
        """
        if not _reap(session):
            self._unreaped.add(session)
            self._reap.start()
        self._ended[session] = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._scan.start()

    async def close(self, timeout: float) -> None:
        """Kill all remaining job processes within *timeout* seconds, and end the sweeper."""
        self._unwatch()
        await self._restart.aclose()
        await self._scan.aclose()
        await self._reap.aclose()
        if self._telling is not None:
            self._telling.cancel()
        # In the thread that starts it, where a canceled start may still be running.
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._finish, timeout)

    def _finish(self, timeout: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        deadline = time.monotonic() + timeout
        if not sweeper.sweep(self.cookie, set(self._sessions), timeout):
            _log.warning("some job processes did not end; the sweeper continues")
        os.close(self._pipe)
        self._pipe = -1
        try:
            process.wait(timeout=max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            _log.warning("the sweeper (process %d) has not ended yet", process.pid)
            _unfinished.append(process)

    def _tell_soon(self) -> None:
        # The delay does no harm, since the cookie identifies almost all processes.
        if self._telling is None:
            loop = asyncio.get_running_loop()
            self._telling = loop.call_later(_NOTIFY_DELAY_S, self._tell_changes)

    def _tell_changes(self) -> None:
        self._telling = None
        new, old = self._sessions - self._told, self._told - self._sessions
        lines = [f"+{session}" for session in new] + [f"-{session}" for session in old]
        if self._tell_all(lines):
            self._told = set(self._sessions)

    def _tell_all(self, lines: list[str]) -> bool:
        return all(
            self._tell(lines[at : at + _MAX_LINES]) for at in range(0, len(lines), _MAX_LINES)
        )

    def _tell(self, lines: list[str]) -> bool:
        try:
            os.write(self._pipe, "".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            # The next change sends it again; repeated lines do no harm.
            _log.warning("the sweeper accepts no input: %s", error)
            return False
        return True

    async def _scan_soon(self) -> None:
        loop = asyncio.get_running_loop()
        while self._ended:
            await asyncio.sleep(_SCAN_DELAY_S)
            ended = dict(self._ended)
            busy = await loop.run_in_executor(self._executor, _kill_remains, ended)
            for session, moment in ended.items():
                if session not in busy and self._ended.get(session) == moment:
                    del self._ended[session]
                    self._sessions.discard(session)
                    self._tell_soon()

    async def _reap_later(self) -> None:
        pause = _SCAN_DELAY_S
        while self._unreaped:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_REAP_PAUSE_S)
            # On the event loop: once it is reaped, a new process may have the same ID.
            self._unreaped = {session for session in self._unreaped if not _reap(session)}


def _reap(process: int) -> bool:
    """Reap a child that has exited; return whether it is gone, without waiting for its tracer."""
    try:
        return os.waitpid(process, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def _reap_unfinished() -> None:
    for process in list(_unfinished):
        if process.poll() is not None:
            with contextlib.suppress(ValueError):  # another instance was faster
                _unfinished.remove(process)


def _kill_remains(ended: dict[int, float]) -> set[int]:
    """Kill members of ended sessions; return the sessions that still had any."""
    busy = set()
    for process in sweeper.processes():
        moment = ended.get(process.session)
        # A younger process belongs to a new session with the same ID.
        if moment is not None and process.start <= moment * _TICKS_PER_S:
            busy.add(process.session)
            sweeper.kill(process.pid)
    return busy
