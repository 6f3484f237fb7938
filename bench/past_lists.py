"""Pages of past jobs, with random filters and words, of jobs that a generator has stored."""

from __future__ import annotations

import random
import sqlite3
import statistics
import time
from typing import Any

from fluxapi.archive.query import Range, find
from fluxapi.table.query import JobQuery

from .figures import Figure
from .past_jobs import DAY_S, SOURCE

__all__ = ["figures"]

_PAGES = 1000
_ROWS = 100
_FILTERS_MS, _WORDS_MS = 20.0, 100.0


def figures(database: sqlite3.Connection, jobs: int, until: float) -> list[Figure]:
    """Return the 95th percentile of the time for a page, for filters and for words."""
    chance = random.Random(2)  # noqa: S311 - the same queries in each run
    filters = [_filters(chance, until) for _ in range(_PAGES)]
    words = [JobQuery(text=_text(chance)) for _ in range(_PAGES // 5)]
    label = f"page of {_ROWS} of {jobs:,} past jobs, p95, "
    return [
        _figure(database, f"{label}any filters", filters, _FILTERS_MS),
        _figure(database, f"{label}words", words, _WORDS_MS),
    ]


def _figure(
    database: sqlite3.Connection, label: str, queries: list[JobQuery], bound: float
) -> Figure:
    spent = []
    for query in queries:
        begun = time.perf_counter()
        find(database, query, Range(SOURCE.id), limit=_ROWS)
        spent.append((time.perf_counter() - begun) * 1e3)
    p95 = statistics.quantiles(spent, n=20)[-1]
    return Figure(label, p95, "ms", "the bound", bound, 1.0, at_most=True)


def _filters(chance: random.Random, until: float) -> JobQuery:
    fields: dict[str, Any] = {}
    if chance.random() < 0.5:
        fields["user"] = str(chance.randrange(1000, 1062))
    if chance.random() < 0.4:
        results = ("COMPLETED", "FAILED", "CANCELED", "TIMEOUT")
        fields["results"] = frozenset(chance.sample(results, chance.choice((1, 1, 2))))
    if chance.random() < 0.3:
        fields["queue"] = chance.choice(("batch", "debug", "gpu", "none"))
    if chance.random() < 0.3:
        fields["name"] = chance.choice((f"train-{chance.randrange(110)}", "sim-9*", "none*"))
    if chance.random() < 0.2:
        fields["node"] = f"node{chance.randrange(260)}"
    if chance.random() < 0.3:
        fields["since"] = until - chance.random() * 30 * DAY_S
        fields["until"] = fields["since"] + chance.choice((3600.0, DAY_S))
    return JobQuery(**fields)


def _text(chance: random.Random) -> str:
    words = (
        "train",
        "eval",
        "prep",
        "sim",
        "python3",
        "failed",
        "seed",
        f"{chance.randrange(999)}",
    )
    return " ".join(chance.sample(words, chance.choice((1, 2, 3))))
