"""What older releases tell otherwise in the journal, as the newest tells it.

* The jobspec of a new job comes with the ``submit`` event since 0.63, before with ``validate``
  (flux-core, src/modules/job-manager/journal.c). The job manager posts both in one go, and between
  them only what its plugins add (submit.c), so nothing waits here for long.
* The job manager keeps no event in memory that is not in the eventlog since 0.65 (event.c); before,
  the backlog and ``job-manager.getattr`` hold those, too.
"""

from __future__ import annotations

from fluxapi.model.eventlog import Event, JournalMessage

__all__ = ["Normalizer", "committed"]

_UNCOMMITTED = frozenset({"annotations", "invalidate"})
"""Events that are posted and never written to the eventlog."""

_VALIDATED = frozenset({"validate", "invalidate"})
"""Events that end the validation of a job."""


def committed(events: list[Event]) -> list[Event]:
    """Return the events that are in the eventlog."""
    return [event for event in events if event.name not in _UNCOMMITTED]


class Normalizer:
    """One stream of the journal, made the same for all releases."""

    def __init__(self) -> None:
        self._backlog = True
        self._held: dict[int, list[JournalMessage]] = {}

    def take(self, message: JournalMessage) -> list[JournalMessage]:
        """Return the messages that are complete now, in order."""
        if message.is_sentinel:
            self._backlog = False
        elif self._backlog:
            message.events = committed(message.events)
        else:
            return self._join(message)
        return [message]

    def _join(self, message: JournalMessage) -> list[JournalMessage]:
        """Hold the messages of a new job back until its jobspec comes, and put it in the first."""
        held = self._held.get(message.id)
        name = message.events[0].name if message.events else ""
        if held is None:
            if name != "submit" or message.jobspec is not None:
                return [message]
            self._held[message.id] = [message]
            return []
        held.append(message)
        if name not in _VALIDATED:
            return []
        del self._held[message.id]
        held[0].jobspec, message.jobspec = message.jobspec, None
        return held
