"""No job process outlives its job's session, and none outlives the service."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import subprocess
import sys
import time
from concurrent.futures import Executor
from pathlib import Path

from . import sweeper

__all__ = ["Guardian"]

_log = logging.getLogger(__name__)
_SCAN_DELAY = 0.2
"""Seconds over which ended sessions are gathered for one look through ``/proc``."""

_TELL_DELAY = 0.05
"""Seconds over which sessions are gathered before the sweeper is told; short ones are no news."""

_LINES = 256
"""Lines that a pipe takes whole (PIPE_BUF, pipe(7)) or not at all."""

_TICKS = os.sysconf("SC_CLK_TCK")
_CLOSE_PATIENCE = 10.0


class Guardian:
    """The sweeper process, told of every session, and the clean-up of sessions that ended.

    ``cookie`` goes into the environment of every job process, under :data:`sweeper.COOKIE`.
    """

    def __init__(self, executor: Executor) -> None:
        self.cookie = secrets.token_hex(16)
        self._executor = executor
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._sessions: set[int] = set()
        self._told: set[int] = set()
        self._telling: asyncio.TimerHandle | None = None
        self._ended: dict[int, float] = {}
        self._scan: asyncio.Task[None] | None = None

    def start(self, rundir: Path) -> None:
        """Start the sweeper, which removes ``rundir`` at the end; blocks. Raises ``OSError``."""
        reader, self._pipe = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own file
                [sys.executable, "-I", "-S", str(Path(sweeper.__file__))],
                stdin=reader,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(reader)
        os.set_blocking(self._pipe, False)
        self._tell([self.cookie, str(rundir)])

    def began(self, session: int) -> None:
        """A session was started."""
        self._sessions.add(session)
        # The number may have been that of a session that ended.
        self._ended.pop(session, None)
        self._tell_soon()

    def ended(self, session: int) -> None:
        """The main process of a session ended: kill what is left of it, soon."""
        self._ended[session] = time.clock_gettime(time.CLOCK_BOOTTIME)
        if self._scan is None:
            self._scan = asyncio.get_running_loop().create_task(self._scan_soon())

    async def close(self) -> None:
        """Kill every job process there still is, then let the sweeper go."""
        if self._scan is not None:
            self._scan.cancel()
            self._scan = None
        if self._telling is not None:
            self._telling.cancel()
        if self._process is not None:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._finish)

    def _finish(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if not sweeper.sweep(self.cookie, set(self._sessions), _CLOSE_PATIENCE):
            _log.warning("some job processes did not end; the sweeper goes on trying")
        os.close(self._pipe)
        self._pipe = -1
        try:
            process.wait(timeout=_CLOSE_PATIENCE)
        except subprocess.TimeoutExpired:
            _log.warning("the sweeper (process %d) has not ended yet", process.pid)

    def _tell_soon(self) -> None:
        # The cookie finds almost all of them, so it does not matter that this is late.
        if self._telling is None:
            loop = asyncio.get_running_loop()
            self._telling = loop.call_later(_TELL_DELAY, self._tell_changes)

    def _tell_changes(self) -> None:
        self._telling = None
        new, old = self._sessions - self._told, self._told - self._sessions
        lines = [f"+{session}" for session in new] + [f"-{session}" for session in old]
        if all(self._tell(lines[at : at + _LINES]) for at in range(0, len(lines), _LINES)):
            self._told = set(self._sessions)

    def _tell(self, lines: list[str]) -> bool:
        try:
            os.write(self._pipe, "".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            # Told again with the next change; to say a thing twice does no harm.
            _log.warning("the sweeper does not listen: %s", error)
            return False
        return True

    async def _scan_soon(self) -> None:
        loop = asyncio.get_running_loop()
        while self._ended:
            await asyncio.sleep(_SCAN_DELAY)
            ended = dict(self._ended)
            busy = await loop.run_in_executor(self._executor, _kill_remains, ended)
            for session, moment in ended.items():
                if session not in busy and self._ended.get(session) == moment:
                    del self._ended[session]
                    self._sessions.discard(session)
                    self._tell_soon()
        self._scan = None


def _kill_remains(ended: dict[int, float]) -> set[int]:
    """Kill members of ended sessions; the sessions that still had any."""
    busy = set()
    for process in sweeper.processes():
        moment = ended.get(process.session)
        # A younger process belongs to a new session that got the old one's number.
        if moment is not None and process.start <= moment * _TICKS:
            busy.add(process.session)
            sweeper.kill(process.pid)
    return busy
