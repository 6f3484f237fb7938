"""Runs the command of the hook: without a shell, in a session of its own, within a time limit."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, Literal

from fluxapi.process import account

__all__ = ["Command", "Outcome", "environment"]

Outcome = Literal["ok", "failed", "timeout", "unstartable", "stopped"]
"""How a run ended: with status 0, with another one, by its limit, not at all, by the shutdown."""

_GRACE_S = 1.0
"""Time between SIGTERM and SIGKILL."""

_LOOK_INTERVAL_S = 0.02

_INHERITED = ("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "FLUX_URI", "LD_LIBRARY_PATH")
"""Variables that a command gets from the service, besides ``LC_*``; none has a secret."""


class Command:
    """A command that threads run, several at a time; :meth:`close` ends them all."""

    def __init__(
        self, words: Sequence[str], environment: Mapping[str, str], time_limit: float
    ) -> None:
        self._words = list(words)
        self._environment = dict(environment)
        self.time_limit = time_limit
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = threading.Event()

    def run(self, document: bytes) -> Outcome:
        """Run the command with *document* on its standard input, and wait for its end.

        Its output is discarded. After the time limit, it is ended with all its processes.
        """
        with _file_of(document) as source:
            process = self._start(source)
        if not isinstance(process, subprocess.Popen):
            return process
        is_in_time = _ends_within(process, self.time_limit)
        if not is_in_time:
            _send(process, signal.SIGTERM)
            _ends_within(process, _GRACE_S)
        is_stopped = self._closed.is_set()
        if is_stopped or not is_in_time:
            # Processes that the command has started may have survived it.
            _send(process, signal.SIGKILL)
            _ends_within(process, None)
        while (status := self._collect(process)) is None:
            # A process that is being traced stays until its tracer lets it go.
            time.sleep(_LOOK_INTERVAL_S)
        if is_in_time and status == 0:
            return "ok"
        if is_stopped:
            return "stopped"
        return "failed" if is_in_time else "timeout"

    def _collect(self, process: subprocess.Popen[bytes]) -> int | None:
        with self._lock:
            # Until here, its number, which is that of the session, belongs to no other process.
            status = process.poll()
            if status is not None:
                self._running.discard(process)
        return status

    def _start(self, source: IO[bytes]) -> subprocess.Popen[bytes] | Outcome:
        if self._closed.is_set():
            return "stopped"
        try:
            process = subprocess.Popen(  # noqa: S603 - the owner of the service chose it
                self._words,
                env=self._environment,
                stdin=source,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError):
            return "unstartable"
        with self._lock:
            self._running.add(process)
            if self._closed.is_set():
                _send(process, signal.SIGKILL)
        return process

    def close(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Start nothing more, and send a signal to what runs."""
        self._closed.set()
        with self._lock:
            for process in self._running:
                _send(process, number)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the command: of the user, and what *environ* has of no secret."""
    inherited = {
        name: value
        for name, value in environ.items()
        if name in _INHERITED or name.startswith("LC_")
    }
    return {"PATH": os.defpath, **account.environment(), **inherited}


def _file_of(document: bytes) -> IO[bytes]:
    """Return a file without a name from which a command can read *document*.

    Unlike a pipe, it makes no one wait for a command that does not read.
    """
    file: IO[bytes]
    if hasattr(os, "memfd_create"):
        file = os.fdopen(os.memfd_create("event"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(document)
    file.seek(0)
    return file


def _ends_within(process: subprocess.Popen[bytes], timeout: float | None) -> bool:
    """Wait until a process has ended, without collecting it; return whether it has in time."""
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        # This system, or a filter of its calls, does not have it.
        while not _has_ended(process) and (deadline is None or time.monotonic() < deadline):
            time.sleep(_LOOK_INTERVAL_S)
        return _has_ended(process)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))
    finally:
        os.close(descriptor)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, flags) is not None


def _send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the session of a command."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
