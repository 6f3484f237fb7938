"""Opens files in places that jobs can write to.

A job runs as the same user as the service and can put anything at any path. The threads that write
and read files serve all jobs, so no path may block them: another process opens the files of jobs,
and the service opens only its own regular files.
"""

from __future__ import annotations

import errno
import os
import re
import select
import socket
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import opener

__all__ = ["LabeledFile", "OpenError", "open_for_job"]

OPEN_TIMEOUT_S = 5.0
"""Timeout of opening the files of a job, for a file system that does not answer."""

_END_TIMEOUT_S = 1.0
_stuck: list[subprocess.Popen[bytes]] = []
"""Killed processes that have not ended."""
_MAX_PATH_BYTES = 4096
_MAX_ANSWER_BYTES = 64
_ANSWER = re.compile(rb"([0-9]{1,4}) ([0-9]{1,4})")


class OpenError(Exception):
    """One file of a list cannot be opened; ``reason`` says why."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


def open_for_job(wanted: Sequence[tuple[str, int]], environment: Mapping[str, str]) -> list[int]:
    """Open the files of a job, given as path and flags, in a process with its *environment*.

    Raises:
        OpenError: A file cannot be opened; then none is open.
    """
    for place, (path, _) in enumerate(wanted):
        if len(_encoded(path)) >= _MAX_PATH_BYTES:
            raise OpenError(place, os.strerror(errno.ENAMETOOLONG))
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = _start(wanted, environment, theirs)
        try:
            return _receive(ours, len(wanted))
        finally:
            process.kill()
            _reap(process)


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Wait for a killed process; leave one that is stuck in the kernel to a later call."""
    _stuck[:] = [other for other in _stuck if other.poll() is None]
    try:
        process.wait(_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        _stuck.append(process)


def _start(
    wanted: Sequence[tuple[str, int]], environment: Mapping[str, str], there: socket.socket
) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-I", "-S", str(Path(opener.__file__))]
    arguments = [word for path, flags in wanted for word in (str(flags).encode(), _encoded(path))]
    return subprocess.Popen(  # noqa: S603 - our own file
        [*program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=there.fileno(),
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=dict(environment),
        start_new_session=True,
    )


def _encoded(path: str) -> bytes:
    # Like the command of a job, independent of the locale of the service.
    return path.encode("utf-8", "surrogateescape")


def _receive(ours: socket.socket, count: int) -> list[int]:
    ready = select.poll()
    ready.register(ours, select.POLLIN)
    if not ready.poll(OPEN_TIMEOUT_S * 1000):
        raise OpenError(0, f"it was not open after {OPEN_TIMEOUT_S:g} seconds")
    answer, descriptors, _, _ = socket.recv_fds(
        ours, _MAX_ANSWER_BYTES, count, socket.MSG_CMSG_CLOEXEC
    )
    failure = _failure(answer, len(descriptors), count)
    if failure is not None:
        for descriptor in descriptors:
            os.close(descriptor)
        raise failure
    for descriptor in descriptors:
        os.set_blocking(descriptor, True)
    return list(descriptors)


def _failure(answer: bytes, opened: int, count: int) -> OpenError | None:
    # A job, which runs as the same user, may have killed the process or forged its answer.
    match = _ANSWER.fullmatch(answer)
    if match is None:
        return OpenError(0, "the process that opens files has ended")
    place, number = int(match[1]), int(match[2])
    if number != opener.NO_ERROR:
        return OpenError(min(place, count - 1), os.strerror(number))
    if opened != count:
        return OpenError(0, os.strerror(errno.EMFILE))
    return None


class LabeledFile:
    """An output file of a job to which the service writes lines, each with its task's rank.

    ``unwritten`` is the number of bytes that wait to be written, ``device`` the number of its file
    system.
    """

    __slots__ = ("_fd", "device", "path", "unwritten")

    def __init__(self, path: str, descriptor: int) -> None:
        """Duplicate *descriptor*; raise ``OSError`` if a write to it could block."""
        mode = os.fstat(descriptor)
        null = os.stat(os.devnull).st_rdev  # noqa: PTH116 - the twin of fstat
        if not stat.S_ISREG(mode.st_mode) and mode.st_rdev != null:
            raise OSError(errno.EINVAL, "lines with labels go into regular files only", path)
        self.path = path
        self.device = mode.st_dev
        self.unwritten = 0
        self._fd = os.dup(descriptor)

    def append(self, data: bytes | bytearray) -> None:
        """Write *data*; this blocks. After the first ``OSError``, further data is ignored."""
        if self._fd < 0:
            return
        rest = bytes(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; this blocks."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)
