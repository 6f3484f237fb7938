"""A shell, or a Python, that runs the blocks of one document as its reader would: in order."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from .blocks import Block

__all__ = ["Session", "busy", "open_session"]

HERE = Path(__file__).parent
_PATIENCE = 60
"""Seconds that a block may take; only a hang takes longer."""


class Session:
    """One process that takes blocks; it ends when a block fails."""

    def __init__(self, language: str, folder: Path, environ: dict[str, str]) -> None:
        self._marker = secrets.token_hex(8)
        self._language = language
        self._folder = folder
        driver = [sys.executable, "-u", str(HERE / "python_session.py"), self._marker]
        self._process = subprocess.Popen(
            driver if language == "python" else ["bash", "--norc"],
            cwd=folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, block: Block, text: str) -> str:
        """Run a block, whose text was made to fit this machine; returns what it wrote."""
        assert self._process.stdin is not None
        self._process.stdin.write(self._asked(block, text))
        self._process.stdin.flush()
        hang = threading.Timer(_PATIENCE, self._kill)
        hang.start()
        try:
            return self._read(block, text)
        finally:
            hang.cancel()

    def close(self) -> None:
        """End it."""
        self._kill()
        self._process.communicate()

    def _kill(self) -> None:
        """End it with all that it started, which would keep its output open."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _asked(self, block: Block, text: str) -> str:
        if self._language == "python":
            return json.dumps({"place": block.place, "text": text}) + "\n"
        script = self._folder / f".block-{block.line}.sh"
        script.write_text(text, encoding="utf-8")
        # A command without an end is ended by a signal, which is no failure.
        go = f". {script} </dev/null" + (" || true" if block.until else "")
        return f"set -euo pipefail; {go}; printf '\\n%s\\n' {self._marker}\n"

    def _read(self, block: Block, text: str) -> str:
        assert self._process.stdout is not None
        wrote, ended = "", False
        for line in self._process.stdout:
            if line.rstrip("\n") == self._marker:
                return wrote
            wrote += line
            if block.until is not None and block.until in line and not ended:
                ended = True
                self._interrupt()
        pytest.fail(
            f"{block.place} failed:\n{text}\nwrote:\n{wrote}\n"
            "If the block needs another service, say so in a comment: see tests/docs/blocks.py.",
            pytrace=False,
        )

    def _interrupt(self) -> None:
        if self._language == "python":
            self._process.send_signal(signal.SIGINT)
            return
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGINT)


@contextlib.contextmanager
def open_session(language: str, folder: Path, environ: dict[str, str]) -> Iterator[Session]:
    """Run a session that ends with the context."""
    session = Session(language, folder, environ)
    try:
        yield session
    finally:
        session.close()


@contextlib.contextmanager
def busy(url: str, headers: dict[str, str]) -> Iterator[None]:
    """Run jobs in the service, one at a time, while the context lasts."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            body = json.dumps({"command": "true"}).encode()
            kind = {"Content-Type": "application/json"}
            request = urllib.request.Request(f"{url}/v1/jobs", body, {**headers, **kind})  # noqa: S310 - it is ours
            with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - it is ours
                jobid = json.load(answer)["id"]
            wait = urllib.request.Request(f"{url}/v1/jobs/{jobid}/wait", headers=headers)  # noqa: S310 - it is ours
            urllib.request.urlopen(wait, timeout=_PATIENCE).close()  # noqa: S310 - it is ours

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()
