"""A terminal that a command runs in: what it writes is read, keys and signals are sent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests import programs

from .program import Program

__all__ = ["Terminal", "terminal"]

_PATIENCE = 60.0


@dataclass
class Terminal:
    """One command at a terminal; ``seen`` is all that it wrote."""

    process: subprocess.Popen[bytes]
    master: int
    seen: bytes = b""
    _at: int = field(default=0)

    def until(self, text: str) -> str:
        """Read until ``text`` was written, after what an earlier call found; all since then."""
        wanted = text.encode()
        deadline = time.monotonic() + _PATIENCE
        while wanted not in self.seen[self._at :]:
            assert self._read(deadline), f"{text!r} did not come: {self.seen!r}"
        end = self.seen.index(wanted, self._at) + len(wanted)
        passed = self.seen[self._at : end]
        self._at = end
        return passed.decode("utf-8", "replace")

    def press(self, keys: str) -> None:
        """Send *text* as if it was typed."""
        os.write(self.master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size, as a window manager does."""
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)
        self.process.send_signal(signal.SIGWINCH)

    def end(self) -> tuple[int, str]:
        """Return the exit status and all output."""
        deadline = time.monotonic() + _PATIENCE
        while self._read(deadline):
            pass
        return self.process.wait(_PATIENCE), self.seen.decode("utf-8", "replace")

    def _read(self, deadline: float) -> bool:
        """Read what there is; whether there may be more."""
        ready, _, _ = select.select([self.master], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            return False
        with contextlib.suppress(OSError):  # EIO: nobody has it open anymore
            data = os.read(self.master, 65536)
            self.seen += data
            return bool(data)
        return False


@contextlib.contextmanager
def terminal(
    run: Program, *words: str, columns: int = 100, lines: int = 30, **environ: str
) -> Iterator[Terminal]:
    """Run a command at a terminal of its own while the context lasts."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    with programs.start(
        run.module,
        *words,
        terminal=True,
        env=run.environment(**{"TERM": "xterm-256color", "NO_COLOR": "", **environ}),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    ) as process:
        os.close(slave)
        try:
            yield Terminal(process, master)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            os.close(master)
