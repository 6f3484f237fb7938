"""docs/how-to/workflows.md: unmodified tools for Flux run their jobs on a service."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import programs
from tests.running import Service, clean_environment
from tests.workflow_tools import workflow_tools

from .session import HERE
from .test_workflows import SNAKEFILE, block, results

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
"""The first test installs the tools."""

ON_EMBEDDED = pytest.mark.parametrize("kind", ["on_embedded"])
ON_FLUX = pytest.mark.parametrize("kind", [pytest.param("on_flux", marks=pytest.mark.flux)])
ON_BOTH = pytest.mark.parametrize(
    "kind", ["on_embedded", pytest.param("on_flux", marks=pytest.mark.flux)]
)
SWITCH = 'eval "$(fluxapi env --force)"\n'


@pytest.fixture
def site(request: pytest.FixtureRequest, kind: str) -> Service:
    running: Service = request.getfixturevalue(kind)
    return running


def run(script: str, folder: Path, site: Service) -> str:
    """Run a script as a user who has the tools, fluxapi and no Flux; return its output."""
    tools = workflow_tools()
    path = [str(HERE / "bin"), str(tools), os.environ["PATH"]]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=clean_environment(
            PATH=os.pathsep.join(path),
            HOME=str(folder),
            FLUXAPI_URL=site.url.rstrip("/"),
            FORK_SERVER=programs.server_path(),
        ),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(text: str, folder: Path, site: Service) -> str:
    """Run a program of the guide by the Python of the tools."""
    text = text.replace("/shared/study", str(folder))
    text = text.replace("http://localhost:5000", site.url.rstrip("/"))
    (folder / "program.py").write_text(text, encoding="utf-8")
    return run(f"{SWITCH}python program.py", folder, site)


def names_of(site: Service, folder: Path) -> list[str]:
    """Return the names of the jobs that ran in a folder and were successful."""
    jobs = site.get("/v1/jobs?result=COMPLETED")["jobs"]
    return [job["name"] for job in jobs if job.get("cwd") == str(folder)]


@ON_FLUX
def test_snakemake_with_its_plugin(site: Service, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE.replace("range(2)", "[0]"), encoding="utf-8")
    text = block("snakemake-executor-plugin-flux", "fluxapi env").text
    _, _, text = text.partition("\n")
    # It looks at its jobs every 10 seconds unless told.
    run(text.rstrip() + " --seconds-between-status-checks 1\n", tmp_path, site)
    assert results(tmp_path) == ["hello 0\n"]
    assert len(names_of(site, tmp_path)) == 1


@ON_EMBEDDED
def test_parsl(site: Service, tmp_path: Path) -> None:
    assert python(block("parsl.load").text, tmp_path, site) == "42\n"
    assert len(names_of(site, tmp_path)) == 1


@ON_BOTH
def test_the_flux_executor_of_psij(site: Service, tmp_path: Path) -> None:
    cases = (HERE.parent / "psij" / "flux_executor.py").read_text(encoding="utf-8")
    guide = python(block('get_instance("flux")').text, tmp_path, site)
    assert guide.splitlines()[-1].endswith("COMPLETED")
    assert (tmp_path / "hello.txt").read_text(encoding="utf-8") == "hello\n"
    assert json.loads(python(cases, tmp_path, site)) == {
        "redirected": ["COMPLETED", "text"],
        "failing": ["FAILED", 1],
        "missing": "FAILED",
        "listed": True,
        "canceled": "CANCELED",
        "attached": "COMPLETED",
    }


@ON_BOTH
def test_flux_restful_client(site: Service, tmp_path: Path) -> None:
    assert python(block("get_client").text, tmp_path, site) == "COMPLETED\n"
