"""A process that has imported fluxapi, and becomes any of its programs by a fork.

Imports are most of the CPU time of a short program. :mod:`tests.programs` starts this process
and describes the requests that it takes on its socket. It ends when its standard input ends.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["MAX_REQUEST_BYTES", "become", "run", "serve", "starts_alike"]

MAX_REQUEST_BYTES = 1 << 17
Program = tuple[list[str], str, dict[str, str]]
"""The words of a program, its directory and its environment."""

Accepts = Callable[[list[str], dict[str, str]], bool]
"""Returns whether a fork can take the place of a new program with these words and environment."""

_STREAMS = 3
_STDERR = 2

_READ_AT_START = ("LANG", "LC_", "LD_", "MALLOC", "PYTHON", "SSL_")
"""The beginnings of variables that an interpreter and its libraries read when they start."""


def _import_programs() -> None:
    """Import what commands and the service import, apart from the bindings of Flux."""
    for package in ("fluxapi.cli.commands", "fluxapi.cli", "fluxapi.client"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")
    for name in ("fluxapi.service", "uvloop"):
        importlib.import_module(name)


def starts_alike(environ: dict[str, str]) -> bool:
    """Return whether a new interpreter would start with *environ* as this one did."""
    ours, theirs = (
        {name: value for name, value in it.items() if name.startswith(_READ_AT_START)}
        for it in (os.environ, environ)
    )
    return ours == theirs


def _text(descriptor: int, name: str, mode: str, errors: str) -> Any:
    """Return a standard stream as the interpreter opens it."""
    raw: Any = io.FileIO(descriptor, mode, closefd=False)
    raw.name = name
    unbuffered = mode == "w" and bool(os.environ.get("PYTHONUNBUFFERED"))
    binary: Any = raw
    if not unbuffered:
        binary = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    stream: Any = io.TextIOWrapper(
        binary,
        sys.stdin.encoding,
        errors,
        line_buffering=descriptor == _STDERR or os.isatty(descriptor),
        write_through=unbuffered,
    )
    stream.mode = mode
    return stream


def _pass_secrets() -> None:
    """Give a service its secrets in a file, as if it had executed itself again without them.

    The environment that ``/proc`` shows of it is that of the server, which never had them.
    """
    from fluxapi.security import secrets  # noqa: PLC0415 - not there for the commands of Flux

    found = {name: os.environ.pop(name) for name in secrets.NAMES if name in os.environ}
    if found:
        descriptor = os.memfd_create("secrets", 0)
        os.write(descriptor, json.dumps(found).encode())
        os.environ[secrets._DESCRIPTOR] = str(descriptor)


def become(folder: str, environ: dict[str, str]) -> None:
    """Give this process what a new one gets from ``exec``, except for its words."""
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None
    time.tzset()
    os.chdir(folder)
    sys.stdin = _text(0, "<stdin>", "r", "strict")
    sys.stdout = _text(1, "<stdout>", "w", "strict")
    sys.stderr = _text(2, "<stderr>", "w", "backslashreplace")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.enable()


def run(program: Callable[[], object]) -> None:
    """Run the program; free no module at its end, since that would copy the server's memory."""
    try:
        program()
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            raise
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            raise end from None
        os._exit((end.code or 0) & 0xFF)


def _watch(pid: int, connection: socket.socket) -> None:
    """Tell the client how its program ends; end the program if the client goes."""
    process = os.pidfd_open(pid)
    ready, _, _ = select.select([process, connection.fileno()], [], [])
    if process not in ready:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if process in ready:
        connection.send(f"{os.waitstatus_to_exitcode(status)}".encode())


def _tell(kind: str, pid: int, connection: socket.socket) -> NoReturn:
    """Tell the client the ID of its program, and end this process between it and the server."""
    try:
        connection.send(f"{pid}".encode())
        if kind == "watched":
            _watch(pid, connection)
    finally:
        os._exit(0)


def _wait_until_adopted(parent: int) -> None:
    """Wait until the client has become the parent of this process, in place of *parent*."""
    with contextlib.suppress(ProcessLookupError):
        process = os.pidfd_open(parent)
        select.select([process], [], [])
        os.close(process)


def _connect(kind: str, streams: list[int]) -> None:
    """Take the streams of the client."""
    for target, source in enumerate(streams):
        os.dup2(source, target)
        os.close(source)
    if kind == "terminal":
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _answer(server: socket.socket, accepts: Accepts) -> Program | None:
    """Answer one request; return the program in the process that is to become it."""
    connection, _ = server.accept()
    with connection:
        data, streams, _, _ = socket.recv_fds(connection, MAX_REQUEST_BYTES, _STREAMS)
        kind, folder, count, *rest = map(os.fsdecode, data.split(b"\0"))
        words, pairs = rest[: int(count)], rest[int(count) :]
        environ = dict(pair.split("=", 1) for pair in pairs)
        if not accepts(words, environ):
            connection.send(b"0")
        elif (middle := os.fork()) == 0:
            server.close()
            parent = os.getpid()
            if (pid := os.fork()) == 0:
                if kind != "watched":
                    _wait_until_adopted(parent)
                _connect(kind, streams)
                return words, folder, environ
            for descriptor in streams:
                os.close(descriptor)
            _tell(kind, pid, connection)
        elif kind != "watched":
            # The program is an orphan now, and the client has become its parent.
            os.waitpid(middle, 0)
    for descriptor in streams:
        os.close(descriptor)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return None


def serve(path: str, accepts: Accepts) -> Program | None:
    """Answer requests to the end; in a program, return the request that it is for."""
    gc.disable()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(path)
        server.listen()
        os.write(1, b"\n")
        while True:
            ready, _, _ = select.select([0, server.fileno()], [], [])
            if 0 in ready:
                return None
            if (request := _answer(server, accepts)) is not None:
                return request


def _main(path: str) -> None:
    gc.disable()
    _import_programs()
    found = serve(path, lambda _words, environ: starts_alike(environ))
    if found is None:
        return
    words, folder, environ = found
    become(folder, environ)
    if "serve" in words:
        _pass_secrets()
    sys.path[0] = folder
    sys.argv = ["-m", *words[1:]]
    sys.orig_argv = [sys.executable, "-m", *words]
    run(lambda: runpy.run_module(words[0], run_name="__main__", alter_sys=True))


if __name__ == "__main__":
    _main(sys.argv[1])
