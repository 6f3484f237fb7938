"""One webhook: its target, its filter, its secrets, and how its deliveries have gone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from fluxapi.events.filters import Filter, Selection, read_filter
from fluxapi.model.usernames import username

from .signature import read_secret
from .targets import shown_url

__all__ = ["KINDS", "MAX_NUMBER", "OVERLAP_S", "Kind", "Matcher", "Webhook"]

Kind = Literal["job", "group-done", "first-failure", "queue-stopped", "node-drained"]

KINDS: tuple[Kind, ...] = ("job", "group-done", "first-failure", "queue-stopped", "node-drained")

OVERLAP_S = 86_400.0
"""Time for which the old secret signs, too, after a rotation."""

MAX_NUMBER = (1 << 53) - 1
"""The largest count, or number of a delivery, as JSON has it; a larger one is damage."""

_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]
_Moment = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
_Text = Annotated[str, msgspec.Meta(max_length=4096)]


class Webhook(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A webhook as it is stored.

    Attributes:
        id: Ten hex digits.
        name: The name for people.
        url: The target.
        secrets: The current secret, and after a rotation the one before it.
        rotated: When the secret was rotated.
        kinds: The kinds of notices that it gets.
        filter: The filter, by the schema of streams.
        origin: ``api``, or ``file`` for one of the settings file.
        disabled: Why nothing is sent anymore, or ``None``.
        behind: Time of the first event that waits outside of the store, ``None`` if there is none.
        delivered, failed, lost: Counts of deliveries that arrived, attempts that failed, and
            events that could not be kept.
        last_delivered: When the last one arrived.
        last_error: Why the last attempt failed; ``None`` after one that arrived.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{10}\Z")]
    name: Annotated[str, msgspec.Meta(max_length=64)]
    url: Annotated[str, msgspec.Meta(max_length=2048)]
    secrets: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=2)]
    rotated: _Moment | None = None
    kinds: list[Kind] = msgspec.field(default_factory=lambda: ["job"])
    filter: dict[str, Any] = {}
    origin: Literal["api", "file"] = "api"
    created: _Moment
    disabled: _Text | None = None
    behind: _Moment | None = None
    delivered: _Count = 0
    failed: _Count = 0
    lost: _Count = 0
    last_delivered: _Moment | None = None
    last_error: _Text | None = None

    def keys(self) -> list[bytes]:
        """Return the keys that sign a message now."""
        is_overlapping = self.rotated is not None and time.time() < self.rotated + OVERLAP_S
        return [read_secret(text) for text in self.secrets[: 2 if is_overlapping else 1]]

    def record(self) -> dict[str, Any]:
        """Return the record in the API, which has no secret."""
        found: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "url": shown_url(self.url),
            "kinds": self.kinds,
            "filter": self.filter,
            "origin": self.origin,
            "created": self.created,
            "enabled": self.disabled is None,
            "delivered": self.delivered,
            "failed": self.failed,
            "lost": self.lost,
        }
        for name in ("disabled", "rotated", "last_delivered", "last_error"):
            value = getattr(self, name)
            if value is not None:
                found[name] = value
        return found


class Matcher:
    """The compiled filter of a webhook."""

    def __init__(self, kinds: list[Kind], fields: Mapping[str, Any]) -> None:
        self.filter: Filter = read_filter(fields)
        self.kinds = frozenset(kinds)
        self.selection = Selection(self.filter)
        self.events = self.filter.events

    def takes_group(self, group: str, userid: int) -> bool:
        """Return whether the filter admits a group; its other members are about single jobs."""
        query = self.filter.jobs
        if query.group is not None and query.group.partition(".")[0] != group.partition(".")[0]:
            return False
        return query.user is None or query.user in {str(userid), username(userid)}

    def takes_queue(self, name: str) -> bool:
        """Return whether the filter admits a queue."""
        return self.filter.jobs.queue in {None, name}

    def takes_node(self, name: str) -> bool:
        """Return whether the filter admits a node."""
        return self.filter.jobs.node in {None, name}
