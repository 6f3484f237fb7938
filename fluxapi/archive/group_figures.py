"""Figures of jobs that have ended by name, user, queue, result or node."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fluxapi.model.hostlist import decode_hostlist
from fluxapi.model.usernames import username

from .job_figures import (
    CORE_SECONDS,
    COUNTS,
    FAILED_CORE_SECONDS,
    RUNS,
    SHARE,
    WAITS,
    JobFigures,
    Piece,
    Scope,
    times_of,
    weight_of,
)
from .quantiles import Times
from .span import Span

__all__ = ["MAX_GROUPS", "By", "Order", "group_figures"]

By = Literal["name", "user", "queue", "result", "node"]
Order = Literal["ended", "failed", "core_hours", "failed_core_hours"]

MAX_GROUPS = 50
"""Groups that are told one by one."""

_MAX_NODELISTS = 10_000
"""Different sets of nodes that are read; of more, those with the most jobs."""

_MAX_HOSTS = 500_000
"""Hosts of all of them together, which bounds the time that it takes to expand them."""

_COLUMNS: Mapping[By, str] = {
    "name": "name", "user": "userid", "queue": "queue", "result": "result", "node": "nodelist",
}  # fmt: skip
_FAILURES = "sum(result IN ('FAILED', 'TIMEOUT'))"
_ORDERS: Mapping[Order, str] = {
    "ended": "count(*)",
    "failed": _FAILURES,
    "core_hours": CORE_SECONDS,
    # Jobs that fail before they start lose none, so their number decides.
    "failed_core_hours": f"{FAILED_CORE_SECONDS} DESC, {_FAILURES}",
}


def group_figures(
    database: sqlite3.Connection,
    scope: Scope,
    span: Span,
    parts: Sequence[Piece],
    *,
    by: By,
    order: Order,
) -> dict[str, Any]:
    """Return the figures of the first groups in an order, and of all others together.

    Args:
        database: The history.
        scope: The jobs that count.
        span: The time in which they ended.
        parts: The figures of all jobs, by steps of *span*.
        by: The property that the jobs of a group share.
        order: The figure that puts the highest group first.
    """
    if by == "node":
        return _by_node(database, scope, span, order)
    column = _COLUMNS[by]
    rows = database.execute(
        f"SELECT {column}, count(*) OVER (), {COUNTS} {scope.source} "
        f"GROUP BY {column} ORDER BY {_ORDERS[order]} DESC, {column} LIMIT {MAX_GROUPS}",
        (span.since, span.until, *scope.values),
    ).fetchall()
    # A damaged row may have a value of any type; its jobs are among the others.
    kind = int if by == "user" else str
    shown = [(value, JobFigures.of(row)) for value, _, *row in rows if isinstance(value, kind)]
    times = _times(
        database, scope, span, parts, column=column, values=[value for value, _ in shown]
    )
    found: dict[str, Any] = {
        "by": by,
        "groups": [
            {**_named(by, value), **figures.record(), **times_of(*times[value])}
            for value, figures in shown
        ],
    }
    others = rows[0][1] - len(shown) if rows else 0
    if others:
        total = JobFigures.total([part.figures for part in parts])
        rest = total.minus(JobFigures.total([figures for _, figures in shown]))
        found["rest"] = {"groups": others, **rest.record()}
    return found


def _named(by: By, value: Any) -> dict[str, Any]:
    return {"value": username(value), "userid": value} if by == "user" else {"value": value}


def _times(
    database: sqlite3.Connection,
    scope: Scope,
    span: Span,
    parts: Sequence[Piece],
    *,
    column: str,
    values: Sequence[Any],
) -> dict[Any, tuple[list[Times], list[Times]]]:
    """Return the waits and run times of each group, step by step."""
    found: dict[Any, tuple[list[Times], list[Times]]] = defaultdict(lambda: ([], []))
    marks = ", ".join("?" * len(values))
    query = (
        f"SELECT {column}, {WAITS}, {RUNS} {scope.source} AND {column} IN ({marks}) "
        f"AND t_run > 0 AND {SHARE} GROUP BY {column}"
    )
    for part, step in zip(parts, span.steps, strict=True):
        if not part.figures.ended:
            continue
        weight = weight_of(part.figures.ended, span)
        of_step = (*span.part(*step), *scope.values, *values, weight)
        for value, waits, runs in database.execute(query, of_step):
            found[value][0].append(Times(waits, weight))
            found[value][1].append(Times(runs, weight))
    return found


def _by_node(
    database: sqlite3.Connection, scope: Scope, span: Span, order: Order
) -> dict[str, Any]:
    """Return the figures of nodes; a job counts on each of its nodes, with a share of its cores."""
    rows = database.execute(
        f"SELECT nodelist, {COUNTS} {scope.source} GROUP BY nodelist "
        f"ORDER BY {_ORDERS[order]} DESC LIMIT {_MAX_NODELISTS + 1}",
        (span.since, span.until, *scope.values),
    ).fetchall()
    is_cut = len(rows) > _MAX_NODELISTS
    nodes: dict[str, JobFigures] = {}
    hosts_left = _MAX_HOSTS
    for nodelist, *row in rows[:_MAX_NODELISTS]:
        hosts = _hosts(database, nodelist, hosts_left)
        if hosts is None:
            is_cut = True
            continue
        hosts_left -= len(hosts)
        figures = JobFigures.of(row)
        share = figures.per_node(len(hosts)) if hosts else figures
        for host in hosts:
            known = nodes.get(host)
            nodes[host] = share if known is None else known.plus(share)
    ranked = sorted(nodes.items(), key=lambda item: ([-it for it in item[1].rank(order)], item[0]))
    found: dict[str, Any] = {
        "by": "node",
        "groups": [{"value": host, **figures.record()} for host, figures in ranked[:MAX_GROUPS]],
    }
    others = [figures for _, figures in ranked[MAX_GROUPS:]]
    if others:
        found["rest"] = {"groups": len(others), **JobFigures.total(others).record()}
    if is_cut:
        found["is_cut"] = True
    return found


def _hosts(database: sqlite3.Connection, nodelist: int, most: int) -> list[str] | None:
    """Return the hosts of an allocation, each once; ``None`` if they are too many."""
    row = database.execute("SELECT hosts FROM nodelists WHERE key = ?", (nodelist,)).fetchone()
    if row is None or not row[0]:
        return []
    if not isinstance(row[0], str):
        return None
    try:
        return list(dict.fromkeys(decode_hostlist(row[0], most)))
    except ValueError:
        return None
