"""The order of the jobs on one page of past jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .columns import COLUMNS, Column

__all__ = ["direction", "is_sorted", "next_order", "past_columns", "sort_jobs"]

Job = Mapping[str, Any]


def _runtime(job: Job) -> float | None:
    if "t_run" not in job or "t_cleanup" not in job:
        return None
    seconds: float = job["t_cleanup"] - job["t_run"]
    return seconds


def _text(name: str, job: Job) -> str | None:
    value = job.get(name)
    return value.casefold() if isinstance(value, str) and value else None


def _number(name: str, job: Job) -> float | None:
    value = job.get(name)
    return value if isinstance(value, int | float) else None


_KEYS: dict[str, Callable[[Job], Any]] = {
    **{key: partial(_text, key) for key in ("name", "status", "queue")},
    "user": partial(_text, "username"),
    **{key: partial(_number, key) for key in ("ntasks", "nnodes")},
    "runtime": _runtime,
    "ended": partial(_number, "t_inactive"),
}
"""The value by which each column sorts; jobs without one come last in both orders."""

_LARGEST_FIRST = frozenset({"ntasks", "nnodes", "runtime", "ended"})


def is_sorted(key: str) -> bool:
    """Return whether the jobs can be sorted by the column with this key."""
    return key in _KEYS


def direction(order: str, key: str) -> str:
    """Return how an order sorts the column with this key, as ``aria-sort`` says it, or ''."""
    if not order or order.lstrip("-") != key or key not in _KEYS:
        return ""
    return "descending" if order.startswith("-") else "ascending"


def next_order(order: str, key: str) -> str:
    """Return the order that a press of a heading gives: one, its reverse, then newest first."""
    first = f"-{key}" if key in _LARGEST_FIRST else key
    second = key if key in _LARGEST_FIRST else f"-{key}"
    return {first: second, second: ""}.get(order, first)


def sort_jobs(jobs: list[Any], order: str) -> str:
    """Sort the jobs of a page in place; return the order, or '' for one that is unknown."""
    key = _KEYS.get(order.removeprefix("-"))
    if key is None:
        return ""
    with_value = [job for job in jobs if key(job) is not None]
    without = [job for job in jobs if key(job) is None]
    with_value.sort(key=key, reverse=order.startswith("-"))
    jobs[:] = with_value + without
    return order


def past_columns(columns: list[Column]) -> list[Column]:
    """Return the columns of past jobs: those of a first visit, and the time of the end."""
    (ended,) = (column for column in COLUMNS if column.key == "ended")
    place = next((at for at, it in enumerate(columns) if it.key == "submitted"), len(columns) - 1)
    return [*columns[: place + 1], ended, *columns[place + 1 :]]
