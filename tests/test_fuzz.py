"""Schemathesis over the served contract: whatever it sends, the answer is a documented one."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest

from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

EXCLUDED = (
    # What fits the schema may still be refused: rules between fields, and Flux's own.
    "positive_data_acceptance",
    # An empty query parameter counts as not given, whatever its type.
    "negative_data_rejection",
    # DELETE cancels a job; its record stays.
    "use_after_free",
    # A job that was just submitted has no R before it has resources.
    "ensure_resource_availability",
)


@pytest.mark.skipif(
    importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed"
)
@pytest.mark.filterwarnings("default::ResourceWarning")
async def test_it_keeps_its_contract(service: Service, tmp_path: Path) -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        str(service.client.make_url("/openapi.json")),
        *("--max-examples", "10", "--seed", "1", "--no-color"),
        *("--exclude-checks", ",".join(EXCLUDED)),
        # It would wait for jobs that this instance never ends.
        *("--exclude-path", "/jobs/{id}/wait"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await program.communicate()
    assert program.returncode == 0, output.decode()
