"""The executor of PSI/J, in an environment with PSI/J as PyPI has it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.running import Service, clean_environment
from tests.workflow_tools import workflow_tools

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


@pytest.fixture(scope="module")
def psij_python() -> Path:
    """Return the Python of an environment with PSI/J."""
    return workflow_tools() / "python"


@pytest.mark.parametrize("kind", ["on_embedded", pytest.param("on_flux", marks=pytest.mark.flux)])
def test_jobs_of_psij(
    psij_python: Path, request: pytest.FixtureRequest, kind: str, tmp_path: Path
) -> None:
    running: Service = request.getfixturevalue(kind)
    done = subprocess.run(
        [psij_python, Path(__file__).with_name("drive.py"), tmp_path],
        env=clean_environment(FLUXAPI_URL=running.url, XDG_CONFIG_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    name, states, code = found["good"]
    assert name.startswith("f")
    assert (states, code) == (["QUEUED", "ACTIVE", "COMPLETED"], 0)
    assert found["output"] == [f"hello from {tmp_path.name}"] * 2
    assert found["failed"] == ["FAILED", 3]
    assert found["killed"] == ["FAILED", 137]
    assert found["once"][1:] == ["COMPLETED", "COMPLETED"]
    assert found["listed"]
    assert found["canceled"] == ["CANCELED", "CANCELED"]
    assert found["chained"] == "COMPLETED"
    assert found["outage"] == ["COMPLETED", "ACTIVE", "CANCELED"]
    assert "cwd: must be an absolute path" in found["invalid"]
    assert "surrogates not allowed" in found["not_utf8"]
    record = running.get(f"/v1/jobs/{name}")
    assert record["urgency"] == 20
    assert record["duration"] == 60
