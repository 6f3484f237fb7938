"""The page of webhooks."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fluxapi.http import keys

from .moments import moment
from .rendering import render

__all__ = ["webhooks"]

_TOLD = {
    "job": "events of jobs",
    "group-done": "groups that are done",
    "first-failure": "first failures in groups",
    "queue-stopped": "stopped queues",
    "node-drained": "drained nodes",
}


async def webhooks(request: web.Request) -> web.Response:
    """Render the webhooks, without their secrets; its script creates, tests and removes them."""
    found = request.app[keys.WEBHOOKS]
    context = {
        "page": "webhooks",
        "webhooks": [_row(record) for record in await found.records()],
        "is_kept": found.is_kept,
        "problem": found.outbox.problem,
        "moment": moment,
    }
    return await render(request, "webhooks.html", context)


def _row(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with the words of the page."""
    if not record["enabled"]:
        state, why = "Disabled", record["disabled"]
    elif "last_error" in record:
        state, why = "Failing", record["last_error"]
    else:
        state, why = "OK", ""
    told = ", ".join(_TOLD[kind] for kind in record["kinds"])
    conditions = [
        f"{name}: {', '.join(value) if isinstance(value, list) else value}"
        for name, value in record["filter"].items()
    ]
    return {**record, "state": state, "why": why, "told": told, "conditions": conditions}
