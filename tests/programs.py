"""Programs of fluxapi that tests start: by a fork of one that has imported everything, if possible.

So a command takes 20 ms of a processor instead of 200, and a service 100 ms instead of 600. The
program is the same: it has a process of its own, with its environment, streams and exit status. A
test that depends on more, such as the command line in ``/proc`` or the memory of a new interpreter,
starts one with :mod:`subprocess`.

A client connects to the socket of the server (:mod:`tests.fork_server`) and sends, with its three
standard streams: a kind, a directory, the number of words, the words (the first is a module), and
the environment. The server answers with the ID of the process, or with 0 if a new interpreter
would start in another way. The kinds: ``child`` (the client becomes the parent), ``terminal``
(likewise; standard input is the terminal of a new session), ``watched`` (the server also sends the
exit status, and ends the program if the client goes).

The commands that Flux has in Python are forked likewise, from one that has imported its bindings
(:mod:`tests.flux_server`): 30 ms instead of 130. The first word of a request is the command.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import socket
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["can_fork", "close", "server_path", "start", "start_flux", "start_new"]

_ROOT = Path(__file__).parent.parent
_PR_SET_CHILD_SUBREAPER = 36
_STREAM_OPTIONS = {"stdin", "stdout", "stderr", "text", "encoding", "errors", "bufsize", "cwd"}

_OF_FLUX = [
    "alloc",
    "batch",
    "bulksubmit",
    "cancel",
    "jobs",
    "pgrep",
    "pkill",
    "pstree",
    "python",
    "queue",
    "resource",
    "run",
    "submit",
    "update",
    "uri",
    "watch",
]
"""The commands of Flux that are programs in Python, and the one that runs a text as such."""

_lock = threading.Lock()
_starting = threading.Lock()
"""Held while a server starts, so that two programs that start at once use the same."""


def start(
    module: str,
    *words: str,
    env: Mapping[str, str],
    terminal: bool = False,
    **options: Any,
) -> subprocess.Popen[Any]:
    """Start ``python -m MODULE WORDS``.

    Args:
        module: The module to run.
        words: Its arguments.
        env: Its environment.
        terminal: Make standard input the terminal of a new session.
        options: The streams and other options of :class:`subprocess.Popen`.
    """
    command = [sys.executable, "-m", module, *words]
    kind = _Forked if can_fork() and options.keys() <= _STREAM_OPTIONS else subprocess.Popen
    if terminal:
        options |= {"start_new_session": True, "preexec_fn": _take_terminal}
    return kind(command, env=env, **options)


def start_flux(
    command: str, *words: str, env: Mapping[str, str], **options: Any
) -> subprocess.Popen[Any]:
    """Start ``flux COMMAND WORDS`` with the streams of *options*."""
    can = can_fork() and command in _OF_FLUX and options.keys() <= _STREAM_OPTIONS
    kind = _ForkedFlux if can else subprocess.Popen
    return kind(["flux", command, *words], env=env, **options)


def start_new(
    module: str, *words: str, env: Mapping[str, str], **options: Any
) -> subprocess.Popen[Any]:
    """Start ``python -m MODULE WORDS`` with a new interpreter."""
    return subprocess.Popen([sys.executable, "-m", module, *words], env=env, **options)


def server_path() -> str:
    """Return the path of the server's socket; empty where programs cannot be forked."""
    if not can_fork():
        return ""
    with _starting:
        return _server()[1]


def close() -> None:
    """End the servers of this process, if there are any."""
    for server in (_server, _flux_server):
        if server.cache_info().currsize:
            process, path = server()
            process.communicate()
            Path(path).unlink()
            Path(path).parent.rmdir()
            server.cache_clear()


def can_fork() -> bool:
    """Return whether this system can, and nobody measures what the programs run."""
    return sys.platform == "linux" and not any(name.startswith("COV") for name in os.environ)


@functools.cache
def _server() -> tuple[subprocess.Popen[bytes], str]:
    # aiohttp reads the certificates of the system when it is imported.
    own = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
    return _serve([sys.executable, "-m", "tests.fork_server"], {**os.environ, **own})


@functools.cache
def _flux_server() -> tuple[subprocess.Popen[bytes], str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FLUX")}
    return _serve(["flux", "python", "-m", "tests.flux_server"], environ)


def _serve(command: list[str], environ: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server; return its process and the path of its socket."""
    path = str(Path(tempfile.mkdtemp(prefix="fork-")) / "socket")
    process = subprocess.Popen(
        [*command, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, env=environ
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"\n"
    return process, path


def _adopt(is_adopting: bool) -> None:
    """Become, or cease to be, the parent of orphans below this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, is_adopting, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


class _Forked(subprocess.Popen[Any]):
    """A child of this process that the server has made."""

    _server = staticmethod(_server)
    _first_word = 2
    """The index of the first word of the request: after ``python -m``."""

    def _execute_child(self, command: list[str], *rest: Any) -> None:
        """Take the place of the method of the base class, which forks and executes."""
        folder, environ, pipes = rest[4], rest[5], rest[9:15]
        # The ends for the program, in the order of the base class.
        ends = [pipes[0], pipes[3], pipes[5]]
        streams = [number if end == -1 else end for number, end in enumerate(ends)]
        words = command[self._first_word :]
        request = [
            "child" if rest[1] is None else "terminal",
            os.fspath(folder or Path.cwd()),
            str(len(words)),
            *words,
            *(f"{name}={value}" for name, value in environ.items()),
        ]
        with _starting:
            _, path = self._server()
        pid = _ask(path, b"\0".join(map(os.fsencode, request)), streams)
        if pid:
            self.pid = pid
            self._child_created = True
            self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]
            return
        super()._execute_child(command, *rest)  # type: ignore[misc]


class _ForkedFlux(_Forked):
    """A command of Flux that the server of its bindings has made."""

    _server = staticmethod(_flux_server)
    _first_word = 1


def _ask(path: str, request: bytes, streams: list[int]) -> int:
    """Return the ID of a new child, or 0."""
    with _lock, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(path)
        _adopt(True)
        try:
            socket.send_fds(connection, [request], streams)
            pid = int(connection.recv(64))
            connection.recv(1)  # the server closes it once the program is an orphan
            return pid
        finally:
            _adopt(False)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
