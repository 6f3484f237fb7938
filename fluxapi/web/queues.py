"""The page of queues: what they allow, whether they are open, what waits there and for how long."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from fluxapi.errors import FluxapiError
from fluxapi.http import keys

from .problems import detail_of
from .rendering import render
from .visible import SHORT, visible
from .words import Words, words_of

__all__ = ["limits", "queues"]

_KINDS = (
    ("nodes", "queues.nodes", "queues.nodes_in_use"),
    ("cores", "queues.cores", "queues.cores_in_use"),
    ("gpus", "queues.gpus", "queues.gpus_in_use"),
)
"""The resources of a queue: the member of its record, and the keys of its title and label."""

_MAX_NAMES = 3
"""Queues that are named where they share nodes with another."""

_NONE: dict[str, dict[str, int]] = {"states": {}, "results": {}}
"""The counts of a queue without jobs."""

_STATES = {
    "open": ("queues.is_open", ""),
    "stopped": ("queues.is_stopped", "queues.stopped_help"),
    "disabled": ("queues.is_disabled", "queues.disabled_help"),
    "closed": ("queues.is_closed", "queues.closed_help"),
}
"""The keys of the word for each state, and of the sentence that explains it."""

_REASONS = {"stop_reason": "queues.is_stopped", "disable_reason": "queues.is_disabled"}
_DURATIONS = {"max_duration": "queues.max_duration", "default_duration": "queues.default_duration"}
_SIZES = {
    ("max_size", "nodes"): "queues.max_size_nodes",
    ("max_size", "cores"): "queues.max_size_cores",
    ("max_size", "gpus"): "queues.max_size_gpus",
    ("min_size", "nodes"): "queues.min_size_nodes",
    ("min_size", "cores"): "queues.min_size_cores",
    ("min_size", "gpus"): "queues.min_size_gpus",
}


async def queues(request: web.Request) -> web.Response:
    """Render the page, or only the list, which its script asks for again and again."""
    session = request[keys.SESSION]
    rows: list[dict[str, Any]] = []
    wrong = ""
    try:
        rows = await session.queues.rows(request[keys.PRINCIPAL], shared=True)
    except FluxapiError as error:
        wrong = detail_of(words_of(request), error)
    now, counts = time.time(), session.table.queues.record()
    words = words_of(request)
    is_past = session.info.kind == "archive"
    context = {
        "page": "queues",
        "queues": [
            {
                **_shown(row, now, words),
                "total": sum(counts.get(row["name"], _NONE)["states"].values()),
            }
            for row in rows
            if row["name"] or not is_past
        ],
        "held": [row for row in rows if not row["started"] and row.get("jobs", {}).get("mine")],
        "kinds": _KINDS,
        "has_gpus": any(row.get("gpus", {}).get("total") for row in rows),
        "is_single": not is_past and [row["name"] for row in rows] == [""],
        "is_past": is_past,
        "wrong": wrong,
    }
    name = "queues_part.html" if request[keys.QUERY].get("part") else "queues.html"
    return await render(request, name, context)


def _shown(row: Mapping[str, Any], now: float, words: Words) -> dict[str, Any]:
    """Return a queue of ``GET /queues`` with what its row says of it."""
    jobs = row.get("jobs", {})
    oldest = jobs.get("oldest_submit")
    median = jobs.get("median_wait")
    name = state(row)
    word, sentence = _STATES[name]
    return {
        **row,
        "state": name,
        "state_text": word,
        "state_help": sentence,
        "reasons": [(key, row[kind]) for kind, key in _REASONS.items() if row.get(kind)],
        "jobs": jobs,
        "shared": _named(row.get("shared_with", ())),
        "oldest": "" if oldest is None else _wait(now - oldest, words),
        "oldest_submit": oldest,
        "median": "" if median is None else _wait(median, words),
        "recent": words.duration(jobs["recent_median_wait"]) if "recent_starts" in jobs else "",
        "limits": limits(row, words),
    }


def _named(queues: Sequence[str]) -> str:
    """Return the names of a few queues as one text."""
    names = [visible(name, SHORT) for name in queues[:_MAX_NAMES]]
    return ", ".join([*names, "…"] if len(queues) > _MAX_NAMES else names)


def _wait(seconds: float, words: Words) -> str:
    """Return a time that still grows, in whole seconds."""
    return words.duration(max(int(seconds), 0))


def state(row: Mapping[str, Any]) -> str:
    """Return the state of a queue in one word: what keeps most jobs from it comes first."""
    if row["enabled"]:
        return "open" if row["started"] else "stopped"
    return "disabled" if row["started"] else "closed"


def limits(row: Mapping[str, Any], words: Words) -> list[tuple[str, dict[str, str | int]]]:
    """Return the key of a text and its values for each limit of a queue (RFC 33)."""
    # A duration of zero is not limited.
    found: list[tuple[str, dict[str, str | int]]] = [
        (key, {"value": words.duration(row[kind])})
        for kind, key in _DURATIONS.items()
        if row.get(kind)
    ]
    # Flux gives a job without a time limit the default, and then refuses it.
    if 0 < (row.get("max_duration") or 0.0) < (row.get("default_duration") or 0.0):
        found[-1] = ("queues.default_beyond", found[-1][1])
    for (bound, kind), key in _SIZES.items():
        size = row.get(bound, {}).get(kind)
        if size is not None:
            found.append((key, {"count": size}))
    return found
