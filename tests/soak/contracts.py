"""The fuzz of the contract with several seeds, on a service that runs jobs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from tests.contracts.fuzzing import ENDLESS, WAITS, WITH_JOB, fuzz

from .sites import EmbeddedSite, FluxSite, Site

__all__ = ["SEEDS", "run", "site"]

SEEDS = 3
"""Runs on each instance, each with the next seed."""

_STOPS = "/service/stop"

_CALLS_OUT = "createWebhook"
"""It would send the events of all jobs to the addresses that the fuzz finds."""


def site(kind: type[EmbeddedSite | FluxSite], folder: Path) -> Site:
    """Return an instance with a history, without which some routes answer with 501."""
    if kind is EmbeddedSite:
        return EmbeddedSite(folder)
    return FluxSite(folder, f"--statedir={folder / 'history'}", "--rpc-timeout=10")


async def run(site: Site, folder: Path, seed: int) -> bool:
    """Try the contract with each seed; print the report of a run that fails."""
    if importlib.util.find_spec("schemathesis") is None:
        print("schemathesis is not installed: the contract is not tried.", file=sys.stderr)
        return True
    left_out = [word for path in (*ENDLESS, *WAITS, _STOPS) for word in ("--exclude-path", path)]
    await site.start()
    holds = True
    try:
        for number in range(seed, seed + SEEDS):
            place = folder / str(number)
            place.mkdir()
            found = await fuzz(
                *(site.url, place, WITH_JOB),
                *(*left_out, "--exclude-operation-id", _CALLS_OUT),
                seed=number,
            )
            print(f"seed {number}: {'broken' if found.failed else 'kept'}", flush=True)
            if found.failed:
                print(found.report, flush=True)
                holds = False
    finally:
        await site.close_all()
    return holds
