"""RFC 18 events, the RFC 21 names of job events, and the messages of the job manager's journal."""

from __future__ import annotations

from typing import Any

import msgspec

from .jobid import JOBID_ANY
from .shallow import decode

__all__ = [
    "UNINDEXED",
    "Event",
    "JournalMessage",
    "Purged",
    "decode_eventlog",
    "decode_journal",
    "encode_event",
    "encode_eventlog",
]


class Event(msgspec.Struct, gc=False, omit_defaults=True):
    """One RFC 18 entry: ``timestamp`` in seconds since the epoch, ``name``, ``context``."""

    timestamp: float
    name: str
    context: dict[str, Any] | None = None


class JournalMessage(msgspec.Struct, gc=False, omit_defaults=True):
    """One response of ``job-manager.events-journal`` (src/modules/job-manager/journal.c).

    In the backlog ``events`` holds the whole eventlog of the job, live it holds one event.
    ``jobspec`` comes redacted (no environment) with the submit event, ``R`` with the alloc event.
    The message with ``id`` −1 ends the backlog. ``volatile``: the event is not in the eventlog;
    Flux does not say so of a memo, the instance that reads the journal finds out.
    """

    id: int
    events: list[Event]
    jobspec: dict[str, Any] | None = None
    R: dict[str, Any] | None = None
    volatile: bool = False

    @property
    def is_sentinel(self) -> bool:
        """True for the message between backlog and live events."""
        return self.id == JOBID_ANY


class Purged(msgspec.Struct, gc=False):
    """Inactive jobs that the job manager forgot (the ``job-purge-inactive`` event): their ids."""

    ids: list[int]


UNINDEXED = frozenset({"annotations", "invalidate"})
"""Journal events that never are in the eventlog and so have no index."""

_journal_decoder = msgspec.json.Decoder(JournalMessage)
_event_decoder = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()


def decode_journal(payload: str | bytes) -> JournalMessage:
    """Decode one raw journal payload; raises ``msgspec.MsgspecError`` when it is not one."""
    return decode(_journal_decoder.decode, payload)


def decode_eventlog(text: str | bytes) -> list[Event]:
    """Decode an eventlog as Flux keeps it: one JSON entry a line (RFC 18).

    Only newlines end lines: what a job writes may hold other characters that end them in Python.
    """
    lines = text.split("\n") if isinstance(text, str) else text.split(b"\n")
    return [decode(_event_decoder.decode, line) for line in lines if line]


def encode_event(event: Event) -> bytes:
    """One entry as Flux writes it, without the newline."""
    return _encoder.encode(event)


def encode_eventlog(events: list[Event]) -> bytes:
    """A whole eventlog: one entry a line, each with its newline."""
    return b"".join(_encoder.encode(event) + b"\n" for event in events)
