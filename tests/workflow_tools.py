"""Snakemake, Parsl, PSI/J and flux-restful-client as their users have them, in one environment."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from tests.environments import install_once, make_environment

__all__ = ["REQUIREMENTS", "workflow_tools"]

ROOT = Path(__file__).parents[1]
REQUIREMENTS = Path(__file__).with_name("workflow-tools.txt")


def workflow_tools() -> Path:
    """Return the folder of their programs; their Python imports fluxapi, and libraries of ours.

    PSI/J and Snakemake need other libraries than the tests do, and get their own.
    """
    return install_once("workflow-tools", [REQUIREMENTS, Path(__file__)], _install) / "bin"


def _install(folder: Path) -> None:
    make_environment(folder, "a workflow tool", "-r", REQUIREMENTS)
    (site,) = folder.glob("lib/python*/site-packages")
    lines = f"{ROOT}\n{sysconfig.get_path('purelib')}\n"
    (site / "fluxapi.pth").write_text(lines, encoding="utf-8")
