"""Webhooks: requests that the service sends when something has happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from fluxapi.client.body import decoded
from fluxapi.client.request import Request
from fluxapi.client.transport import SentToken
from fluxapi.client.webhook import (
    CreatedWebhook,
    DeadLetter,
    Webhook,
    WebhookKind,
    WebhookTest,
)

from .base import Methods

__all__ = ["WebhookMethods"]

_PAGE_SIZE = 1000


class WebhookMethods(Methods):
    """The methods that manage webhooks; they need the scope ``admin``."""

    async def create_webhook(
        self,
        url: str,
        *,
        name: str | None = None,
        kinds: Sequence[WebhookKind] | None = None,
        filter: Mapping[str, Any] | None = None,
        secret: str | None = None,
    ) -> CreatedWebhook:
        """Create a webhook, whose secret is in the result and shown this once.

        Args:
            url: The target.
            name: A name that no other webhook has; by default its ID.
            kinds: The kinds of messages that it gets; by default the events of jobs.
            filter: Which events, as in :meth:`events`: ``id``, ``state``, ``result``, ``user``,
                ``name``, ``queue``, ``group``, ``node``, ``event``.
            secret: The secret that signs messages; by default a new one.
        """
        given = {"name": name, "kinds": kinds, "filter": filter, "secret": secret}
        body = {"url": url} | {key: it for key, it in given.items() if it is not None}
        made = await self._transport.post("/webhooks", body, _Created)
        return CreatedWebhook(_webhook(made), made.secret, made.kept)

    async def webhooks(self) -> list[Webhook]:
        """Return all webhooks without their secrets, the newest first."""
        found = await self._transport.get("/webhooks", _Webhooks)
        return [_webhook(it) for it in found.webhooks]

    async def webhook(self, name: str) -> Webhook:
        """Return the webhook with this name or ID; raise ``NotFound``."""
        return _webhook(await self._transport.get(_path(name), _Shown))

    async def remove_webhook(self, name: str) -> Webhook:
        """Remove the webhook with this name or ID, and return it; raise ``NotFound``."""
        response = await self._transport.ask(Request("DELETE", _path(name)))
        return _webhook(decoded(response.body, _Shown))

    async def check_webhook(self, name: str) -> WebhookTest:
        """Have a test message sent to a webhook, once, and return the result."""
        found = await self._transport.post(f"{_path(name)}/test", {}, _Tested)
        return WebhookTest(found.delivered, found.seconds, found.status, found.reason)

    async def rotate_webhook(self, name: str) -> CreatedWebhook:
        """Give a webhook a new secret; for a day, messages have the old signature, too."""
        made = await self._transport.post(f"{_path(name)}/rotate", {}, _Created)
        return CreatedWebhook(_webhook(made), made.secret, made.kept)

    async def enable_webhook(self, name: str) -> Webhook:
        """Have messages sent again to a webhook that was disabled."""
        return _webhook(await self._transport.post(f"{_path(name)}/enable", {}, _Shown))

    async def dead_letters(self, name: str) -> list[DeadLetter]:
        """Return the messages of a webhook that were given up, the newest first."""
        letters: list[DeadLetter] = []
        before: int | None = None
        while True:
            query = {"limit": _PAGE_SIZE, "before": before}
            page = await self._transport.get(f"{_path(name)}/dead", _Letters, query)
            letters += page.letters
            if page.next is None or (before is not None and page.next >= before):
                return letters
            before = page.next

    async def retry_webhook(self, name: str, numbers: Sequence[int] | None = None) -> int:
        """Have messages sent again that were given up: these, or all; return how many."""
        body = {} if numbers is None else {"numbers": list(numbers)}
        return (await self._transport.post(f"{_path(name)}/retry", body, _Retried)).retried


class _Shown(msgspec.Struct):
    id: str
    name: str
    url: str
    kinds: list[str]
    filter: dict[str, Any]
    origin: str
    created: float
    enabled: bool
    delivered: int
    failed: int
    lost: int
    pending: int
    dead: int
    disabled: str | None = None
    rotated: float | None = None
    last_delivered: float | None = None
    last_error: str | None = None
    behind: int = 0


class _Created(_Shown, kw_only=True):
    secret: SentToken
    kept: bool


class _Webhooks(msgspec.Struct):
    webhooks: list[_Shown]


class _Tested(msgspec.Struct):
    delivered: bool
    seconds: float
    status: int | None = None
    reason: str | None = None


class _Letters(msgspec.Struct):
    letters: list[DeadLetter]
    next: int | None = None


class _Retried(msgspec.Struct):
    retried: int


def _path(name: str) -> str:
    return f"/webhooks/{quote(name, safe='')}"


def _webhook(shown: _Shown) -> Webhook:
    return Webhook(**{name: getattr(shown, name) for name in Webhook.__dataclass_fields__})
