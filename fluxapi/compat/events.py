"""Events of jobs in the form of Flux's bindings."""

from __future__ import annotations

from typing import Any

from fluxapi.client import Event

__all__ = ["EventLogEvent", "event_of"]


class EventLogEvent(dict[str, Any]):
    """An entry of an eventlog (RFC 18), with its members as attributes, too."""

    @property
    def name(self) -> str:
        """The name of the event."""
        return str(self["name"])

    @property
    def timestamp(self) -> float:
        """Seconds since the epoch."""
        return float(self["timestamp"])

    @property
    def context(self) -> dict[str, Any]:
        """The context, empty if the event has none."""
        context: dict[str, Any] = self["context"]
        return context

    def __str__(self) -> str:
        return f"{self.timestamp:.5f}: {self.name} {self.context}"


def event_of(event: Event) -> EventLogEvent:
    """Return an event of the client in this form."""
    return EventLogEvent(
        timestamp=event.timestamp, name=event.name, context=dict(event.context or {})
    )
