"""The routes of webhooks."""

from __future__ import annotations

from fluxapi import errors
from fluxapi.contracts.route import Route

from . import webhooks

__all__ = ["WEBHOOKS"]

_HOOKED = {"Location": "Reference to the webhook, relative to the path of the request."}
_HOOK = (errors.NotFound,)

WEBHOOKS: tuple[Route, ...] = (
    Route(
        "GET", "/webhooks", webhooks.list_webhooks, "listWebhooks", "webhooks",
        "List the webhooks, without their secrets.", {200: "webhook-list"},
        fails=(errors.NotStored,), scope="service", right="admin",
    ),
    Route(
        "POST", "/webhooks", webhooks.create, "createWebhook", "webhooks",
        "Create a webhook: a target, the kinds of its messages, and a filter.",
        {201: "created-webhook"}, body="new-webhook", body_use="required",
        fails=(errors.Conflict, errors.NotStored), tells=_HOOKED,
        scope="service", right="admin",
    ),
    Route(
        "GET", "/webhooks/{webhook}", webhooks.record, "getWebhook", "webhooks",
        "Get one webhook, without its secret.", {200: "webhook"},
        parameters={"webhook": ("ID or name of the webhook.", "failures")},
        fails=(*_HOOK, errors.NotStored), scope="service", right="admin",
    ),
    Route(
        "DELETE", "/webhooks/{webhook}", webhooks.remove, "removeWebhook", "webhooks",
        "Remove a webhook, with the messages that wait for it.", {200: "webhook"},
        fails=(*_HOOK, errors.Conflict, errors.NotStored), scope="service", right="admin",
    ),
    Route(
        "POST", "/webhooks/{webhook}/test", webhooks.test, "testWebhook", "webhooks",
        "Send a test message now, once, and wait for the result.", {200: "webhook-tested"},
        fails=_HOOK, scope="service", right="admin",
    ),
    Route(
        "POST", "/webhooks/{webhook}/rotate", webhooks.rotate, "rotateWebhookSecret", "webhooks",
        "Give a webhook a new secret; for a day, messages also have a signature with the old one.",
        {200: "created-webhook"}, fails=(*_HOOK, errors.Conflict, errors.NotStored),
        scope="service", right="admin",
    ),
    Route(
        "POST", "/webhooks/{webhook}/enable", webhooks.enable, "enableWebhook", "webhooks",
        "Enable a disabled webhook, which gets the events from then on.",
        {200: "webhook"}, fails=(*_HOOK, errors.NotStored), scope="service", right="admin",
    ),
    Route(
        "GET", "/webhooks/{webhook}/dead", webhooks.dead_letters, "listDeadLetters", "webhooks",
        "List the messages of a webhook that were given up, the newest first.",
        {200: "dead-letters"}, query="dead-letters-query", fails=(*_HOOK, errors.NotStored),
        scope="service", right="admin",
    ),
    Route(
        "POST", "/webhooks/{webhook}/retry", webhooks.retry, "retryDeadLetters", "webhooks",
        "Resend messages that were given up.",
        {200: "webhook-retried"}, body="webhook-retry", body_use="optional",
        fails=(*_HOOK, errors.Conflict, errors.NotStored), scope="service", right="admin",
    ),
)  # fmt: skip
