"""The page of webhooks."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fluxapi.http import keys

from .moments import moment
from .rendering import render
from .words import Words, words_of

__all__ = ["webhooks"]

_TOLD = {
    "job": "webhooks.kind_job",
    "group-done": "webhooks.kind_group_done",
    "first-failure": "webhooks.kind_first_failure",
    "queue-stopped": "webhooks.kind_queue_stopped",
    "node-drained": "webhooks.kind_node_drained",
}


async def webhooks(request: web.Request) -> web.Response:
    """Render the webhooks, without their secrets; its script creates, tests and removes them."""
    found, words = request.app[keys.WEBHOOKS], words_of(request)
    context = {
        "page": "webhooks",
        "webhooks": [_row(record, words) for record in await found.records()],
        "is_kept": found.is_kept,
        "problem": found.outbox.problem,
        "moment": moment,
    }
    return await render(request, "webhooks.html", context)


def _row(record: dict[str, Any], words: Words) -> dict[str, Any]:
    """Return a record with the words of the page."""
    if not record["enabled"]:
        state, status, why = "disabled", words.text("webhooks.disabled"), record["disabled"]
    elif "last_error" in record:
        state, status, why = "failing", words.text("webhooks.failing"), record["last_error"]
    elif "last_delivered" not in record:
        state, status, why = "unused", words.text("webhooks.unused"), ""
    else:
        state, status, why = "ok", words.text("webhooks.ok"), ""
    told = ", ".join(words.text(_TOLD[kind]) for kind in record["kinds"])
    conditions = [
        f"{name}: {', '.join(value) if isinstance(value, list) else value}"
        for name, value in record["filter"].items()
    ]
    shown = {"state": state, "status": status, "why": why, "told": told}
    return {**record, **shown, "conditions": conditions}
