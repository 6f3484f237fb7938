"""Starts one process of a job: in its own session, with its own limits and PATH."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

__all__ = ["GATE_TIMEOUT_S", "Command", "exit_fd", "find_program", "limits", "spawn", "watched"]

_DEFAULT_PATH = "/bin:/usr/bin"
"""The search path of execvp(3) without PATH."""

_RLIMITS = {
    "cpu": "CPU",
    "fsize": "FSIZE",
    "data": "DATA",
    "stack": "STACK",
    "core": "CORE",
    "nofile": "NOFILE",
    "ofile": "NOFILE",
    "as": "AS",
    "rss": "RSS",
    "nproc": "NPROC",
    "memlock": "MEMLOCK",
    "msgqueue": "MSGQUEUE",
    "nice": "NICE",
    "rtprio": "RTPRIO",
    "rttime": "RTTIME",
    "sigpending": "SIGPENDING",
}
_GATE = ["/bin/sh", "-c", 'kill -STOP $$; exec "$@"', "sh"]

GATE_TIMEOUT_S = 5.0
"""Time in which the gate must stop itself. A library that ``LD_PRELOAD`` names may keep it."""

_EXPOSURE, _MAX_EXPOSURE = 500, 1000
"""By how much more than the service a process of a job counts, see proc_pid_oom_score_adj(5)."""

_MAX_EXPOSED = 1000
"""Processes of a job that may have started before its first one is exposed."""

_MIN_PAUSE_S, _MAX_PAUSE_S = 0.0005, 0.02


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start: arguments, environment, directory, descriptors 0 to 2, soft limits."""

    argv: list[str]
    environment: Mapping[str, str]
    cwd: str | None
    stdin: int
    stdout: int
    stderr: int
    limits: Mapping[int, int]


def limits(wanted: Mapping[str, object]) -> dict[int, int]:
    """Return the soft limits of the shell option ``rlimit`` that differ from this process's own.

    −1 means no limit; the hard limit is the maximum (``src/shell/rlimit.c``). Raises ``ValueError``
    for an invalid limit.
    """
    changed = {}
    for name, value in wanted.items():
        number = getattr(resource, f"RLIMIT_{_RLIMITS.get(name, '?')}", None)
        if number is None or isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"invalid shell option rlimit.{name}={value}")
        soft, hard = resource.getrlimit(number)
        new = value if value >= 0 else resource.RLIM_INFINITY
        if hard != resource.RLIM_INFINITY and (new == resource.RLIM_INFINITY or new > hard):
            new = hard
        if new != soft:
            changed[number] = min(new, 2**63 - 1)
    return changed


def find_program(name: str, environment: Mapping[str, str], cwd: str | None) -> str:
    """Return the file to execute for *name*, as execvp(3) does; raise ``OSError``."""
    if "/" in name:
        return name
    path = environment.get("PATH", _DEFAULT_PATH)
    return _search(name, path, cwd or os.getcwd(), int(time.monotonic()))  # noqa: PTH109 - str


@lru_cache(maxsize=256)
def _search(name: str, path: str, cwd: str, _second: int) -> str:
    """Search a PATH; the result is cached for the rest of the second."""
    candidates = [os.path.join(cwd, folder, name) for folder in path.split(":")]  # noqa: PTH118 - str
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and not os.path.isdir(candidate):  # noqa: PTH112 - str
            return candidate
    failure = errno.EACCES if any(map(os.path.exists, candidates)) else errno.ENOENT
    raise OSError(failure, os.strerror(failure))


def spawn(command: Command) -> int:
    """Start *command* and return its process ID, which is also its session; raise ``OSError``."""
    program = find_program(command.argv[0], command.environment, command.cwd)
    try:
        return _start(command, command.argv, program)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
    # A script without #! runs in the shell, as with execvp(3).
    return _start(command, ["sh", program, *command.argv[1:]], "/bin/sh")


def _start(command: Command, argv: list[str], program: str) -> int:
    if command.limits:
        # Limits are set on the stopped process before it executes the program: a hook between fork
        # and exec is not safe with threads, and the limits of the service must not change.
        _check_executable(program, command.cwd)
        pid = _popen(command, [*_GATE, program, *argv[1:]], _GATE[0])
        _await_stop(pid)
        for number, soft in command.limits.items():
            # Flux logs limits that the system rejects, and continues.
            with contextlib.suppress(OSError, ValueError):
                resource.prlimit(pid, number, (soft, resource.getrlimit(number)[1]))
        os.kill(pid, signal.SIGCONT)
        return pid
    return _popen(command, argv, program)


def _await_stop(pid: int) -> None:
    """Return when a process has stopped itself, or has exited; raise ``OSError`` if it does not."""
    deadline = time.monotonic() + GATE_TIMEOUT_S
    pause = _MIN_PAUSE_S
    awaited = os.WSTOPPED | os.WEXITED | os.WNOWAIT | os.WNOHANG
    while os.waitid(os.P_PID, pid, awaited) is None:
        if time.monotonic() > deadline:
            _end(pid)
            raise OSError(errno.ETIME, os.strerror(errno.ETIME))
        time.sleep(pause)
        pause = min(2 * pause, _MAX_PAUSE_S)


def _check_executable(program: str, cwd: str | None) -> None:
    path = os.path.join(cwd or os.getcwd(), program)  # noqa: PTH109,PTH118 - as above
    if not os.path.exists(path):  # noqa: PTH110
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if not os.access(path, os.X_OK) or os.path.isdir(path):  # noqa: PTH112
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _popen(command: Command, argv: list[str], program: str) -> int:
    # Bytes, so that the result does not depend on the locale of the service.
    process = subprocess.Popen(  # noqa: S603 - running jobs is the purpose
        [word.encode() for word in argv],
        executable=program.encode(),
        stdin=command.stdin,
        stdout=command.stdout,
        stderr=command.stderr,
        env={name.encode(): value.encode() for name, value in command.environment.items()},
        cwd=command.cwd,
        start_new_session=True,
    )
    _expose(process.pid)
    # The engine waits for the process; without this, the object would on garbage collection.
    process.returncode = 0
    return process.pid


def _expose(pid: int) -> None:
    """Let the kernel end a process of a job rather than the service if there is no memory left.

    It ends the largest process otherwise, which is the service if a job has many small ones. The
    processes that it has started since then have inherited nothing; later ones will.
    """
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            fd = os.open(f"/proc/{one}/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, _exposure())
            finally:
                os.close(fd)
            if len(found) < _MAX_EXPOSED:
                found += _children(one)


def _children(pid: int) -> list[int]:
    tasks = Path("/proc", str(pid), "task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_bytes().split()]


@lru_cache(maxsize=1)
def _exposure() -> bytes:
    own = int(Path("/proc/self/oom_score_adj").read_bytes())
    return b"%d" % min(own + _EXPOSURE, _MAX_EXPOSURE)


def watched(pid: int) -> int:
    """Return the :func:`exit_fd` of a process that was just started.

    If there can be none, the process is ended: its job fails, and nobody else would do so.
    """
    try:
        return exit_fd(pid)
    except BaseException:
        _end(pid)
        raise


def _end(pid: int) -> None:
    """Kill a process that was just started, with its group, and reap it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    try:
        # It may be stuck in the kernel.
        threading.Thread(target=os.waitpid, args=(pid, 0), daemon=True).start()
    except RuntimeError:
        # Jobs have all threads that the user may have.
        os.waitpid(pid, 0)


def exit_fd(pid: int) -> int:
    """Return a descriptor that is readable once the process has exited; the caller closes it.

    Raises:
        OSError: There are too many descriptors.
        RuntimeError: A thread is needed, and none can be started.
    """
    try:
        return os.pidfd_open(pid)
    except OSError:
        # Old kernels and some sandboxes have no pidfd, so a thread waits.
        reader, writer = os.pipe()
        try:
            threading.Thread(target=_wait, args=(pid, writer), daemon=True).start()
        except RuntimeError:
            os.close(reader)
            os.close(writer)
            raise
        return reader


def _wait(pid: int, writer: int) -> None:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    finally:
        os.close(writer)
