"""The banner of the queues that hold up jobs of the reader, before the script of the page has run.

``frontend/src/table/held_queues.js`` renews it, with the same texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from fluxapi.http import keys

__all__ = ["held_queues"]

_MAX_QUEUES = 3
"""Queues that are told."""

_KEYS = {
    # By whether the queue is stopped, has a name and has a reason.
    (True, True, False): "jobs.queue_held",
    (True, True, True): "jobs.queue_held_reason",
    (True, False, False): "jobs.the_queue_held",
    (True, False, True): "jobs.the_queue_held_reason",
    (False, True, False): "jobs.queue_disabled",
    (False, True, True): "jobs.queue_disabled_reason",
    (False, False, False): "jobs.the_queue_disabled",
    (False, False, True): "jobs.the_queue_disabled_reason",
}


async def held_queues(request: web.Request) -> list[dict[str, Any]]:
    """Return the queues to tell, each with the key of its sentence and what it names.

    Flux is not asked: a page that comes before the queues are known gets them from its script.
    """
    session = request[keys.SESSION]
    rows = await session.queues.holding(request[keys.PRINCIPAL], is_known=True)
    return [_told(row) for row in rows[:_MAX_QUEUES]]


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    is_stopped, name = not row["started"], row["name"]
    reason = row.get("stop_reason" if is_stopped else "disable_reason") or ""
    return {
        "key": _KEYS[is_stopped, bool(name), bool(reason)],
        "name": name,
        "reason": reason,
        "count": row["jobs"]["mine"],
    }
