"""The context of the page of one job: record, states, events, resources and jobspec."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fluxapi.errors import FluxapiError
from fluxapi.instance.protocol import Instance, LookupKey
from fluxapi.model.eventlog import UNINDEXED, Event

from .humanize import duration, outcome, utc
from .visible import LONG, MEDIUM, SHORT, escaped, visible

__all__ = ["facts", "granted", "job_detail", "timeline"]

_STATES = (
    ("NEW", "t_submit"),
    ("DEPEND", "t_depend"),
    ("PRIORITY", "t_priority"),
    ("SCHED", "t_sched"),
    ("RUN", "t_run"),
    ("CLEANUP", "t_cleanup"),
    ("INACTIVE", "t_inactive"),
)

_MAX_EVENTS = 1000
"""Events in the page; only the last ones are included."""

_MAX_EVENTS_BYTES = 256 << 10
"""Size of the events in the page as JSON; each event has at most an eighth of it."""

_MAX_RECORD_BYTES = 64 << 10
"""Size of the record in the page as JSON; above it, long values are cut."""

_MAX_EXCEPTIONS = 100
_MAX_GRANTED = 1000
_MAX_MEMBERS = 64
"""Members that are kept of an object or list that is cut."""

_MAX_COMMAND_CHARS = 1000
"""Characters of the command at the top of the page; the jobspec has all of it."""

_MAX_TEXT_CHARS = 64 << 10
"""Characters of a jobspec or R in the page; the page links to a longer one."""

_EXPEDITED = 31

_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", re.ASCII)
"""An ID or a range of IDs of an idset (RFC 22)."""

_encoder = msgspec.json.Encoder()


async def job_detail(instance: Instance, jobid: int, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context of the page; parts that the instance fails to return are left out."""
    events, jobspec, granted_text = await asyncio.gather(
        _events(instance, jobid),
        _lookup(instance, jobid, "jobspec"),
        _lookup(instance, jobid, "R"),
    )
    spec = _decoded(jobspec)
    shown = None if events is None else _last(events)
    skipped = len(events or ()) - len(shown or ())
    since = events[0].timestamp if events else 0.0
    return {
        "outcome": outcome(record),
        "facts": facts(record),
        "timeline": timeline(record),
        "exceptions": _exceptions(record, events),
        "events": None if shown is None else _rows(shown, skipped, since),
        "jobspec": _pretty(jobspec),
        "command": _command(spec),
        "R": _pretty(granted_text),
        "granted": granted(_decoded(granted_text)),
        "skipped": skipped,
        "first": {
            "record": _cut(record, _MAX_RECORD_BYTES),
            "events": shown,
            "skipped": skipped,
            "next": sum(event.name not in UNINDEXED for event in events or ()),
        },
    }


async def _events(instance: Instance, jobid: int) -> list[Event] | None:
    try:
        return await instance.eventlog(jobid)
    except FluxapiError:
        return None


async def _lookup(instance: Instance, jobid: int, key: LookupKey) -> str:
    try:
        return await instance.lookup(jobid, key)
    except FluxapiError:
        return ""


def timeline(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the states of the job with their start and duration; the last one has no end."""
    reached = [(state, record[key]) for state, key in _STATES if key in record]
    ends = [since for _, since in reached[1:]]
    return [
        {
            "state": state,
            "since": since,
            "moment": utc(since),
            "lasted": _lasting(ends[at] - since) if at < len(ends) else "",
        }
        for at, (state, since) in enumerate(reached)
    ]


def _lasting(seconds: float) -> str:
    """Format the duration of a state, which is often below a second."""
    return f"{max(seconds, 0.0) * 1000:.0f}ms" if seconds < 1 else duration(seconds)


def facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the names and values that are set, for people."""
    pairs = [
        ("User", record.get("username")),
        ("Queue", record.get("queue")),
        ("Bank", record.get("bank")),
        ("Project", record.get("project")),
        ("Urgency", _urgency(record.get("urgency"))),
        ("Priority", record.get("priority")),
        ("Time limit", duration(record["duration"]) if record.get("duration") else "none"),
        ("Ran for", _lasting(record["runtime"]) if "runtime" in record else None),
        ("Dependencies", ", ".join(record.get("dependencies", ()))),
        ("Name", _long(record.get("name"))),
        ("Directory", record.get("cwd")),
        ("Tasks", record.get("ntasks")),
        ("Nodes", record.get("nnodes")),
        ("Cores", record.get("ncores")),
        ("Node list", record.get("nodelist")),
        ("Ranks", record.get("ranks")),
        ("URI", record.get("uri")),
        ("Cut short", ", ".join(record.get("truncated", ()))),
    ]
    return [
        (name, visible(value, MEDIUM)) for name, value in pairs if value is not None and value != ""
    ]


def _long(name: str | None) -> str | None:
    """Return a name that is too long for the title, else ``None``."""
    return name if name is not None and len(name) > SHORT else None


def _urgency(urgency: int | None) -> str | None:
    words = {0: "0 (held)", _EXPEDITED: "31 (expedited)"}
    return None if urgency is None else words.get(urgency, str(urgency))


def _exceptions(
    record: Mapping[str, Any], events: Iterable[Event] | None
) -> list[Mapping[str, Any]]:
    """Return all exceptions of the eventlog; without one, that of the record."""
    found = [event.context or {} for event in events or () if event.name == "exception"]
    if not found and record["exception"]["occurred"]:
        found = [record["exception"]]
    return [
        {
            "type": visible(context.get("type", "exception"), SHORT),
            "note": visible(context.get("note") or "", lines=True),
            "severity": context.get("severity", 0),
        }
        for context in found[-_MAX_EXCEPTIONS:]
    ]


def _last(events: Sequence[Event]) -> list[Event]:
    """Return the last events that fit in the page, with long values cut."""
    shown: list[Event] = []
    room = _MAX_EVENTS_BYTES
    for event in reversed(events[-_MAX_EVENTS:]):
        context = _cut(event.context, _MAX_EVENTS_BYTES // 8)
        cut = Event(event.timestamp, event.name[:SHORT], context)
        room -= len(_encoder.encode(cut))
        if room < 0:
            break
        shown.append(cut)
    return shown[::-1]


def _cut(value: Any, most: int) -> Any:
    """Return a JSON value, or a part of it if it has more than ``most`` bytes."""
    return value if len(_encoder.encode(value)) <= most else _part(value, most)


def _part(value: Any, most: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONG else f"{value[:LONG]} …"
    if isinstance(value, Mapping):
        part = {str(key)[:SHORT]: item for key, item in list(value.items())[:_MAX_MEMBERS]}
        each = most // max(len(part), 1)
        return {key: _cut(item, each) if each else None for key, item in part.items()}
    if isinstance(value, Sequence):
        kept = value[:_MAX_MEMBERS]
        each = most // max(len(kept), 1)
        return [_cut(item, each) if each else None for item in kept]
    return None


def _rows(events: Sequence[Event], first: int, since: float) -> list[dict[str, Any]]:
    return [
        {
            "index": index,
            "since": event.timestamp,
            "moment": utc(event.timestamp),
            "after": f"+{max(event.timestamp - since, 0.0):.3f}s",
            "name": visible(event.name, SHORT),
            "details": _details(event.context),
        }
        for index, event in enumerate(events, first)
    ]


def _details(context: Mapping[str, Any] | None) -> str:
    """Format a context like ``flux job eventlog``: ``key=JSON``, separated by spaces."""
    parts = [f"{key}={_encoder.encode(value).decode()}" for key, value in (context or {}).items()]
    text = " ".join(parts)
    return escaped(text if len(text) <= LONG else f"{text[:LONG]} …")


def granted(R: Any) -> list[dict[str, str]]:
    """Return the entries of an R object (RFC 20): ranks with the cores and gpus of each."""
    try:
        return [
            {
                "ranks": visible(entry["rank"], MEDIUM),
                "cores": _counted(entry["children"], "core"),
                "gpus": _counted(entry["children"], "gpu"),
            }
            for entry in R["execution"]["R_lite"][:_MAX_GRANTED]
        ]
    except (KeyError, TypeError, AttributeError):
        return []


def _counted(children: Mapping[str, Any], kind: str) -> str:
    """Return the count of a resource with its IDs; the ID 0 alone would read as a count."""
    idset = str(children.get(kind, ""))
    number = sum(int(it[2] or it[1]) - int(it[1]) + 1 for it in _RANGE.finditer(idset))
    return f"{number:,} ({kind} {visible(idset, MEDIUM)})" if idset else ""


def _command(spec: Any) -> str:
    try:
        command = spec["tasks"][0]["command"]
        text = command if isinstance(command, str) else shlex.join(command)
        return visible(text, _MAX_COMMAND_CHARS, lines=True)
    except (KeyError, IndexError, TypeError):
        return ""


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _pretty(text: str) -> str:
    """Format JSON with indentation; empty if it is too long for the page."""
    if not text or len(text) > _MAX_TEXT_CHARS:
        return ""
    try:
        return escaped(msgspec.json.format(text, indent=2))
    except (msgspec.MsgspecError, RecursionError):
        return escaped(text)
