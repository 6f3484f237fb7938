"""Figures over a range of time: what has ended, how long it waited and ran, what was in use."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from .group_figures import By, Order, group_figures
from .job_figures import JobFigures, Scope, pieces, times_of
from .samples import read_use
from .span import Span

__all__ = ["FiguresQuery", "read_figures", "read_instance_use"]


class FiguresQuery(NamedTuple):
    """A question about figures.

    Attributes:
        span: The time in which jobs have ended.
        instance: The identity of the instance, or ``None`` for all instances.
        by: A property by which jobs are grouped, too.
        order: The order of the groups, the highest first.
    """

    span: Span
    instance: str | None
    by: By | None = None
    order: Order = "ended"


def read_figures(database: sqlite3.Connection, query: FiguresQuery) -> dict[str, Any]:
    """Return the figures as the API describes them."""
    span = query.span
    key = None if query.instance is None else _key(database, query.instance)
    scope = Scope(key)
    parts = list(pieces(database, scope, span))
    steps = [part.record() for part in parts]
    if key is not None:
        for step, use in zip(steps, read_use(database, key, span), strict=True):
            if use is not None:
                step["use"] = use
    total = JobFigures.total([part.figures for part in parts])
    times = times_of([part.waits for part in parts], [part.runs for part in parts])
    found: dict[str, Any] = {
        "since": span.since,
        "until": span.until,
        "step": span.step,
        "total": {**total.record(), **times},
        "steps": steps,
    }
    if query.instance is not None:
        found["instance"] = query.instance
    weight = max(part.waits.weight for part in parts)
    if weight > 1:
        found["sampled"] = weight
    if query.by is not None:
        found |= group_figures(database, scope, span, parts, by=query.by, order=query.order)
    return found


def read_instance_use(
    database: sqlite3.Connection, instance: str, span: Span
) -> Iterator[dict[str, float] | None]:
    """Yield the average figures of the samples of an instance, see :func:`.read_use`."""
    return read_use(database, _key(database, instance), span)


def _key(database: sqlite3.Connection, instance: str) -> int:
    """Return the key of an instance; no instance has that of one of which nothing is stored."""
    row = database.execute("SELECT key FROM instances WHERE id = ?", (instance,)).fetchone()
    return row[0] if row else -1
