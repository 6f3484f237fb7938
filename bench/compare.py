"""``python -m bench.compare`` (``make bench-compare``): the figures of two revisions, in turns.

The measures of this checkout run on the ``fluxapi`` of an earlier revision and on this one, round
after round, so that what else the machine does falls on both. A figure has moved if the ranges of
its ratios (value by baseline of the same run) do not overlap.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

__all__ = ["Change", "changes", "render"]

ROOT = Path(__file__).parents[1]
_SHORT = ("table", "listing", "lookup")
_SHORT_SIZES = ("--jobs", "20000", "--requests", "500")
_LEAST = 0.02
"""The share by which a figure has to move at least."""
_NUMBER = re.compile(r"[\d.,]*\d")

Figures = Sequence[dict[str, Any]]


class Change(NamedTuple):
    """One measure of both revisions: its ratios, round by round."""

    name: str
    before: tuple[float, ...]
    now: tuple[float, ...]
    at_most: bool

    @property
    def verdict(self) -> str:
        """Return ``better`` or ``worse`` if it has moved, else ``within noise``."""
        if abs(median(self.now) - median(self.before)) < _LEAST * abs(median(self.before)):
            return "within noise"
        if min(self.now) > max(self.before):
            return "worse" if self.at_most else "better"
        if max(self.now) < min(self.before):
            return "better" if self.at_most else "worse"
        return "within noise"


def _keyed(figures: Figures) -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
    """Yield each figure under a name without the numbers that are measured, too."""
    seen: Counter[str] = Counter()
    for figure in figures:
        name = _NUMBER.sub("#", f"{figure['name']} / {figure['baseline']}")
        seen[name] += 1
        yield (name, seen[name]), figure


def changes(before: Iterable[Figures], now: Iterable[Figures]) -> list[Change]:
    """Return what both revisions have measured, in the order of this one."""
    rounds = [[dict(_keyed(figures)) for figures in side] for side in (before, now)]
    first = rounds[1][0] if rounds[1] else {}
    found = []
    for key, figure in first.items():
        old, new = (tuple(one[key]["ratio"] for one in side if key in one) for side in rounds)
        if old and new:
            found.append(Change(figure["name"], old, new, figure["at_most"]))
    return found


def render(found: Iterable[Change], revision: str) -> str:
    """Return the changes as a Markdown table."""
    lines = [
        f"| measure | ratio at {revision} | ratio now | change | |",
        "|---|---:|---:|---:|---|",
    ]
    for change in found:
        old, new = median(change.before), median(change.now)
        moved = f"{new / old - 1:+.0%}" if old else ""
        lines.append(
            f"| {change.name} | {_shown(change.before)} | {_shown(change.now)} "
            f"| {moved} | {change.verdict} |"
        )
    return "\n".join(lines)


def _shown(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g})"


def _tree(where: Path, package: Path) -> Path:
    """Make a folder with the measures of this checkout and the package of a revision."""
    where.mkdir()
    for name in ("bench", "tests"):
        (where / name).symlink_to(ROOT / name)
    for name in ("fluxapi", "schemas"):
        (where / name).symlink_to(package / name)
    return where


def _measure(tree: Path, arguments: Sequence[str]) -> Figures | None:
    """Return the figures of one run; ``None`` if it failed, which it has told."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", "bench", "--json", file.name, *arguments]
        done = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        text = Path(file.name).read_text(encoding="utf-8")
    if done.returncode or not text:
        return None
    figures: Figures = json.loads(text)
    return figures


def main() -> int:
    """Measure both revisions and print the table; the exit status is 1 if one cannot run."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("--revision", default="HEAD~1", help="the revision to compare with")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each revision")
    parser.add_argument(
        "arguments", nargs="*", help="parts and options of python -m bench; a short form without"
    )
    options, more = parser.parse_known_args()
    arguments = [*options.arguments, *more] or [*_SHORT, *_SHORT_SIZES]
    named = subprocess.run(
        ["git", "rev-parse", "--short", options.revision],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if named.returncode:
        print(f"There is no revision {options.revision} to compare with.", file=sys.stderr)
        return 1
    revision = named.stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder, "revision")
        old.mkdir()
        archive = subprocess.run(
            ["git", "archive", revision, "fluxapi", "schemas"],
            cwd=ROOT, capture_output=True, check=True,
        )  # fmt: skip
        subprocess.run(["tar", "-x", "-C", str(old)], input=archive.stdout, check=True)
        trees = _tree(Path(folder, "before"), old), _tree(Path(folder, "now"), ROOT)
        rounds: tuple[list[Figures], list[Figures]] = ([], [])
        for number in range(options.rounds):
            # The order changes, so that neither revision is always the one that warms up.
            for side in (0, 1) if number % 2 else (1, 0):
                figures = _measure(trees[side], arguments)
                if figures is None:
                    which = revision if side == 0 else "this checkout"
                    print(f"The measures do not run on {which}; see above.", file=sys.stderr)
                    return 1
                rounds[side].append(figures)
    print(render(changes(*rounds), revision))
    return 0


if __name__ == "__main__":
    sys.exit(main())
