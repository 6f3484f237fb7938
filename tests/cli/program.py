"""The ``fluxapi`` command as a user types it: in this process, or as one of its own."""

from __future__ import annotations

import contextlib
import io
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fluxapi.cli.program import run
from tests import programs
from tests.running import own_environment

__all__ = ["Done", "Program"]

_PATIENCE = 60


@dataclass(frozen=True)
class Done:
    """How a command ended and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass(frozen=True)
class Program:
    """The command, pointed at one service; ``home`` is where it finds no config file.

    With ``plain_ids`` it prints ids as the service gives them, whatever the locale. ``main`` is
    the function of ``module``.
    """

    url: str
    home: Path
    plain_ids: bool = True
    module: str = "fluxapi"
    main: Callable[[Sequence[str]], int] = run

    def environment(self, **environ: str) -> dict[str, str]:
        ids = {"FLUX_F58_FORCE_ASCII": "1"} if self.plain_ids else {}
        ours = {"FLUXAPI_URL": self.url, "XDG_CONFIG_HOME": str(self.home), "TZ": "UTC"}
        return own_environment(**{**ours, **ids, **environ})

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", self.module, *words]

    def __call__(self, *words: str, input: str | bytes = "", **environ: str) -> Done:
        """Run it to its end, in this process: most of a short command is the start of Python.

        A locale is set when a process starts, so a command with another gets one of its own.
        """
        data = input.encode() if isinstance(input, str) else input
        if environ.keys() & {"LC_ALL", "LC_CTYPE"}:
            return self.process(*words, input=data, **environ)
        return run_here(self.main, words, data, self.environment(**environ))

    def process(self, *words: str, input: str | bytes = "", **environ: str) -> Done:
        """Run it to its end, as a process of its own."""
        data = input.encode() if isinstance(input, str) else input
        with programs.start(
            self.module,
            *words,
            env=self.environment(**environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                out, err = process.communicate(data, _PATIENCE)
            except BaseException:
                process.kill()
                raise
        return Done(process.returncode, out.decode(), err.decode())

    def ok(self, *words: str, input: str | bytes = "", **environ: str) -> str:
        """Return its standard output; it must have succeeded."""
        done = self(*words, input=input, **environ)
        assert (done.status, done.err) == (0, ""), done
        return done.out

    def submit(self, *words: str) -> str:
        """Return the ID of a job that was submitted."""
        return self.ok("submit", *words).strip()

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start it, to be read and signaled."""
        return programs.start(
            self.module,
            *words,
            env=self.environment(**environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def run_here(
    main: Callable[[Sequence[str]], int],
    words: tuple[str, ...],
    data: bytes,
    environ: Mapping[str, str],
) -> Done:
    """Run a command in this process, its standard streams being pipes as those of a process."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        for name in os.environ.keys() - environ.keys():
            patch.delenv(name)
        for name, value in environ.items():
            patch.setenv(name, value)
        stack.callback(time.tzset)
        stack.callback(patch.undo)
        time.tzset()
        patch.setattr(sys, "stdin", stack.enter_context(_readable(data)))
        with _collected() as (out, out_pipe), _collected() as (err, err_pipe):
            patch.setattr(sys, "stdout", out_pipe)
            patch.setattr(sys, "stderr", err_pipe)
            try:
                status = main(words)
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 1
    return Done(status, out.getvalue().decode(), err.getvalue().decode())


@contextlib.contextmanager
def _readable(data: bytes) -> Iterator[io.TextIOWrapper]:
    """Return a pipe that *data* comes out of; a few bytes are in it when the command starts."""
    source, sink = os.pipe()

    def write() -> None:
        with os.fdopen(sink, "wb") as pipe, contextlib.suppress(BrokenPipeError):
            pipe.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    if len(data) <= select.PIPE_BUF:
        writer.join()
    with os.fdopen(source, encoding="utf-8") as stream:
        yield stream
    writer.join()


@contextlib.contextmanager
def _collected() -> Iterator[tuple[io.BytesIO, io.TextIOWrapper]]:
    """Yield a buffer that gets the data written to a pipe, and the pipe."""
    source, sink = os.pipe()
    collected = io.BytesIO()

    def read() -> None:
        with os.fdopen(source, "rb") as pipe:
            collected.write(pipe.read())

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(sink, "w", encoding="utf-8") as stream:
        yield collected, stream
    reader.join()
