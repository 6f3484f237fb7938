"""The store of webhooks as the rest of the package sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from fluxapi.notices.notice import Notice

from .webhook import Webhook

__all__ = ["FOREVER", "Changeset", "DeliveryStore", "Found", "NewDelivery", "Pending", "Retry"]

FOREVER = 1e12
"""The time of a mark that stays until it is removed."""


class NewDelivery(NamedTuple):
    """A notice for one webhook, and the mark that it was taken.

    Attributes:
        webhook: The ID of the webhook.
        lane: Deliveries of one lane arrive in order.
        key: The ID of the job or of the notice that was taken.
        upto: Of a job, the number of events that were taken.
        at: When it happened, by the clock of the instance.
        notice: The notice.
    """

    webhook: str
    lane: str
    key: str
    upto: int
    at: float
    notice: Notice


class Pending(NamedTuple):
    """A stored delivery that has not arrived yet, without its body.

    ``due`` is the time of the next attempt, seconds since the epoch; ``notice`` is the ID.
    """

    seq: int
    webhook: str
    lane: str
    notice: str
    attempts: int
    due: float
    created: float
    size: int


class Retry(NamedTuple):
    """A delivery that failed, and when it is sent again."""

    seq: int
    attempts: int
    due: float
    reason: str


@dataclass
class Changeset:
    """Changes that are written together, or not at all.

    Attributes:
        added: New deliveries.
        delivered: Those that have arrived.
        retried: Those that failed.
        dead: Those that are given up, with the number of attempts and the reason.
        webhooks: Webhooks whose state has changed.
        marks, unmarks: Marks of things that were taken, by webhook and key, with a time.
        cursor: Everything up to this time, by the clock of the instance, was taken.
    """

    added: list[NewDelivery] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)
    retried: list[Retry] = field(default_factory=list)
    dead: list[tuple[int, int, str]] = field(default_factory=list)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    marks: list[tuple[str, str, float]] = field(default_factory=list)
    unmarks: list[tuple[str, str]] = field(default_factory=list)
    cursor: float | None = None

    def __bool__(self) -> bool:
        return bool(
            self.added
            or self.delivered
            or self.retried
            or self.dead
            or self.webhooks
            or self.marks
            or self.unmarks
            or self.cursor is not None
        )


@dataclass(frozen=True)
class Found:
    """The content of the store at the start.

    Attributes:
        webhooks: All webhooks.
        pending: The deliveries that have not arrived, in order.
        taken: How much was taken, by webhook and key.
        states: The marks that stay, by webhook.
        cursor: Everything up to this time was taken; ``None`` in a new store.
        instance: The identity of the instance that the cursor belongs to.
    """

    webhooks: list[Webhook]
    pending: list[Pending]
    taken: dict[tuple[str, str], int]
    states: dict[str, set[str]]
    cursor: float | None
    instance: str | None


class DeliveryStore(Protocol):
    """Keeps webhooks and their deliveries; each method raises ``NotStored`` if it cannot."""

    @property
    def is_kept(self) -> bool:
        """Return whether the content outlives the service."""

    async def open(self) -> Found:
        """Open the store and return its content; raise ``SettingsError`` if that is impossible."""

    async def close(self) -> None:
        """Close the store."""

    async def begin(self, instance: str) -> None:
        """Note the identity of the instance; drop the cursor and the marks of another one."""

    async def commit(self, changes: Changeset) -> tuple[list[Pending], Mapping[str, int]]:
        """Write *changes*; return the added deliveries, and how many dead letters were dropped."""

    async def remove(self, webhook: str) -> None:
        """Remove a webhook with all of its deliveries."""

    async def bodies(self, seqs: Sequence[int]) -> Mapping[int, bytes]:
        """Return the bodies of those of these deliveries that exist."""

    async def prune(self, before: Mapping[str, float]) -> None:
        """Drop marks older than a time, by webhook."""

    async def dead(
        self, webhook: str, limit: int, before: int | None
    ) -> Sequence[Mapping[str, Any]]:
        """Return dead letters below a number, the newest first."""

    async def counts(self) -> Mapping[str, int]:
        """Return the number of dead letters by webhook."""

    async def revive(
        self, webhook: str, seqs: Sequence[int] | None, limit: int
    ) -> Sequence[Pending]:
        """Make dead letters pending again: these, or all; at most *limit*."""
