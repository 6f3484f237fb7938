"""The processes of one running job: their output, exits and signals."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import Callable
from functools import partial

from fluxapi.model.output_data import data_context

from .files import LabeledFile
from .guardian import Guardian
from .launcher import Launched, Task
from .output import OutputLog, TextCutter
from .poller import Poller
from .spool import HIGH_WATER_BYTES, Spool

__all__ = ["Execution"]

_CHUNK_BYTES = 1 << 15
"""Bytes read from a pipe at once; base64 or escapes make an entry at most six times as long."""

MAX_LINE_BYTES = 1 << 22
"""A longer labeled line is written in parts, each with a label; Flux's buffer has this size."""

MAX_UNENDED_BYTES = 1 << 25
"""Bytes of incomplete labeled lines of one job; beyond, they are written without their end."""

STATUS_TIMEOUT_S = 5.0
"""Seconds for which the status of a process may be missing, since a debugger holds it."""

_STATUS_PAUSE_S = 0.02

_SIGNALED = 128

_UNKNOWN_STATUS = 1 << 8
"""The wait status of a process of which only the exit is known."""


class Execution:
    """The tasks of one job.

    ``on_exit`` is called with (rank, raw wait status) of each task that exits, ``on_output`` when
    the log has grown, ``on_done`` when all tasks have exited and their output is complete.
    """

    def __init__(  # noqa: PLR0917 - the engine's parts, named where it is called
        self,
        launched: Launched,
        log: OutputLog,
        poller: Poller,
        spool: Spool,
        guardian: Guardian,
        on_exit: Callable[[int, int], None],
        on_output: Callable[[], None],
        on_done: Callable[[], None],
    ) -> None:
        self.log = log
        self._poller = poller
        self._spool = spool
        self._guardian = guardian
        self._on_exit = on_exit
        self._on_output = on_output
        self._on_done = on_done
        self._unclosed = set(launched.labels.values())
        self._running = {task.rank: task for task in launched.tasks}
        self._ended: list[Task] = []
        self._pipes: set[_Pipe] = set()
        self._paused: list[_Pipe] = []
        self._closed = False
        self.unended = 0
        self.verdict: int | None = None
        self._code = 0
        for task in launched.tasks:
            guardian.began(task.pid)
            self._watch(task, launched)

    @property
    def code(self) -> int:
        """The job's exit code: ``verdict`` if set, else the greatest exit code of its tasks."""
        return self._code if self.verdict is None else self.verdict

    @property
    def alive(self) -> bool:
        """True while a task is running."""
        return bool(self._running)

    @property
    def draining(self) -> bool:
        """True if all tasks have exited but another process still has their output open."""
        return not self._running and bool(self._pipes)

    @property
    def has_ended(self) -> bool:
        """True if all tasks have exited and their output is complete, but not all written yet."""
        return self._closed

    def kill(self, signum: int) -> None:
        """Send a signal to the process group of every running task."""
        for task in self._running.values():
            _killpg(task.pid, signum)

    def finish(self) -> None:
        """Read the available output, and then close all pipes, even those that are still open."""
        for pipe in list(self._pipes):
            pipe.drain()

    def abandon(self) -> None:
        """Close all descriptors without calling any callback."""
        for task in self._running.values():
            self._poller.remove(task.exited)
            os.close(task.exited)
        self._running.clear()
        for pipe in list(self._pipes):
            pipe.close()
        self._pipes.clear()
        self._closed = True

    def release(self, released: Callable[[], None]) -> None:
        """Close the labeled files once all lines are written, and then call *released*."""

        def closed(file: LabeledFile) -> None:
            self._unclosed.discard(file)
            if not self._unclosed:
                released()

        for file in self._unclosed:
            self._spool.labels.close(file, partial(closed, file))
        if not self._unclosed:
            released()

    def data(self, stream: str, rank: int, data: bytes) -> None:
        """Append output of a task to the log."""
        if data:
            self.log.write("data", data_context(stream, rank, data))
            self._grown()

    def label(self, file: LabeledFile, data: bytes) -> None:
        """Append labeled lines to an output file."""
        self._spool.labels.write(file, data, self._resume)

    def eof(self, stream: str, rank: int) -> None:
        """Append the end of a task's stream to the log."""
        self.log.write("data", {"stream": stream, "rank": str(rank), "eof": True})
        self._grown()

    def closed(self, pipe: _Pipe) -> None:
        """Note that a pipe has ended."""
        self._pipes.discard(pipe)
        self._check()

    def is_flooded(self, file: LabeledFile | None) -> bool:
        """Return whether a labeled file, or else the log, is too far behind to read more."""
        if file is not None:
            return file.unwritten > HIGH_WATER_BYTES
        return self.log.failure is None and self.log.unflushed > HIGH_WATER_BYTES

    def pause(self, pipe: _Pipe) -> None:
        """Stop reading *pipe* until the file has caught up."""
        self._poller.remove(pipe.fd)
        self._paused.append(pipe)

    def _grown(self) -> None:
        self._spool.log(self.log, self._resume)
        self._on_output()

    def _resume(self) -> None:
        paused, self._paused = self._paused, []
        for pipe in paused:
            if pipe.is_flooded:
                self._paused.append(pipe)
            elif pipe.fd >= 0:
                self._poller.add(pipe.fd, pipe.read)

    def _watch(self, task: Task, launched: Launched) -> None:
        for stream, fd in (("stdout", task.stdout), ("stderr", task.stderr)):
            if fd >= 0:
                pipe = _Pipe(self, fd, stream, task.rank, launched.labels.get(stream))
                self._pipes.add(pipe)
                self._poller.add(fd, pipe.read)
        self._poller.add(task.exited, lambda: self._exited(task))

    def _exited(self, task: Task, waited: float = 0.0) -> None:
        if self._running.get(task.rank) is not task:
            return  # It was abandoned.
        self._poller.remove(task.exited)
        status = _wait_status(task.pid)
        if status is None and waited < STATUS_TIMEOUT_S:
            loop = asyncio.get_running_loop()
            loop.call_later(_STATUS_PAUSE_S, self._exited, task, waited + _STATUS_PAUSE_S)
            return
        os.close(task.exited)
        if status is None:
            status = _UNKNOWN_STATUS
        del self._running[task.rank]
        self._ended.append(task)
        self._code = max(self._code, exit_code(status))
        if not self._running:
            self._reap()
        self._on_exit(task.rank, status)
        self._check()

    def _reap(self) -> None:
        # Until they are reaped, no other process can get their IDs or group IDs.
        for task in self._ended:
            _killpg(task.pid, signal.SIGKILL)
        for task in self._ended:
            self._guardian.ended(task.pid)

    def _check(self) -> None:
        if not self._running and not self._pipes and not self._closed:
            self._closed = True
            self._on_done()


class _Pipe:
    """The service's end of one standard stream of one task."""

    __slots__ = ("_cutter", "_execution", "_file", "_line", "_rank", "_stream", "fd")

    def __init__(
        self, execution: Execution, fd: int, stream: str, rank: int, file: LabeledFile | None
    ) -> None:
        self.fd = fd
        self._execution = execution
        self._stream = stream
        self._rank = rank
        self._file = file
        self._cutter = TextCutter()
        self._line = bytearray()

    @property
    def is_flooded(self) -> bool:
        """Return whether the file of the output is too far behind to read more."""
        return self._execution.is_flooded(self._file)

    def read(self) -> None:
        """Read one chunk; the poller calls this again if there is more."""
        if self.is_flooded:
            # Before the read: each of thousands of pipes would add a chunk otherwise.
            self._execution.pause(self)
            return
        try:
            data = os.read(self.fd, _CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end()
            return
        self._emit(data)

    def drain(self) -> None:
        """Read the available data and close the pipe.

        A process may go on writing, so no more is read than the pipe can hold.
        """
        left = fcntl.fcntl(self.fd, fcntl.F_GETPIPE_SZ)
        while left > 0:
            try:
                data = os.read(self.fd, _CHUNK_BYTES)
            except OSError:
                break
            if not data:
                break
            self._emit(data)
            left -= len(data)
        self._end()

    def close(self) -> None:
        """Close the descriptor."""
        if self.fd >= 0:
            self._execution._poller.remove(self.fd)  # noqa: SLF001 - two halves of one thing
            os.close(self.fd)
            self.fd = -1

    def _emit(self, data: bytes) -> None:
        if self._file is None:
            self._execution.data(self._stream, self._rank, self._cutter.feed(data))
            return
        *ended, rest = data.split(b"\n")
        if ended:
            ended[0] = self._rest() + ended[0]
            label = b"%d: " % self._rank
            self._execution.label(self._file, b"".join(label + line + b"\n" for line in ended))
        self._line += rest
        self._execution.unended += len(rest)
        if len(self._line) >= MAX_LINE_BYTES or self._execution.unended > MAX_UNENDED_BYTES:
            self._write_rest()

    def _rest(self) -> bytes:
        rest = bytes(self._line)
        self._line.clear()
        self._execution.unended -= len(rest)
        return rest

    def _write_rest(self) -> None:
        if self._line and self._file is not None:
            self._execution.label(self._file, b"%d: " % self._rank + self._rest())

    def _end(self) -> None:
        self.close()
        if self._file is None:
            self._execution.data(self._stream, self._rank, self._cutter.rest())
            self._execution.eof(self._stream, self._rank)
        else:
            self._write_rest()
        self._execution.closed(self)


def exit_code(status: int) -> int:
    """Return the exit code of Flux's shell for a wait status: 128 + signal for a signal."""
    if os.WIFSIGNALED(status):
        return _SIGNALED + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def _wait_status(pid: int) -> int | None:
    """Return the wait status of an exited child, without reaping it.

    The return value is ``None`` as long as another process traces it, and has it first.
    """
    try:
        info = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return _UNKNOWN_STATUS  # Another caller took its status.
    if info is None:
        return None
    if info.si_code == os.CLD_EXITED:
        return int(info.si_status) << 8
    return int(info.si_status)


def _killpg(group: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)
