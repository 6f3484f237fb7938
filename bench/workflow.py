"""A workflow of six steps by Snakemake's plugin for Flux: outside the instance and inside it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.running import clean_environment, flux, flux_instance, service
from tests.workflow_tools import workflow_tools

from .figures import Figure

__all__ = ["figures"]

_ROUNDS = 2
_STEPS = 6
_SNAKEFILE = f"""
rule all:
    input: expand("{{n}}.txt", n=range({_STEPS}))

rule step:
    output: "{{n}}.txt"
    shell: "echo {{wildcards.n}} > {{output}}"
"""
_RUN = ["snakemake", "--executor", "flux", "--jobs", "2", "--quiet", "all"]
_RUN += ["--seconds-between-status-checks", "1"]
_OUTSIDE = 'eval "$("$0" -m fluxapi env --force)"; exec "$@"'
_WHERE = "import flux, pathlib; print(pathlib.Path(flux.__file__).parents[1])"


def _seconds(command: list[str], **environ: str) -> float:
    """Return the time of one run in a folder of its own."""
    path = f"{workflow_tools()}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Snakefile").write_text(_SNAKEFILE, encoding="utf-8")
        started = time.perf_counter()
        subprocess.run(
            command,
            cwd=folder,
            env=clean_environment(PATH=path, HOME=folder, **environ),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - started
        assert len(list(Path(folder).glob("*.txt"))) == _STEPS
    return seconds


def figures() -> list[Figure]:
    """Return the best of the rounds, in turn on one instance of four brokers."""
    with flux_instance(4) as uri, service(FLUX_URI=uri) as site:
        bindings = flux(uri, "python", "-c", _WHERE).strip()
        outside_command = ["sh", "-c", _OUTSIDE, sys.executable, *_RUN]
        outside = inside = float("inf")
        for _ in range(_ROUNDS):
            inside = min(inside, _seconds(_RUN, FLUX_URI=uri, PYTHONPATH=bindings))
            outside = min(outside, _seconds(outside_command, FLUXAPI_URL=site.url.rstrip("/")))
    return [
        Figure(
            f"Snakemake outside the instance, {_STEPS} steps: time",
            outside,
            "s",
            "inside",
            inside,
            1.3,
            at_most=True,
        )
    ]
