"""The ``fluxapi`` command as a process, as a user types it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.running import clean_environment

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

    With ``plain_ids`` it prints ids as the service gives them, whatever the locale.
    """

    url: str
    home: Path
    plain_ids: bool = True

    def environment(self, **environ: str) -> dict[str, str]:
        ids = {"FLUX_F58_FORCE_ASCII": "1"} if self.plain_ids else {}
        ours = {"FLUXAPI_URL": self.url, "XDG_CONFIG_HOME": str(self.home), "TZ": "UTC"}
        return clean_environment(**{**ours, **ids, **environ})

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "fluxapi", *words]

    def __call__(self, *words: str, input: str | bytes = "", **environ: str) -> Done:
        """Run it to its end."""
        data = input.encode() if isinstance(input, str) else input
        done = subprocess.run(
            self.command(*words),
            input=data,
            env=self.environment(**environ),
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *words: str, input: str | bytes = "", **environ: str) -> str:
        """What it wrote, when all went well."""
        done = self(*words, input=input, **environ)
        assert (done.status, done.err) == (0, ""), done
        return done.out

    def submit(self, *words: str) -> str:
        """The id of a job that was submitted."""
        return self.ok("submit", *words).strip()

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start it, to be read and signaled."""
        return subprocess.Popen(
            self.command(*words),
            env=self.environment(**environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
