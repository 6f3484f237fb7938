"""RFC 18 events, the RFC 21 names of job events, and the messages of the job manager's journal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from .jobid import JOBID_ANY
from .shallow import decode

__all__ = [
    "MAX_EVENT_BYTES",
    "UNINDEXED",
    "Event",
    "JournalMessage",
    "Purged",
    "admit",
    "decode_eventlog",
    "decode_journal",
    "encode_event",
    "encode_eventlog",
]


MAX_EVENT_BYTES = 1 << 16
"""An entry of an eventlog as JSON, in the event channel; RFC 21 events have some hundred bytes."""

_MAX_NAME_LENGTH = 128
_MAX_TIMESTAMP = 1e11
"""Seconds; a time that Flux gives is far below."""


class Event(msgspec.Struct, gc=False, omit_defaults=True):
    """One RFC 18 entry: ``timestamp`` in seconds since the epoch, ``name``, ``context``.

    ``truncated``: the context was too large to be kept.
    """

    timestamp: float
    name: str
    context: dict[str, Any] | None = None
    truncated: bool = False


class JournalMessage(msgspec.Struct, gc=False, omit_defaults=True):
    """One response of ``job-manager.events-journal`` (src/modules/job-manager/journal.c).

    In the backlog ``events`` holds the whole eventlog of the job, live it holds one event.
    ``jobspec`` comes redacted (no environment) with the submit event, ``R`` with the alloc event.
    The message with ``id`` −1 ends the backlog.
    """

    id: int
    events: list[Event]
    jobspec: dict[str, Any] | None = None
    R: dict[str, Any] | None = None

    @property
    def is_sentinel(self) -> bool:
        """True for the message between backlog and live events."""
        return self.id == JOBID_ANY


class Purged(msgspec.Struct, gc=False):
    """Inactive jobs that the job manager forgot (the ``job-purge-inactive`` event): their ids."""

    ids: list[int]


class Resync(msgspec.Struct, frozen=True, gc=False):
    """What follows, up to the sentinel, is a whole listing: each job with all its events.

    A job that the listing lacks is gone.
    """


UNINDEXED = frozenset({"annotations", "invalidate", "memo"})
"""Events without an index.

Annotations and ``invalidate`` are in no eventlog. Of a memo the journal does not say whether it is
in one (a volatile one is not), and to ask Flux for each would put a call into the read path.
"""

_journal_decoder = msgspec.json.Decoder(JournalMessage)
_LARGE = 1 << 17
"""Bytes of a journal message from which on it is decoded in parts."""

_MAX_R_BYTES = 1 << 22
_LARGE_MEMO = re.compile(
    rb'\{"id":([0-9]{1,20}),"events":\[\{"timestamp":([0-9]{1,11}(?:\.[0-9]{1,20})?),"name":"(memo|annotations)"'
)
"""The head of a live message that holds nothing else (src/modules/job-manager/journal.c)."""

_event_decoder = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()


def decode_journal(payload: str | bytes) -> JournalMessage:
    """Decode one raw journal payload; raises ``msgspec.MsgspecError`` when it is not one.

    A large one is decoded in parts, so that what a job brings and nobody keeps costs no time.
    """
    if len(payload) <= _LARGE:
        return decode(_journal_decoder.decode, payload)
    raw = payload.encode() if isinstance(payload, str) else payload
    memo = _LARGE_MEMO.match(raw)
    if memo is not None:
        event = Event(float(memo[2]), memo[3].decode(), None, truncated=True)
        return JournalMessage(int(memo[1]), [event])
    return _in_parts(decode(_large_decoder.decode, raw))


def admit(message: JournalMessage) -> JournalMessage:
    """Return the message with every time and name of its events within the limits of a record."""
    for event in message.events:
        if not 0.0 <= event.timestamp <= _MAX_TIMESTAMP or len(event.name) > _MAX_NAME_LENGTH:
            break
    else:
        return message
    events = [_admitted(event) for event in message.events]
    return JournalMessage(message.id, events, message.jobspec, message.R)


def _admitted(event: Event) -> Event:
    time = event.timestamp if 0.0 <= event.timestamp <= _MAX_TIMESTAMP else 0.0
    return Event(time, event.name[:_MAX_NAME_LENGTH], event.context, event.truncated)


class _LargeEvent(msgspec.Struct):
    timestamp: float
    name: str
    context: msgspec.Raw = msgspec.Raw(b"null")


class _LargeMessage(msgspec.Struct):
    id: int
    events: list[_LargeEvent]
    jobspec: msgspec.Raw = msgspec.Raw(b"null")
    R: msgspec.Raw = msgspec.Raw(b"null")


_large_decoder = msgspec.json.Decoder(_LargeMessage)

_SHOWN = {
    "attributes": {
        "system": dict.fromkeys(
            ("job", "cwd", "queue", "bank", "project", "duration", "shell"), None
        ),
        "user": {"fluxapi": None},
    },
    "resources": None,
    "tasks": None,
}
"""The members of a jobspec that a record is made of."""


def _in_parts(large: _LargeMessage) -> JournalMessage:
    events = []
    for entry in large.events:
        context = _small(entry.context)
        truncated = context is None and bytes(entry.context) != b"null"
        events.append(Event(entry.timestamp, entry.name, context, truncated))
    R = msgspec.json.decode(large.R) if len(bytes(large.R)) <= _MAX_R_BYTES else {}
    return JournalMessage(large.id, events, _pick(large.jobspec, _SHOWN), R)


def _small(raw: msgspec.Raw) -> dict[str, Any] | None:
    if len(bytes(raw)) > MAX_EVENT_BYTES:
        return None
    value = decode(msgspec.json.decode, bytes(raw))
    return value if isinstance(value, dict) else None


def _pick(raw: msgspec.Raw, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """Decode the *wanted* members of an object, each of which must be small."""
    try:
        members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        return None
    found: dict[str, Any] = {}
    for name, below in wanted.items():
        if name not in members:
            continue
        if below is not None:
            found[name] = _pick(members[name], below)
        elif len(bytes(members[name])) <= MAX_EVENT_BYTES:
            found[name] = decode(msgspec.json.decode, bytes(members[name]))
        elif name == "tasks":
            found[name] = _first_task(members[name])
    return found


def _first_task(raw: msgspec.Raw) -> Any:
    """Decode of the first task with a long command what a record shows."""
    try:
        task = msgspec.json.decode(raw, type=list[dict[str, msgspec.Raw]])[0]
        words = msgspec.json.decode(task["command"], type=list[msgspec.Raw])
        program = msgspec.json.decode(words[0], type=str)
        return [{"command": [program], "count": _small(task["count"])}]
    except (msgspec.MsgspecError, KeyError, IndexError):
        return None


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
