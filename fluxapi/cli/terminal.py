"""Writing to standard output and standard error."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import stat
import sys
import termios
from typing import TextIO

from .text import safe

__all__ = [
    "colors",
    "discard_output",
    "input_is_waiting",
    "name_program",
    "note",
    "prepare",
    "progress_wanted",
    "put",
    "put_raw",
    "width",
]


_program = ["fluxapi"]


def prepare() -> None:
    """Write UTF-8 in any locale, as the flux commands do; escape invalid characters."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def put(line: str = "") -> None:
    """Write a line to standard output."""
    sys.stdout.write(f"{line}\n")


def put_raw(data: bytes, *, error: bool = False) -> None:
    """Write the output of a job unchanged, and flush."""
    stream = sys.stderr if error else sys.stdout
    stream.flush()
    if hasattr(stream, "rich_proxied_file"):
        # A progress bar is shown, which moves out of the way of lines of text.
        stream.write(data.decode("utf-8", "backslashreplace"))
        return
    stream.buffer.write(data)
    stream.buffer.flush()


def input_is_waiting() -> bool:
    """Return whether standard input is a pipe with data in it, or a file of which nothing was read.

    A script that reads its input from standard input has started to read it.
    """
    with contextlib.suppress(OSError, ValueError):
        number = sys.stdin.fileno()
        status = os.fstat(number)
        if stat.S_ISREG(status.st_mode):
            return status.st_size > 0 and os.lseek(number, 0, os.SEEK_CUR) == 0
        if stat.S_ISFIFO(status.st_mode):
            count = array.array("i", [0])
            fcntl.ioctl(number, termios.FIONREAD, count)
            return count[0] > 0
    return False


def name_program(name: str) -> None:
    """Set the name in front of the messages of this process."""
    _program[0] = name


def note(sentence: str, stream: TextIO | None = None) -> None:
    """Write a message to standard error, or to another stream."""
    sys.stdout.flush()
    stream = sys.stderr if stream is None else stream
    lines = " ".join(part.strip() for part in sentence.splitlines())
    stream.write(f"{_program[0]}: {safe(lines)}\n")
    stream.flush()


def colors(when: str, stream: TextIO | None = None) -> bool:
    """Return whether to use colors: ``always``, ``never``, or ``auto`` (terminal, no NO_COLOR)."""
    if when != "auto":
        return when == "always"
    stream = sys.stdout if stream is None else stream
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def progress_wanted() -> bool:
    """Return whether standard error is a terminal that can show progress."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Return the columns of the terminal, or −1 if standard output is not one."""
    with contextlib.suppress(OSError):
        return os.get_terminal_size(sys.stdout.fileno()).columns
    return -1


def discard_output() -> None:
    """Discard buffered output, so that it does not fail at exit."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
