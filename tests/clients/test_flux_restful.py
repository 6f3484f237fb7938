"""flux-restful-client as its users have it: from PyPI, unmodified, against a real server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.environments import install_once, make_environment
from tests.running import clean_environment, flux_instance, needs_flux, service

VERSIONS = ["0.0.1", "0.2.1"]
STREAMING = ["0.1.14", "0.2.1"]
"""The last with requests, and the one with httpx."""
AUTH = {"FLUX_USER": "alice", "FLUX_TOKEN": "pancakes", "FLUX_SECRET_KEY": "notsecrethoo"}
DRIVE = Path(__file__).with_name("drive.py")
STREAM = Path(__file__).with_name("stream.py")

Python = Callable[[str], Path]


@pytest.fixture(scope="session")
def python_with() -> Python:
    """Return the interpreter of an environment that holds one version of the client."""

    def make(version: str) -> Path:
        name = f"flux-restful-client=={version}"
        folder = install_once(
            f"client-{version}", [Path(__file__)], lambda it: make_environment(it, name, name)
        )
        return folder / "bin" / "python"

    return make


def drive(python: Path, script: Path, url: str, **environ: str) -> Any:
    done = subprocess.run(
        [python, script, url.rstrip("/")],
        env=clean_environment(PYTHONIOENCODING="utf-8", **environ),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def judge(seen: dict[str, Any]) -> None:
    jobid = seen["submitted"]["id"]
    assert "submit" in seen["submitted"]["Message"]
    assert seen["listed"] == [jobid]
    assert seen["record"]["result"] == "COMPLETED"
    assert seen["unknown"] is None
    assert len(seen["nodes"]["nodes"]) == 1
    assert seen["output"]["Output"] == ["pancakes 🥞\n"]
    assert [job["id"] for job in seen["found"]["data"]] == [jobid]
    assert "keys without -o" in seen.get("refused", {"Errors": ["keys without -o"]})["Errors"][0]
    assert "requested to cancel" in seen["canceled"]["Message"]
    assert "cannot be canceled" in seen["canceled again"]["Message"]
    assert "stopping" in seen["stopped"]["Message"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("auth", [False, True], ids=["open", "auth"])
@pytest.mark.parametrize("version", VERSIONS)
def test_with_the_embedded_instance(python_with: Python, version: str, auth: bool) -> None:
    environ = AUTH if auth else {}
    python = python_with(version)
    with service("--instance", "embedded", FLUX_REQUIRE_AUTH=str(auth), **environ) as server:
        judge(drive(python, DRIVE, server.url, **environ))
        assert server.process.wait(30) == 0


@needs_flux
@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", VERSIONS)
def test_with_a_real_flux(python_with: Python, version: str) -> None:
    python = python_with(version)
    with flux_instance(1) as uri, service(FLUX_URI=uri, FLUX_REQUIRE_AUTH="1", **AUTH) as server:
        judge(drive(python, DRIVE, server.url, **AUTH))
        assert server.process.wait(30) == 0


def judge_lines(lines: list[str]) -> None:
    # Of what goes to different streams, the order is nobody's.
    assert sorted(lines[:2]) == ["on stderr", "pancakes 🥞"]
    assert lines[2:] == ["no newline"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("auth", [False, True], ids=["open", "auth"])
@pytest.mark.parametrize("version", STREAMING)
def test_output_is_streamed_by_the_embedded_instance(
    python_with: Python, version: str, auth: bool
) -> None:
    environ = AUTH if auth else {}
    with service("--instance", "embedded", FLUX_REQUIRE_AUTH=str(auth), **environ) as server:
        judge_lines(drive(python_with(version), STREAM, server.url, **environ))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", STREAMING)
def test_output_is_streamed_from_a_real_flux(
    python_with: Python, version: str, flux_uri: str
) -> None:
    python = python_with(version)
    with service(FLUX_URI=flux_uri, FLUX_REQUIRE_AUTH="1", **AUTH) as server:
        judge_lines(drive(python, STREAM, server.url, **AUTH))
