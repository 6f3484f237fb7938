"""``python -m tests.soak`` (``make soak``): what takes longer than a test may, with a seed."""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from . import attacks, contracts, faults, fold, history, webhooks
from .sites import EmbeddedSite, FluxSite, Site

PARTS = ("faults", "fold", "attacks", "contracts", "webhooks", "history")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *PARTS], help="default: all of them")
    parser.add_argument("--faults", type=int, default=500, help="over all instances; default 500")
    parser.add_argument(
        "--restarts", type=int, default=100, help="of a service with a webhook; default 100"
    )
    parser.add_argument(
        "--kills", type=int, default=20, help="of a service with a history; default 20"
    )
    parser.add_argument(
        "--jobs", type=int, default=2000, help="jobs of the history part; default 2000"
    )
    parser.add_argument("--examples", type=int, default=100_000, help="of the fold; default 100000")
    parser.add_argument("--instance", choices=["embedded", "flux"], help="default: both")
    parser.add_argument("--seed", type=int, help="repeat a run; default: a new one")
    return parser.parse_args()


def _sites(options: argparse.Namespace) -> list[type[EmbeddedSite | FluxSite]]:
    """Return the kinds of instances that are here and wanted."""
    found: list[type[EmbeddedSite | FluxSite]] = []
    if options.instance != "flux":
        found.append(EmbeddedSite)
    if options.instance != "embedded" and shutil.which("flux") is not None:
        found.append(FluxSite)
    elif options.instance != "embedded":
        print("No flux on PATH: not run on a real Flux.", file=sys.stderr)
    return found


def _breakable(kind: type[EmbeddedSite | FluxSite], folder: Path) -> Site:
    return EmbeddedSite(folder, small_disk=True) if kind is EmbeddedSite else kind(folder)


async def _befall(site: Site, folder: Path, count: int, seed: int) -> bool:
    print(f"{type(site).__name__}, seed {seed}", flush=True)
    verdict = await faults.campaign(site, folder, faults=count, seed=seed)
    print(verdict, flush=True)
    return not verdict.lost and not verdict.doubled


async def _restart(
    kind: type[EmbeddedSite | FluxSite], folder: Path, count: int, seed: int
) -> bool:
    print(f"{kind.__name__}, webhooks, seed {seed}", flush=True)
    site = webhooks.site(kind, folder)
    verdict = await webhooks.campaign(site, restarts=count, seed=seed)
    print(verdict, flush=True)
    for jobs, filter in ((1000, {"event": ["clean"]}), (100, {})):
        (folder / f"{jobs}").mkdir()
        count, median, p99 = await webhooks.latency(
            webhooks.site(kind, folder / f"{jobs}"), jobs=jobs, filter=filter
        )
        print(
            f"{count} messages of {jobs} jobs: median {median:.3f} s, p99 {p99:.3f} s", flush=True
        )
    return verdict.holds


def main() -> int:
    """Run the parts that were asked for; the exit status is 1 when one of them failed."""
    options = _arguments()
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    parts, sites = options.only or PARTS, _sites(options)
    passed = True
    if "fold" in parts:
        passed &= fold.run(options.examples, seed)
    for kind in sites:
        with tempfile.TemporaryDirectory(prefix="soak-") as name:
            if "faults" in parts:
                folder = Path(name) / "faults"
                folder.mkdir()
                count = options.faults // len(sites)
                passed &= asyncio.run(_befall(_breakable(kind, folder), folder, count, seed))
            if "attacks" in parts:
                folder = Path(name) / "attacks"
                folder.mkdir()
                print(f"\n{kind.__name__}\n", flush=True)
                passed &= asyncio.run(attacks.run(kind(folder), folder))
            if "contracts" in parts:
                folder = Path(name) / "contracts"
                folder.mkdir()
                print(f"{kind.__name__}, contract, seed {seed}", flush=True)
                passed &= asyncio.run(contracts.run(contracts.site(kind, folder), folder, seed))
            if "webhooks" in parts:
                folder = Path(name) / "webhooks"
                folder.mkdir()
                passed &= asyncio.run(_restart(kind, folder, options.restarts, seed))
            if "history" in parts and kind is FluxSite:
                folder = Path(name) / "history"
                folder.mkdir()
                print(f"history, seed {seed}", flush=True)
                verdict = asyncio.run(
                    history.campaign(folder, kills=options.kills, jobs=options.jobs, seed=seed)
                )
                print(verdict, flush=True)
                passed &= verdict.holds
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
