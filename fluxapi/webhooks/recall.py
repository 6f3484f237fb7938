"""The events of the first backlog that an earlier service has not taken."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import UNINDEXED, Event, JournalMessage, admit
from fluxapi.model.fold import BAD_VALUE, apply, begin
from fluxapi.model.jobid import encode_f58
from fluxapi.notices.notice import Notice, job_notice
from fluxapi.table.index import Facets, facets
from fluxapi.table.table import Table

from .group_watch import GroupWatch
from .lanes import Hook

__all__ = ["CREATION_TOLERANCE_S", "TOLERANCE_S", "Recall", "Recalled"]

TOLERANCE_S = 120.0
"""Seconds before the cursor in which each event is looked up, since clocks of nodes may differ."""

CREATION_TOLERANCE_S = 5.0
"""After a restart, a webhook gets no event that is older than its creation by more than this."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """An event of the backlog, and the facets of its job after it; ``name`` is its ID in F58."""

    id: int
    name: str
    index: int | None
    event: Event
    facets: Facets


class Recall:
    """The cursor of an earlier service, and what it has taken around that time.

    Args:
        instance: The identity of the instance.
        cursor: Everything up to this time was taken.
        taken: How much was taken by webhook and key.
        hooks: The webhooks.
    """

    def __init__(
        self,
        instance: str,
        cursor: float,
        taken: Mapping[tuple[str, str], int],
        hooks: Iterable[Hook],
    ) -> None:
        self._instance = instance
        self._taken = taken
        self._since = {hook.id: _since(hook, cursor) for hook in hooks}
        self._first = min(self._since.values(), default=cursor)

    def events(self, piece: ChangeBatch, table: Table) -> Iterator[Recalled]:
        """Yield the recent events of the jobs in a piece of the backlog."""
        for message in piece:
            if isinstance(message, JournalMessage) and message.events:
                admitted = admit(message)
                if max(event.timestamp for event in admitted.events) >= self._first:
                    yield from _folded(admitted, table)

    def note_groups(self, piece: ChangeBatch, table: Table, groups: GroupWatch) -> None:
        """Note the groups of which a job has ended recently."""
        for message in piece:
            if isinstance(message, JournalMessage):
                job = table.get(message.id)
                if job is not None and job.is_inactive and job.t_inactive >= self._first:
                    groups.note(job)

    def is_new(self, hook: Hook, found: Recalled) -> bool:
        """Return whether a webhook has not taken an event yet."""
        since = self._since.get(hook.id)
        if since is None or found.event.timestamp < since:
            return False
        if found.index is None:
            told = job_notice(self._instance, found.id, None, found.event, None)
            return (hook.id, told.id) not in self._taken
        return found.index >= self._taken.get((hook.id, found.name), 0)

    def is_new_notice(self, hook: Hook, notice: Notice) -> bool:
        """Return whether a webhook has not taken a notice yet."""
        since = self._since.get(hook.id)
        if since is None or notice.time < since:
            return False
        return (hook.id, notice.id) not in self._taken


def _since(hook: Hook, cursor: float) -> float:
    """Return the time before which a webhook has taken everything."""
    behind = hook.webhook.behind
    taken = cursor if behind is None else min(behind, cursor)
    return max(hook.webhook.created - CREATION_TOLERANCE_S, taken - TOLERANCE_S)


def _folded(message: JournalMessage, table: Table) -> Iterator[Recalled]:
    job = begin(message.id, message.jobspec)
    known = table.get(message.id)
    if known is not None:
        # The table has settled the group by the user of the job.
        job.membership = known.membership
    # Each webhook looks it up.
    name, index = encode_f58(message.id), 0
    for event in message.events:
        is_indexed = event.name not in UNINDEXED
        # The table has warned of a bad value.
        with contextlib.suppress(*BAD_VALUE):
            apply(job, event, message.R)
        yield Recalled(message.id, name, index if is_indexed else None, event, facets(job))
        index += is_indexed
