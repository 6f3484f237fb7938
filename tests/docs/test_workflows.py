"""docs/how-to/workflows.md: Snakemake runs a workflow both ways, with the commands of the guide."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import programs
from tests.running import flux, needs_flux, own_environment, service
from tests.workflow_tools import REQUIREMENTS, workflow_tools

from .blocks import ROOT, Block, blocks_of
from .session import HERE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
"""The first test installs Snakemake."""

GUIDE = list(blocks_of(ROOT / "docs" / "how-to" / "workflows.md"))
SNAKEFILE = """
rule all:
    input: expand("hello-{n}.txt", n=range(2))

rule hello:
    output: "hello-{n}.txt"
    shell: "echo hello {wildcards.n} > {output}"
"""


@pytest.fixture(scope="module")
def snakemake() -> Path:
    """Return the programs of an environment with Snakemake and the packages of the guide."""
    return workflow_tools()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
    return tmp_path


def block(*words: str) -> Block:
    """Return the block of the guide that contains these words."""
    (found,) = [one for one in GUIDE if all(word in one.text for word in words)]
    return found


def bash(script: str, folder: Path, url: str, *path: Path) -> str:
    path = (HERE / "bin", Path(sys.executable).parent, *path)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=own_environment(
            PATH=os.pathsep.join([*map(str, path), os.environ["PATH"]]),
            HOME=str(folder),
            FLUXAPI_URL=url,
            FORK_SERVER=programs.server_path(),
        ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def results(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("hello-*.txt"))]


def test_the_environment_has_the_packages_of_the_guide() -> None:
    guide = "".join(block.text for block in GUIDE)
    lines = re.findall(r"^pip install (.+)$", guide, re.MULTILINE)
    there = re.findall(r"^([\w-]+)[=>]=", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert {*" ".join(lines).split()} <= {*there}


@needs_flux
def test_a_launcher_submits_its_steps_to_the_same_instance(
    snakemake: Path, study: Path, flux_uri: str
) -> None:
    where = "import flux, pathlib; print(pathlib.Path(flux.__file__).parents[1])"
    bindings = flux(flux_uri, "python", "-c", where).strip()
    path = f"{snakemake}{os.pathsep}{os.environ['PATH']}"
    with service(FLUX_URI=flux_uri, PATH=path) as running:
        url = running.url.rstrip("/")
        text = block('"snakemake", "--executor", "flux"').text
        text = text.replace("http://localhost:5000", url).replace("localhost:5000", url)
        text = text.replace("/shared/study", str(study)).replace(
            "/usr/lib/flux/python3.11", bindings
        )
        jobid = json.loads(bash(text, study, url))["id"]
        job = running.get(f"/v1/jobs/{jobid}/wait?timeout=200")
        assert job["result"] == "COMPLETED", running.get(f"/v1/jobs/{jobid}/output")
        since = running.get(f"/v1/jobs?since={job['t_submit']}")["jobs"]
    assert results(study) == ["hello 0\n", "hello 1\n"]
    assert [one["status"] for one in since if one["id"] != jobid] == ["COMPLETED"] * 2


def test_steps_go_through_the_command_line(snakemake: Path, study: Path) -> None:
    with service("--instance=embedded") as running:
        url = running.url.rstrip("/")
        bash(
            re.sub(r"^\./status\.sh.*", "", block("cat > status.sh").text, flags=re.MULTILINE),
            study,
            url,
        )
        text = re.sub(
            r"^pip install .*", "", block("cluster-generic-submit-cmd").text, flags=re.MULTILINE
        )
        # It looks at its jobs every 10 seconds unless told.
        bash(text.rstrip() + " --seconds-between-status-checks 1\n", study, url, snakemake)
        jobs = running.get("/v1/jobs?name=hello")["jobs"]
    assert results(study) == ["hello 0\n", "hello 1\n"]
    assert [job["status"] for job in jobs] == ["COMPLETED"] * 2
