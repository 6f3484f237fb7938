"""Schemathesis over the contract of a service that runs."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ENDLESS", "WAITS", "WITH_JOB", "Fuzzed", "fuzz"]

ENDLESS = ("/events", "/events/ws", "/jobs/{id}/events")
"""Streams that go on for as long as the service and the jobs of this instance do."""

WAITS = ("/jobs/collect", "/jobs/{id}/wait", "/groups/{group}/wait")
"""Routes that wait for jobs, which an instance may never end."""

WITH_JOB = ("submitJobForm", "submitJobs", "saveTemplate")
"""Operations with a job of ``submitJob`` in their body, and hundreds of the same wrong bodies.

The first one is ``submitJob`` at another path.
"""

_EXCLUDED = (
    # A body that fits the schema may still be refused: by rules between fields, and by Flux.
    "positive_data_acceptance",
    # An empty query parameter counts as not given, whatever its type.
    "negative_data_rejection",
    # DELETE cancels a job; its record stays.
    "use_after_free",
    # A job that was just submitted has no R before it has resources.
    "ensure_resource_availability",
)

_CONFIG = """
[[operations]]
include-operation-id = {operations}
phases.coverage.enabled = false
"""


@dataclass(frozen=True)
class Fuzzed:
    """The result of a run: whether a check failed, and the report of the program."""

    failed: bool
    report: str


async def fuzz(
    url: str, folder: Path, uncovered: tuple[str, ...], *flags: str, seed: int = 1
) -> Fuzzed:
    """Try all operations by examples, at random and in sequences; and all edges of most.

    Args:
        url: The address of the service.
        folder: An empty folder.
        uncovered: Operations whose edges are not tried.
        flags: More options.
        seed: Chooses the random examples.
    """
    config = _CONFIG.format(operations=json.dumps(uncovered))
    (folder / "schemathesis.toml").write_text(config, encoding="utf-8")
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url.rstrip('/')}/openapi.json"),
        *("--max-examples", "5", "--seed", str(seed), "--no-color", "--request-timeout", "60"),
        *("--exclude-checks", ",".join(_EXCLUDED)),
        *flags,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await program.communicate()
    return Fuzzed(program.returncode != 0, output.decode())
