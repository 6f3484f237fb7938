"""RFC 18 events, the RFC 21 names of job events, and the messages of the job manager's journal."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from .jobid import JOBID_ANY
from .shallow import decode, decode_around, is_wide

__all__ = [
    "MAX_EVENT_BYTES",
    "UNINDEXED",
    "Event",
    "JournalMessage",
    "Purged",
    "admit",
    "decode_eventlog",
    "decode_journal",
    "decode_told",
    "encode_event",
    "encode_eventlog",
    "valid_events",
    "valid_lines",
]


MAX_EVENT_BYTES = 1 << 16
"""Limit of one event as JSON in the event channel; an RFC 21 event has about a hundred bytes."""

_MAX_NAME_LENGTH = 128
_MAX_TIMESTAMP = 1e11
"""Seconds since the epoch; far above any time that Flux reports."""


class Event(msgspec.Struct, gc=False, omit_defaults=True):
    """One RFC 18 entry: ``timestamp`` in seconds since the epoch, ``name``, ``context``.

    ``truncated`` is set if the context was too large to keep.
    """

    timestamp: float
    name: str
    context: dict[str, Any] | None = None
    truncated: bool = False


class JournalMessage(msgspec.Struct, gc=False, omit_defaults=True):
    """One response of ``job-manager.events-journal`` (src/modules/job-manager/journal.c).

    In the backlog ``events`` is the whole eventlog of the job; in a live message it is one event.
    The submit event carries ``jobspec``, redacted (no environment); the alloc event carries ``R``.
    The message with ``id`` −1 ends the backlog. ``partial`` tells that the jobspec has more members
    than are here, if any are: that of a large message is decoded in parts.
    """

    id: int
    events: list[Event]
    jobspec: dict[str, Any] | None = None
    R: dict[str, Any] | None = None
    partial: bool = False

    @property
    def is_sentinel(self) -> bool:
        """True for the message that separates the backlog from the live events."""
        return self.id == JOBID_ANY


class Purged(msgspec.Struct, gc=False):
    """The IDs of inactive jobs that the job manager purged (the ``job-purge-inactive`` event)."""

    ids: list[int]


class Resync(msgspec.Struct, frozen=True, gc=False):
    """The start of a complete listing: each job with all its events follows, then the sentinel.

    A job that is not in the listing no longer exists.

    Attributes:
        jobs: The number of jobs in the listing, if it is known.
        is_same: The instance has run since the last listing, so that it has lost no job. It has
            purged those that are missing.
    """

    jobs: int | None = None
    is_same: bool = False


UNINDEXED = frozenset({"annotations", "invalidate", "memo"})
"""Names of events without an index.

No eventlog contains ``annotations`` and ``invalidate``. An eventlog contains a memo unless it is
volatile; the journal does not tell the two apart, and the read path must not call Flux.
"""

_journal_decoder = msgspec.json.Decoder(JournalMessage)
_LARGE_MESSAGE_BYTES = 1 << 17
"""A longer journal message is decoded in parts."""

_MAX_R_BYTES = 1 << 22
_LARGE_MEMO = re.compile(
    rb'\{"id":([0-9]{1,20}),"events":\[\{"timestamp":([0-9]{1,11}(?:\.[0-9]{1,20})?),"name":"(memo|annotations)"'
)
"""The start of a live message whose only event is a memo (src/modules/job-manager/journal.c)."""

_NEXT_EVENT = b'},{"timestamp":'
"""The start of a further event, if it is not part of the memo."""

_event_decoder = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()


def decode_journal(payload: str | bytes) -> JournalMessage:
    """Decode one raw journal payload.

    A large payload is decoded in parts, so that large members that no record keeps cost no time.

    Raises:
        msgspec.MsgspecError: The payload is not a journal message.
    """
    if len(payload) <= _LARGE_MESSAGE_BYTES:
        return decode(_journal_decoder.decode, payload)
    raw = payload.encode() if isinstance(payload, str) else payload
    memo = _LARGE_MEMO.match(raw)
    if memo is not None and _NEXT_EVENT not in raw:
        event = Event(float(memo[2]), memo[3].decode(), None, truncated=True)
        return JournalMessage(int(memo[1]), [event])
    return _in_parts(decode_around(_large_decoder.decode, raw))


def admit(message: JournalMessage) -> JournalMessage:
    """Return the message with the times and names of its events clipped to a record's limits."""
    for event in message.events:
        if not 0.0 <= event.timestamp <= _MAX_TIMESTAMP or len(event.name) > _MAX_NAME_LENGTH:
            break
    else:
        return message
    events = [_admitted(event) for event in message.events]
    return JournalMessage(message.id, events, message.jobspec, message.R, message.partial)


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


class _Told(msgspec.Struct):
    eventlog: list[Event]


class _LargeTold(msgspec.Struct):
    eventlog: list[_LargeEvent]


_told_decoder = msgspec.json.Decoder(_Told)
_large_told_decoder = msgspec.json.Decoder(_LargeTold)
_large_decoder = msgspec.json.Decoder(_LargeMessage)
_large_event_decoder = msgspec.json.Decoder(_LargeEvent)
_tasks_decoder = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])

_SYSTEM = "job cwd queue bank project duration dependencies constraints shell"

_SHOWN = {
    "attributes": {"system": dict.fromkeys(_SYSTEM.split()), "user": {"fluxapi": None}},
    "resources": None,
    "tasks": None,
}
"""The members of a jobspec that a record shows."""


class _Shown(NamedTuple):
    """Decodes some members of an object as text, and passes over all others."""

    decoder: msgspec.json.Decoder[Any]
    members: Mapping[str, _Shown | None]


def _shown(wanted: Mapping[str, Any]) -> _Shown:
    fields = [(name, msgspec.Raw, _ABSENT) for name in wanted]
    return _Shown(
        msgspec.json.Decoder(msgspec.defstruct("Shown", fields)),
        {name: None if below is None else _shown(below) for name, below in wanted.items()},
    )


_ABSENT = msgspec.Raw()

_ALL_SHOWN = _shown(_SHOWN)
_OF_WIDE = _shown({"attributes": _SHOWN["attributes"]})
"""The members of a jobspec of very many values; a command may have them."""


def _in_parts(large: _LargeMessage) -> JournalMessage:
    events = list(map(_clipped, large.events))
    spec = _pick(large.jobspec, _OF_WIDE if is_wide(bytes(large.jobspec)) else _ALL_SHOWN)
    is_partial = bytes(large.jobspec) != b"null"
    return JournalMessage(large.id, events, spec or None, _decode_R(bytes(large.R)), is_partial)


def _decode_R(raw: bytes) -> Any:  # noqa: N802 - RFC 20's name
    if len(raw) <= _MAX_R_BYTES and not is_wide(raw):
        with contextlib.suppress(msgspec.MsgspecError):  # It is nested too deeply.
            return decode(msgspec.json.decode, raw)
    return {}


def _clipped(entry: _LargeEvent) -> Event:
    context = _small(entry.context)
    truncated = context is None and bytes(entry.context) != b"null"
    return Event(entry.timestamp, entry.name, context, truncated)


def _small(raw: msgspec.Raw) -> dict[str, Any] | None:
    if len(bytes(raw)) > MAX_EVENT_BYTES:
        return None
    value = decode(msgspec.json.decode, bytes(raw))
    return value if isinstance(value, dict) else None


def _pick(raw: msgspec.Raw, shown: _Shown) -> dict[str, Any] | None:
    """Decode the members of an object that are shown; each must be small."""
    try:
        members = decode_around(shown.decoder.decode, bytes(raw))
    except msgspec.MsgspecError:
        return None
    found: dict[str, Any] = {}
    for name, below in shown.members.items():
        member = bytes(getattr(members, name))
        if not member:
            continue
        if below is not None:
            found[name] = _pick(msgspec.Raw(member), below)
        elif len(member) <= MAX_EVENT_BYTES:
            found[name] = decode(msgspec.json.decode, member)
        elif name == "tasks":
            found[name] = _first_task(msgspec.Raw(member))
    return found


def _first_task(raw: msgspec.Raw) -> Any:
    """Decode the members of the first task that a record shows, but not its long command."""
    try:
        task = decode_around(_tasks_decoder.decode, bytes(raw))[0]
        words = msgspec.json.decode(task["command"], type=list[msgspec.Raw])
        program = msgspec.json.decode(words[0], type=str)
        return [{"command": [program], "count": _small(task["count"])}]
    except (msgspec.MsgspecError, KeyError, IndexError, RecursionError):
        return None


def decode_eventlog(text: str | bytes) -> list[Event]:
    r"""Decode an eventlog: one JSON entry per line (RFC 18).

    Only ``\n`` ends a line; ``str.splitlines`` would also split at other characters in the output
    of a job.
    """
    lines = text.split("\n") if isinstance(text, str) else text.split(b"\n")
    return [_event(line) for line in lines if line]


def _event(line: str | bytes) -> Event:
    try:
        return _event_decoder.decode(line)
    except RecursionError:
        raw = line.encode() if isinstance(line, str) else line
        return _clipped(decode_around(_large_event_decoder.decode, raw))


def decode_told(payload: bytes) -> list[Event]:
    """Decode the eventlog in an answer of ``job-manager.getattr``.

    In a long one, contexts of very many values are left out, and their events are truncated.
    """
    if len(payload) <= _LARGE_MESSAGE_BYTES:
        with contextlib.suppress(RecursionError):
            return _told_decoder.decode(payload).eventlog
    return list(map(_narrow, decode_around(_large_told_decoder.decode, payload).eventlog))


def _narrow(entry: _LargeEvent) -> Event:
    raw = bytes(entry.context)
    if is_wide(raw, MAX_EVENT_BYTES):
        return Event(entry.timestamp, entry.name, None, truncated=True)
    context = decode(msgspec.json.decode, raw)
    return Event(entry.timestamp, entry.name, context if isinstance(context, dict) else None)


def valid_events(text: str | bytes) -> list[Event]:
    """Return the events of an eventlog into which others may have written.

    Lines that are no events are left out: the instance owner can append any text to an eventlog.
    """
    events: list[Event] = []
    for line in text.split("\n") if isinstance(text, str) else text.split(b"\n"):
        with contextlib.suppress(msgspec.MsgspecError, RecursionError):
            events += decode_eventlog(line)
    return events


class _Line(msgspec.Struct, gc=False):
    """The form of an entry; the values in its context are not decoded."""

    timestamp: float
    name: str
    context: msgspec.Raw = msgspec.Raw(b"null")


_line_decoder = msgspec.json.Decoder(_Line)
_CONTEXT_STARTS = frozenset({b"{", b"n"})
"""First bytes of an object, and of ``null``."""


def valid_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines that are entries of an eventlog, as they are.

    Others are replaced by empty lines, see :func:`valid_events`.
    """
    for line in lines:
        found = b""
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            context = _line_decoder.decode(line).context
            found = line if bytes(memoryview(context)[:1]) in _CONTEXT_STARTS else b""
        yield found


def encode_event(event: Event) -> bytes:
    """Encode one entry as Flux writes it, without the newline."""
    return _encoder.encode(event)


def encode_eventlog(events: list[Event]) -> bytes:
    """Encode a whole eventlog: one entry per line, each with a newline."""
    return b"".join(_encoder.encode(event) + b"\n" for event in events)
