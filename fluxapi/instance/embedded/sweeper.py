"""A process that outlives the service and kills the remaining processes of its jobs.

It runs with ``python -I -S`` in a separate session and uses only the standard library. From
standard input it reads the cookie in the environment of job processes, the directory of their
temporary files, and then ``+SID`` and ``-SID`` lines as sessions begin and end. When the service
ends for any reason, the pipe ends; the sweeper then kills all processes that have the cookie or
belong to a session, and removes the directory. (It cannot find a process that has both left its
session and cleared its environment.)
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable

__all__ = ["COOKIE", "Process", "processes", "remove_tree", "sweep"]

COOKIE = "FLUX_JOB_COOKIE"
"""The environment variable that marks the processes of jobs."""

_PR_SET_DUMPABLE = 4
_SWEEP_TIMEOUT_S = 600.0
"""Timeout of killing processes that are stuck in the kernel."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_ENTRIES = 1000
"""Entries of a directory that are read before they are removed."""


class Process:
    """A process (``/proc/PID/stat``, proc(5)): session, state, start in clock ticks since boot."""

    __slots__ = ("pid", "session", "start", "state")

    def __init__(self, pid: int, stat: bytes) -> None:
        # The name, in parentheses, is arbitrary; the fields after the last parenthesis are fixed.
        fields = stat.rpartition(b")")[2].split()
        self.pid = pid
        self.state = fields[0].decode()
        self.session = int(fields[3])
        self.start = int(fields[19])

    @property
    def alive(self) -> bool:
        """False for a zombie."""
        return self.state not in {"Z", "X"}


def processes() -> list[Process]:
    """Return the living processes of this machine that this user may inspect, without this one."""
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - no pathlib: this file starts fast
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        stat = _read(f"/proc/{entry}/stat")
        if stat and (process := Process(int(entry), stat)).alive:
            found.append(process)
    return found


def sweep(cookie: str, sessions: set[int], patience: float = _SWEEP_TIMEOUT_S) -> bool:
    """Kill all processes that have *cookie* or are in *sessions*, until there are none.

    The function blocks and adds to *sessions*. It returns false after *patience* seconds.
    """
    mark = f"{COOKIE}={cookie}".encode()
    deadline = time.monotonic() + patience
    pause = 0.002
    while True:
        here = processes()
        marked = {p.pid for p in here if mark in _read(f"/proc/{p.pid}/environ")}
        # The whole session of a marked process belongs to a job, even without the environment.
        sessions |= {process.session for process in here if process.pid in marked}
        found = [p.pid for p in here if p.pid in marked or p.session in sessions]
        if not found:
            return True
        for pid in found:
            kill(pid)
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


def kill(pid: int) -> None:
    """Send SIGKILL to a process that may have exited already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - no pathlib: this file starts fast
            return file.read()
    except OSError:
        return b""


def _hide_memory() -> None:
    """Keep jobs from reading the cookie: see ``fluxapi.security.secrets.hide_memory``."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def main() -> None:
    """Follow the pipe until it ends, then sweep."""
    _hide_memory()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_IGN)
    cookie = rundir = ""
    sessions: set[int] = set()
    for line in sys.stdin:
        word = line.strip()
        if word.startswith("+"):
            sessions.add(int(word[1:]))
        elif word.startswith("-"):
            sessions.discard(int(word[1:]))
        elif word.startswith("/"):
            rundir = word
        else:
            cookie = word
    if cookie:
        sweep(cookie, sessions)
    if rundir:
        with contextlib.suppress(OSError):
            remove_tree(rundir)


def remove_tree(folder: str, is_over: Callable[[], bool] = lambda: False) -> None:
    """Remove a directory with its content, which a job may have made very large or very deep.

    It has no more than two levels at any time: what is in a directory is moved up. So neither the
    stack nor the length of a path is a limit.

    Raises:
        OSError: Something cannot be removed, or *is_over* has returned true.
    """
    try:
        os.rmdir(folder)  # noqa: PTH106 - no pathlib: this file starts fast
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
    else:
        return  # It is empty after most jobs.
    top = os.open(folder, _DIRECTORY)
    try:
        _Emptying(top, is_over).empty(top)
    finally:
        os.close(top)
    os.rmdir(folder)  # noqa: PTH106 - as above


class _Emptying:
    """The removal of the content of one directory."""

    def __init__(self, top: int, is_over: Callable[[], bool]) -> None:
        self._top = top
        self._is_over = is_over
        self._mark = os.urandom(8).hex()
        self._moved = 0

    def empty(self, folder: int) -> None:
        """Remove the entries of an open directory, or move directories from it to the top."""
        has_changed = True
        while has_changed and not self._is_over():
            has_changed = False
            with os.scandir(folder) as found:
                # A list of all may not fit into memory.
                entries = list(itertools.islice(found, _MAX_ENTRIES))
            for entry in entries:
                if self._is_over():
                    return
                with contextlib.suppress(OSError):
                    self._drop(folder, entry)
                    has_changed = True

    def _drop(self, folder: int, entry: os.DirEntry[str]) -> None:
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.name, dir_fd=folder)
            return
        with contextlib.suppress(OSError):
            os.rmdir(entry.name, dir_fd=folder)
            return
        inner = os.open(entry.name, _DIRECTORY, dir_fd=folder)
        try:
            os.fchmod(inner, 0o700)
            if folder == self._top:
                self.empty(inner)
        finally:
            os.close(inner)
        if folder == self._top:
            os.rmdir(entry.name, dir_fd=folder)
            return
        self._moved += 1
        name = f"{self._mark}-{self._moved}"
        os.rename(entry.name, name, src_dir_fd=folder, dst_dir_fd=self._top)


if __name__ == "__main__":
    main()
