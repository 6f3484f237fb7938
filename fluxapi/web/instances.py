"""The page of the tree of instances."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from fluxapi.http import keys
from fluxapi.model.message import Sentence, text_of

from .job_counts import BY_RESULT, titled
from .rendering import few_at_once, render
from .words import Words, words_of

__all__ = ["instances"]

_MAX_INSTANCES = 1000
"""Instances on the page, as many as its stream has."""

_MEMBERS = ("id", "name", "username", "reason", "remedy", "nnodes", "size", "version", "hostname")
"""Members of the record of an instance that may be missing."""


_STATES = {
    "closed": "instances.closed",
    "opening": "instances.opening",
    "ready": "instances.ready",
    "unreachable": "instances.unreachable",
    "ended": "instances.ended",
}


class _Figures(NamedTuple):
    """The keys of a figure and of its title."""

    text: str
    title: str


_KINDS = {
    "nodes": _Figures("instances.nodes", "instances.nodes_in_use"),
    "cores": _Figures("instances.cores", "instances.cores_in_use"),
    "gpus": _Figures("instances.gpus", "instances.gpus_in_use"),
}


class _Use(NamedTuple):
    """A number of resources in use."""

    taken: int
    total: int
    title: str
    text: str


@few_at_once(keys.LIST_PAGES)
async def instances(request: web.Request) -> web.Response:
    """Render the tree of instances; its script keeps it current by the stream of the tree."""
    counters = request.app[keys.COUNTERS]
    await counters.want()
    words = words_of(request)
    rows: list[dict[str, Any]] = []
    truncated = False
    async for node in request.app[keys.TREE].walk():
        truncated = len(rows) == _MAX_INSTANCES
        if truncated:
            break
        counters.add_to(node)
        sentences = {"reason": node.problem, "remedy": node.remedy}
        rows.append(_row(node.record(), sentences, words))
    context = {
        "page": "instances",
        "instances": rows,
        "columns": titled(BY_RESULT, words),
        "limit": _MAX_INSTANCES,
        "truncated": truncated,
    }
    return await render(request, "instances.html", context)


def _row(
    record: Mapping[str, Any], sentences: Mapping[str, Sentence | None], words: Words
) -> dict[str, Any]:
    """Return what the page shows of one instance."""
    said = {name: text_of(it, words.text) for name, it in sentences.items() if it}
    jobs, began = record.get("jobs"), record.get("t_run")
    state = _shown_state(record)
    ended = record.get("t_end") or record.get("lost_since") or time.time()
    return {
        **dict.fromkeys(_MEMBERS, ""),
        **record,
        **said,
        "state": state,
        "runtime": words.duration(int(max(ended - began, 0))) if began else "",
        "status": words.text(_STATES[state]),
        "use": list(_use(record.get("utilization") or {}, words)),
        "counts": [
            (filter, None if jobs is None else sum(jobs[member].get(name, 0) for name in names))
            for _, member, names, filter in BY_RESULT
        ],
    }


def _shown_state(record: Mapping[str, Any]) -> str:
    """Return the state of an instance; one that has ended may be open, or open from the history."""
    state: str = record["state"]
    return "ended" if "t_end" in record and state != "unreachable" else state


def _use(utilization: Mapping[str, Mapping[str, int]], words: Words) -> Iterator[_Use]:
    """Yield what an instance has, and how much of it is in use."""
    for kind, figures in _KINDS.items():
        if kind not in utilization:
            continue
        taken, total = utilization[kind]["allocated"], utilization[kind]["total"]
        if total:
            text = words.text(figures.text, used=taken, count=total)
            yield _Use(taken, total, words.text(figures.title), text)
