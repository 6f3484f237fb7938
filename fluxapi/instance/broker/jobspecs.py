"""The jobspec of a job that is submitted while the journal is read: with ``submit``, always.

Flux sends it with the ``submit`` event since 0.63, before with ``validate`` (flux-core,
src/modules/job-manager/journal.c). The job manager posts both in one go, and between them only what
its plugins add (src/modules/job-manager/submit.c), so nothing waits here for long.
"""

from __future__ import annotations

from fluxapi.model.eventlog import JournalMessage

__all__ = ["JobspecJoiner"]

_LAST = frozenset({"validate", "invalidate"})
"""The events that end the validation of a job."""


class JobspecJoiner:
    """Holds the live messages of a job back until its jobspec comes, and puts it in the first."""

    def __init__(self) -> None:
        self._held: dict[int, list[JournalMessage]] = {}

    def take(self, message: JournalMessage) -> list[JournalMessage]:
        """Return the messages that are complete now, in order."""
        held = self._held.get(message.id)
        name = message.events[0].name if len(message.events) == 1 else ""
        if held is None:
            if name != "submit" or message.jobspec is not None:
                return [message]
            self._held[message.id] = [message]
            return []
        held.append(message)
        if name not in _LAST:
            return []
        del self._held[message.id]
        held[0].jobspec, message.jobspec = message.jobspec, None
        return held
