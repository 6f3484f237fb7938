"""``python -m bench`` (``make bench``): every measure, one table."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import uvloop

from . import (
    archive,
    audits,
    browser,
    channel,
    embedded,
    executor,
    groups,
    listing,
    lookup,
    output,
    past_figures,
    submission,
    subscribers,
    table,
    tree,
    workflow,
)
from .figures import HEADER, Figure, render

_AUDITS = "lighthouse"
"""A part of ``browser``, which is measured alone only where it is named."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "only",
        nargs="*",
        help="table, listing, lookup, groups, submission, executor, embedded, channel, "
        "subscribers, browser, output, tree, workflow, history or figures; lighthouse: that part "
        "of browser alone",
    )
    parser.add_argument("--jobs", type=int, default=100_000, help="jobs in the table")
    parser.add_argument("--requests", type=int, default=3_000, help="requests of one round")
    parser.add_argument("--submits", type=int, default=3_000, help="single submits of one round")
    parser.add_argument("--futures", type=int, default=10_000, help="jobs of one executor")
    parser.add_argument("--megabytes", type=int, default=1_000, help="size of the large output")
    parser.add_argument("--archived", type=int, default=1_000_000, help="jobs in the history")
    parser.add_argument("--follows", type=int, default=2_000, help="jobs of one round on a Flux")
    parser.add_argument("--json", type=Path, help="a file to write the figures to, too")
    return parser.parse_args()


def main() -> int:
    """Measure and print; the exit status is 1 if a part failed, not if a target is missed."""
    options = _arguments()
    run = uvloop.new_event_loop().run_until_complete
    has_flux = shutil.which("flux") is not None
    parts: dict[str, Callable[[], list[Figure]]] = {
        "table": lambda: table.figures(options.jobs),
        "listing": lambda: run(listing.figures(options.jobs, options.requests)),
        "lookup": lambda: run(lookup.figures(options.jobs)),
        "groups": lambda: run(groups.figures(options.jobs, options.requests)),
        "channel": channel.figures,
        "subscribers": subscribers.figures,
        "browser": browser.figures,
        _AUDITS: audits.figures,
        "embedded": lambda: embedded.figures(1_000),
        "submission": lambda: submission.figures(options.submits),
        "executor": lambda: executor.figures(options.futures),
        "output": lambda: output.figures(options.megabytes),
        "tree": tree.figures,
        "workflow": workflow.figures,
        "history": lambda: archive.figures(options.follows, options.archived, has_flux=has_flux),
        "figures": lambda: past_figures.figures(options.archived),
    }
    if not has_flux:
        needing = ("submission", "executor", "output", "tree", "workflow")
        print(f"No flux on PATH: {', '.join(needing)} are not measured.", file=sys.stderr)
        for name in needing:
            del parts[name]
    failed = False
    kept: list[dict[str, object]] = []
    print(HEADER, flush=True)
    for name in options.only or [part for part in parts if part != _AUDITS]:
        # A part that fails must not lose the figures of the others.
        try:
            figures = parts[name]()
        except Exception:  # noqa: BLE001 - the traceback says why
            traceback.print_exc()
            failed = True
            continue
        print(*map(render, figures), sep="\n", flush=True)
        kept += [{"part": name, **asdict(figure), "ratio": figure.ratio} for figure in figures]
    if options.json is not None:
        options.json.write_text(f"{json.dumps(kept, indent=1)}\n", encoding="utf-8")
    return failed


if __name__ == "__main__":
    sys.exit(main())
