"""Converts journal messages of older releases to the form of the newest release.

* The jobspec of a new job comes with the ``submit`` event since 0.63, and with ``validate`` before
  (flux-core, src/modules/job-manager/journal.c). The job manager posts both together, with only
  events of its plugins in between (submit.c), so messages are not held back for long.
* Since 0.65 the job manager keeps only events of the eventlog in memory (event.c); before, the
  backlog and ``job-manager.getattr`` contain other events, too.
"""

from __future__ import annotations

from fluxapi.model.eventlog import Event, JournalMessage, encode_eventlog

__all__ = ["Normalizer", "committed", "completed", "is_whole"]

_UNCOMMITTED = frozenset({"annotations", "invalidate"})
"""Events that are posted and never written to the eventlog."""

_NAME, _CLEAN = '"name":"', '"name":"clean"'
"""How Flux writes the name of an event, before its context, and that of the last event of a job."""

_VALIDATED = frozenset({"validate", "invalidate"})
"""Events that end the validation of a job."""


def committed(events: list[Event]) -> list[Event]:
    """Return the events that are in the eventlog."""
    return [event for event in events if event.name not in _UNCOMMITTED]


def completed(stored: str, events: list[Event]) -> str:
    """Return a stored eventlog with the events of the job manager that it lacks.

    Memos are left out, since the job manager joins them, with those that are not stored at all. A
    job may have added lines; then fewer are missing.
    """
    # Texts of a context may have other separators of lines, such as U+2028.
    names = (line.partition(_NAME)[2] for line in stored.split("\n") if line)
    count = sum(not name.startswith('memo"') for name in names)
    told = [event for event in events if event.name != "memo"]
    return stored + encode_eventlog(told[count:]).decode()


def is_whole(stored: str) -> bool:
    """Return whether Flux has written the ``clean`` event, after which a job may add lines."""
    place = len(stored)
    while (place := stored.rfind(_CLEAN, 0, place)) >= 0:
        begin = stored.rfind("\n", 0, place) + 1
        # A memo may have such a member, too.
        if stored.find(_NAME, begin) == place:
            return True
        place = begin
    return False


_MAX_HELD = 256
"""Messages that are held back. A program that poses as an instance may never validate a job."""


class Normalizer:
    """A converter for one stream of the journal."""

    def __init__(self) -> None:
        self._backlog = True
        self._held: dict[int, list[JournalMessage]] = {}
        self._held_count = 0

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
        """Hold back the messages of a new job until its jobspec comes, and add it to the first."""
        held = self._held.get(message.id)
        name = message.events[0].name if message.events else ""
        if held is None:
            if name != "submit" or message.jobspec is not None:
                return [message]
            held = self._held[message.id] = []
        held.append(message)
        self._held_count += 1
        if name not in _VALIDATED:
            return self._excess()
        self._release(message.id)
        held[0].jobspec, message.jobspec = message.jobspec, None
        held[0].partial, message.partial = message.partial, False
        return held

    def _excess(self) -> list[JournalMessage]:
        """Return the messages of the oldest jobs that wait, as they are, while too many do."""
        found: list[JournalMessage] = []
        while self._held_count > _MAX_HELD:
            found += self._release(next(iter(self._held)))
        return found

    def _release(self, jobid: int) -> list[JournalMessage]:
        held = self._held.pop(jobid)
        self._held_count -= len(held)
        return held
