"""Programs that are started with closed standard streams, as by ``<&-`` of a shell."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import own_environment

ROOT = Path(__file__).parents[2]
SERVE = ["serve", "--port=0", "--instance=embedded", "--no-history"]
JOBS = ["jobs", "--url=http://127.0.0.1:1", "--retries=0"]
UNREACHABLE = 3


def begin(closed: str, module: str, *words: str) -> subprocess.Popen[str]:
    """Start a program of fluxapi; a new interpreter, since a forked one has all streams."""
    return subprocess.Popen(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", module, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=own_environment(),
        cwd=ROOT,
    )


@pytest.mark.parametrize("closed", ["<&-", "<&- 2>&-"])
def test_the_service_ends_with_success(closed: str) -> None:
    with begin(closed, "fluxapi", *SERVE) as service:
        assert service.stdout is not None
        while "answers at" not in (line := service.stdout.readline()):
            assert line, service.stderr
        service.send_signal(signal.SIGTERM)
        assert service.wait() == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_fails_as_usual(closed: str) -> None:
    with begin(closed, "fluxapi", *JOBS) as command:
        _, error = command.communicate()
    assert command.returncode == UNREACHABLE
    assert "Traceback" not in error


def test_the_flux_of_fluxapi_writes_nothing() -> None:
    with begin(">&-", "fluxapi.compat", "version") as command:
        _, error = command.communicate()
    assert "Traceback" not in error
