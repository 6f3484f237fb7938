"""Webhooks: create, list, test and remove them, and send their dead letters again."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fluxapi.http import base, keys

from .support import reply

__all__ = [
    "create",
    "dead_letters",
    "enable",
    "list_webhooks",
    "record",
    "remove",
    "retry",
    "rotate",
    "test",
]


async def create(request: web.Request) -> web.Response:
    """Create a webhook, and return its secret, which is shown this once."""
    webhooks = request.app[keys.WEBHOOKS]
    hook, secret = await webhooks.create(request[keys.BODY])
    created = {**webhooks.record(hook), "secret": secret, "kept": webhooks.is_kept}
    return reply(
        created, status=201, headers={"Location": base.relative(request, f"/v1/webhooks/{hook.id}")}
    )


async def list_webhooks(request: web.Request) -> web.Response:
    """Return all webhooks, the newest first, without their secrets."""
    webhooks = request.app[keys.WEBHOOKS]
    found: dict[str, Any] = {"webhooks": await webhooks.records(), "kept": webhooks.is_kept}
    if webhooks.outbox.problem is not None:
        found["problem"] = webhooks.outbox.problem
    return reply(found)


async def record(request: web.Request) -> web.Response:
    """Return one webhook, without its secret."""
    return reply(await request.app[keys.WEBHOOKS].shown(_named(request)))


async def remove(request: web.Request) -> web.Response:
    """Remove a webhook with all that waits for it."""
    webhooks = request.app[keys.WEBHOOKS]
    return reply(webhooks.record(await webhooks.remove(_named(request))))


async def rotate(request: web.Request) -> web.Response:
    """Give a webhook a new secret, which is shown this once."""
    webhooks = request.app[keys.WEBHOOKS]
    hook, secret = await webhooks.rotate(_named(request))
    return reply({**webhooks.record(hook), "secret": secret, "kept": webhooks.is_kept})


async def enable(request: web.Request) -> web.Response:
    """Send to a webhook again that was disabled."""
    webhooks = request.app[keys.WEBHOOKS]
    return reply(webhooks.record(await webhooks.enable(_named(request))))


async def test(request: web.Request) -> web.Response:
    """Send a test message now, and return what became of it."""
    outcome = await request.app[keys.WEBHOOKS].test(_named(request))
    found: dict[str, Any] = {
        "delivered": outcome.result == "delivered",
        "seconds": outcome.seconds,
    }
    if outcome.status is not None:
        found["status"] = outcome.status
    if outcome.reason is not None:
        found["reason"] = outcome.reason
    return reply(found)


async def dead_letters(request: web.Request) -> web.Response:
    """Return dead letters of a webhook, the newest first."""
    query = request[keys.QUERY]
    limit = query.get("limit", 100)
    rows = await request.app[keys.WEBHOOKS].dead(_named(request), limit, query.get("before"))
    letters = [
        {"number": row["seq"]} | {k: v for k, v in row.items() if k != "seq"} for row in rows
    ]
    found: dict[str, Any] = {"letters": letters}
    if len(letters) == limit:
        found["next"] = letters[-1]["number"]
    return reply(found)


async def retry(request: web.Request) -> web.Response:
    """Send dead letters of a webhook again."""
    numbers = request[keys.BODY].get("numbers")
    return reply({"retried": await request.app[keys.WEBHOOKS].retry(_named(request), numbers)})


def _named(request: web.Request) -> str:
    return request.match_info["webhook"]
