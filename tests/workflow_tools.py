"""Snakemake, Parsl, PSI/J and flux-restful-client as their users have them, in one environment."""

from __future__ import annotations

from pathlib import Path

from tests.environments import install_once, make_environment

__all__ = ["REQUIREMENTS", "workflow_tools"]

REQUIREMENTS = Path(__file__).with_name("workflow-tools.txt")


def workflow_tools() -> Path:
    """Return the folder of their programs; their Python imports fluxapi, and libraries of ours.

    PSI/J and Snakemake need other libraries than the tests do, and get their own.
    """
    return install_once("workflow-tools", [REQUIREMENTS, Path(__file__)], _install) / "bin"


def _install(folder: Path) -> None:
    make_environment(folder, "a workflow tool", "-r", REQUIREMENTS)
