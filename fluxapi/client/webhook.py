"""Webhooks as the client returns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["CreatedWebhook", "DeadLetter", "Webhook", "WebhookKind", "WebhookTest"]

WebhookKind = Literal["job", "group-done", "first-failure", "queue-stopped", "node-drained"]
"""A kind of message that a webhook gets."""


@dataclass(frozen=True)
class Webhook:
    """A webhook without its secret; times are in seconds since the epoch."""

    id: str
    name: str
    url: str
    """The target, without its query."""
    kinds: Sequence[str]
    filter: Mapping[str, Any]
    origin: str
    """``api``, or ``file`` for one of the settings file of the service."""
    created: float
    enabled: bool
    delivered: int
    """Number of delivered messages."""
    failed: int
    """Number of failed attempts."""
    lost: int
    """Events that could not be kept."""
    pending: int
    """Messages that wait."""
    dead: int
    """Messages that were given up."""
    disabled: str | None = None
    """Why no messages are sent, if so."""
    rotated: float | None = None
    last_delivered: float | None = None
    last_error: str | None = None
    behind: int = 0
    """Jobs whose events are read again when fewer messages wait."""


@dataclass(frozen=True)
class CreatedWebhook:
    """A webhook with its secret, which the repr omits."""

    webhook: Webhook
    secret: str = field(repr=False)
    """The secret that verifies signatures."""
    kept: bool = True
    """``False`` if the webhook ends with the service, which has no state directory."""


@dataclass(frozen=True)
class WebhookTest:
    """The result of a test message."""

    delivered: bool
    seconds: float
    status: int | None = None
    """The status of the answer, if there was one."""
    reason: str | None = None
    """Why it was not delivered."""


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up; times are in seconds since the epoch."""

    number: int
    id: str
    """The ID of the message."""
    type: str
    subject: str
    """The job, group, queue or node in question."""
    created: float
    dead: float
    attempts: int
    reason: str
