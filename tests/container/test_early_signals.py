"""Signals that the entrypoint of the container gets before it starts Flux."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.container.test_entrypoint import ENTRYPOINT, SECRET, environment

TIMEOUT_S = 20

FLUX_STAND_IN = """#!/bin/sh
# In place of flux modprobe: wait until the pipe is closed. Nothing else is to be started.
[ "$1" != modprobe ] || read -r line < "$STAND_IN_PIPE"
"""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_before_flux_starts_leaves_no_secret(signum: int, tmp_path: Path) -> None:
    programs, temporary, pipe = tmp_path / "bin", tmp_path / "tmp", tmp_path / "pipe"
    programs.mkdir()
    temporary.mkdir()
    os.mkfifo(pipe)
    (programs / "flux").write_text(FLUX_STAND_IN, encoding="utf-8")
    (programs / "flux").chmod(0o755)
    given = environment(
        TMPDIR=str(temporary),
        FLUX_TOKEN=SECRET,
        FLUXAPI_RUN_AS="",
        FLUXAPI_STATEDIR=str(tmp_path / "state"),
        STAND_IN_PIPE=str(pipe),
    )
    given["PATH"] = f"{programs}:{os.environ['PATH']}"
    with subprocess.Popen([ENTRYPOINT], env=given, stdin=subprocess.DEVNULL) as process:
        with pipe.open("w"):  # It is opened once the stand-in runs.
            assert [file.read_text() for file in temporary.glob("*/token")] == [SECRET]
            process.send_signal(signum)
        try:
            assert process.wait(TIMEOUT_S) == 0
        finally:
            process.kill()
    assert not list(temporary.iterdir())
