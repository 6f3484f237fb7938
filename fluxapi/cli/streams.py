"""The streams that a job's ID, messages and output go to: those of the terminal, or log files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from . import terminal
from .exit_codes import USAGE, Failure
from .text import safe

__all__ = ["TERMINAL", "LogFiles", "Streams", "log_files"]


@dataclass(frozen=True, slots=True)
class Streams:
    """A pair of streams; ``None`` is that of the terminal."""

    out: TextIO | None = None
    err: TextIO | None = None

    def put(self, line: str) -> None:
        """Write a line of results, and flush if it goes to a file."""
        if self.out is None:
            terminal.put(line)
        else:
            self.out.write(f"{line}\n")
            self.out.flush()

    def note(self, sentence: str) -> None:
        """Write a message."""
        terminal.note(sentence, self.err)

    def put_raw(self, data: bytes, *, error: bool = False) -> None:
        """Write the output of a job unchanged, and flush."""
        stream = self.err if error else self.out
        if stream is None:
            terminal.put_raw(data, error=error)
        else:
            stream.flush()
            stream.buffer.write(data)
            stream.buffer.flush()


TERMINAL = Streams()


class LogFiles:
    """The files of ``--log`` and ``--log-stderr``, each opened once."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._files: dict[str, TextIO] = {}

    def streams(self, log: str | None, log_stderr: str | None) -> Streams:
        """Return the streams for a job; *log* takes both unless *log_stderr* is given."""
        out = self._opened(log) if log else None
        return Streams(out, self._opened(log_stderr) if log_stderr else out)

    def _opened(self, place: str) -> TextIO:
        if place not in self._files:
            try:
                # One file for all jobs that name it, which the stack closes.
                file = open(place, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115, PTH123
            except OSError as error:
                sentence = f"{safe(place)} cannot be written: {error.strerror}."
                raise Failure(sentence, USAGE) from None
            self._files[place] = self._stack.enter_context(file)
        return self._files[place]


@contextlib.contextmanager
def log_files() -> Iterator[LogFiles]:
    """Keep log files open within the context."""
    with contextlib.ExitStack() as stack:
        yield LogFiles(stack)
