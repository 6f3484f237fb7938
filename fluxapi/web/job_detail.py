"""The context of the page of one job: record, states, events, resources and jobspec.

The page has parts that change while it is open. The scripts ask for these as HTML (``?part=``) and
put them in place of the old ones, so this is the only code that renders them.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from fluxapi.errors import FluxapiError
from fluxapi.instance.protocol import LookupKey
from fluxapi.model.batch import SCRIPT, script_of
from fluxapi.model.constraint_text import constraint_text
from fluxapi.model.demand import demand
from fluxapi.model.eventlog import UNINDEXED, Event
from fluxapi.model.humanize import outcome_beside_exceptions, utc
from fluxapi.model.jobid import FANCY_PREFIX
from fluxapi.model.reason import dependency
from fluxapi.model.shallow import is_wide

from .granted_nodes import granted, tell_hosts
from .job_exceptions import exceptions
from .job_times import limit, timeline
from .visible import LONG, MEDIUM, SHORT, escaped, visible
from .words import Words

__all__ = [
    "PARTS",
    "Records",
    "facts",
    "job_detail",
    "job_part",
    "requested",
]

PARTS: Mapping[str, tuple[str, ...]] = {
    "record": ("outcome", "limit", "timeline", "facts"),
    "events": ("exceptions", "eventlog"),
    "resources": ("granted", "R"),
    "links": ("links",),
    "kept": ("omitted",),
}
"""The templates of each part of the page that changes; ``record`` needs no request to Flux.

``kept`` is asked for when Flux has purged the job.
"""

_MAX_EVENTS = 1000
"""Events in the page; only the last ones are included."""

_MAX_EVENTS_CHARS = 256 << 10
"""Characters of the events in the page."""

_MAX_COMMAND_CHARS = 1000
"""Characters of the command at the top of the page; the jobspec has all of it."""

_FANCY_ID = re.compile(rf"{FANCY_PREFIX}(?=[1-9A-HJ-NP-Za-km-z]{{1,12}}\b)")
"""The prefix of a job ID as the commands of Flux print it."""

_MAX_PRETTY_CHARS = 512 << 10

_MAX_TEXT_CHARS = 64 << 10
"""Characters of a jobspec or R in the page; the page links to a longer one."""

_EXPEDITED = 31
_HIGHEST = 2**32 - 1

_WAITED = {
    "waits.after_failure": "job.waited_failure",
    "waits.after_finish": "job.waited_finish",
    "waits.after_start": "job.waited_start",
    "waits.after_success": "job.waited_success",
    "waits.begin_time": "job.waited_until",
    "waits.other": "job.waited_other",
}
"""The keys of the phrases for dependencies of a job that has ended."""

_encoder = msgspec.json.Encoder()


class Records(Protocol):
    """An object that reads the data of a job: an instance, or the history."""

    async def lookup(self, jobid: int, key: LookupKey) -> str:
        """Return the eventlog, the jobspec or R; raise ``FluxapiError``."""

    async def eventlog(self, jobid: int) -> list[Event]:
        """Return the events; raise ``FluxapiError``."""


async def job_detail(
    records: Records, jobid: int, record: Mapping[str, Any], now: float, *, words: Words
) -> dict[str, Any]:
    """Return the context of the page; parts that the instance fails to return are left out."""
    jobspec, *parts = await asyncio.gather(
        _lookup(records, jobid, "jobspec"),
        *(job_part(part, records, jobid, record, now, words=words) for part in PARTS),
    )
    spec = _decoded(jobspec)
    context: dict[str, Any] = {
        "jobspec": _pretty(jobspec),
        "has_jobspec": bool(jobspec),
        "command": _command(spec),
        "cc_number": _cc_number(spec),
        **_script(spec),
        "requested": requested(spec, words),
        "start": {
            "id": record["id"],
            "state": record["state"],
            "urgency": record.get("urgency"),
            "ntasks": record.get("ntasks"),
        },
    }
    for part in parts:
        context.update(part)
    return context


async def job_part(
    part: str,
    records: Records,
    jobid: int,
    record: Mapping[str, Any],
    now: float,
    *,
    words: Words,
) -> dict[str, Any]:
    """Return the context of one of :data:`PARTS`, as of the time *now*."""
    if part == "events":
        events = await _events(records, jobid)
        return {"exceptions": exceptions(record, events, words.text), **_eventlog(events)}
    if part == "resources":
        text = await _lookup(records, jobid, "R")
        return {
            "R": _pretty(text),
            "has_R": bool(text),
            **await asyncio.to_thread(granted, _decoded(text), words),
        }
    if part in {"links", "kept"}:
        # The page adds them: they are those of the table and of the history.
        return {}
    return {
        "outcome": outcome_beside_exceptions(record, words.text),
        "limit": limit(record, now, words),
        "facts": facts(record, words),
        "timeline": timeline(record, now, words),
    }


async def _events(records: Records, jobid: int) -> list[Event] | None:
    try:
        return await records.eventlog(jobid)
    except FluxapiError:
        return None


async def _lookup(records: Records, jobid: int, key: LookupKey) -> str:
    try:
        return await records.lookup(jobid, key)
    except FluxapiError:
        return ""


def facts(record: Mapping[str, Any], words: Words) -> list[tuple[str, str, str]]:
    """Return key, name and value of each fact that is set, for people."""
    pairs = [
        ("job.fact_user", record.get("username")),
        ("job.fact_group", record.get("group_name") or record.get("group")),
        ("job.fact_queue", record.get("queue")),
        ("job.fact_bank", record.get("bank")),
        ("job.fact_project", record.get("project")),
        ("job.fact_urgency", _urgency(record.get("urgency"), words)),
        ("job.fact_priority", _priority(record.get("priority"), words)),
        ("job.fact_limit", _limit(record.get("duration"), words)),
        ("job.fact_runtime", words.duration(record["runtime"]) if "runtime" in record else None),
        ("job.fact_waited", _waited(record, words)),
        ("job.fact_name", _long(record.get("name"))),
        ("job.fact_directory", record.get("cwd")),
        ("job.fact_tasks", record.get("ntasks")),
        ("job.fact_nodes", record.get("nnodes")),
        ("job.fact_cores", record.get("ncores")),
        ("job.fact_nodelist", tell_hosts(record.get("nodelist") or "", words)),
        ("job.fact_ranks", record.get("ranks")),
        ("job.fact_uri", record.get("uri")),
        ("job.fact_truncated", ", ".join(record.get("truncated", ()))),
    ]
    return [
        (key, words.text(key), visible(value, MEDIUM))
        for key, value in pairs
        if value is not None and value != ""
    ]


def requested(spec: Any, words: Words) -> list[tuple[str, str, str]]:
    """Return key, name and value of facts that only the jobspec tells, as :func:`facts`."""
    if not isinstance(spec, Mapping):
        return []
    try:
        gpus = demand(spec.get("resources")).gpus
    except ValueError:
        gpus = None
    attributes = spec.get("attributes")
    system = attributes.get("system") if isinstance(attributes, Mapping) else None
    constraints = system.get("constraints") if isinstance(system, Mapping) else None
    pairs = (("job.fact_gpus", gpus), ("job.fact_requires", constraint_text(constraints)))
    return [(key, words.text(key), visible(value, MEDIUM)) for key, value in pairs if value]


def _limit(seconds: float | None, words: Words) -> str:
    return words.duration(seconds) if seconds else words.text("job.no_limit")


def _waited(record: Mapping[str, Any], words: Words) -> str:
    """Return what a job still waited for when it ended; before that, the outcome says it."""
    if record.get("state") != "INACTIVE":
        return ""

    def say(key: str, /, **values: object) -> str:
        return words.text(_WAITED[key], **values)

    return ", ".join(dependency(text, say) for text in record.get("dependencies", ()))


def _long(name: str | None) -> str | None:
    """Return a name that is too long for the title, else ``None``."""
    return name if name is not None and len(name) > SHORT else None


def _urgency(urgency: int | None, words: Words) -> str | None:
    if urgency == 0:
        return words.text("job.urgency_held", urgency=urgency)
    if urgency == _EXPEDITED:
        return words.text("job.urgency_expedited", urgency=urgency)
    return None if urgency is None else str(urgency)


def _priority(priority: int | None, words: Words) -> str | None:
    if priority == 0:
        return words.text("job.priority_held", priority=priority)
    if priority == _HIGHEST:
        return words.text("job.priority_highest")
    return None if priority is None else str(priority)


def _eventlog(events: Sequence[Event] | None) -> dict[str, Any]:
    """Return the last events that fit in the page, and the index of the next one to come."""
    since = events[0].timestamp if events else 0.0
    rows: list[dict[str, Any]] = []
    room = _MAX_EVENTS_CHARS
    total = len(events or ())
    for index in range(total - 1, max(total - _MAX_EVENTS, 0) - 1, -1):
        row = _row(index, (events or ())[index], since)
        room -= len(row["name"]) + len(row["details"])
        if room < 0:
            break
        rows.append(row)
    return {
        "events": None if events is None else rows[::-1],
        "skipped": total - len(rows),
        "next": sum(event.name not in UNINDEXED for event in events or ()),
    }


def _row(index: int, event: Event, since: float) -> dict[str, Any]:
    return {
        "index": index,
        "since": event.timestamp,
        "moment": utc(event.timestamp),
        "after": f"+{max(event.timestamp - since, 0.0):.3f}s",
        "name": visible(event.name, SHORT),
        "details": _details(event.context),
    }


def _details(context: Mapping[str, Any] | None) -> str:
    """Format a context like ``flux job eventlog``: ``key=JSON``, separated by spaces.

    Job IDs have the form of all others on the page.
    """
    text = ""
    for key, value in (context or {}).items():
        text += f"{' ' if text else ''}{key}={_encoder.encode(value).decode()}"
        if len(text) > LONG:
            text = f"{text[:LONG]} …"
            break
    return escaped(_FANCY_ID.sub("f", text))


def _command(spec: Any) -> str:
    try:
        command = spec["tasks"][0]["command"]
        if script_of(spec) is not None:
            # The broker is Flux's own, and the script has no other name than the job.
            name = spec["attributes"]["system"].get("job", {}).get("name") or "script"
            command = [name, *command[command.index(SCRIPT) + 1 :]]
        text = command if isinstance(command, str) else _joined(command)
        return visible(text, _MAX_COMMAND_CHARS, lines=True)
    except (AttributeError, KeyError, IndexError, TypeError):
        return ""


def _cc_number(spec: Any) -> str:
    """Return the number that the job of a group has by ``--cc``, or an empty text."""
    try:
        number = spec["attributes"]["user"]["fluxapi"]["cc"]
    except (KeyError, TypeError):
        return ""
    return visible(number, SHORT) if isinstance(number, str) else ""


def _script(spec: Any) -> dict[str, Any]:
    """Return the batch script of the job, clipped to the page, and its number of lines."""
    text = script_of(spec)
    if text is None:
        return {}
    return {
        "script": visible(text, _MAX_TEXT_CHARS, lines=True),
        "script_lines": text.count("\n") + (not text.endswith("\n")),
        "script_cut": len(text) > _MAX_TEXT_CHARS,
    }


def _joined(words: Iterable[Any]) -> str:
    """Join words as a shell would read them, until the text is longer than the page shows.

    Raises:
        TypeError: They are not texts: Flux validates no jobspec of an owner who wants that.
    """
    quoted: list[str] = []
    size = 0
    for word in words:
        if not isinstance(word, str):
            raise TypeError("the words of a command are texts")
        quoted.append(_quoted(word[: _MAX_COMMAND_CHARS + 1]))
        size += len(quoted[-1]) + 1
        if size > _MAX_COMMAND_CHARS + 1:
            break
    return " ".join(quoted)


def _quoted(word: str) -> str:
    """Quote a word as the form to submit from does, which splits it again."""
    if shlex.quote(word) == word:
        return word
    return "'" + word.replace("'", r"'\''") + "'"


def _decoded(text: str) -> Any:
    if is_wide(text.encode("utf-8", "replace")):
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _pretty(text: str) -> str:
    """Format JSON with indentation; empty if it is too long for the page."""
    if not text or len(text) > _MAX_TEXT_CHARS:
        return ""
    try:
        pretty = msgspec.json.format(text, indent=2)
        # In a deep document the indentation is a thousand times as long as the text.
        return escaped(pretty if len(pretty) <= _MAX_PRETTY_CHARS else text)
    except (msgspec.MsgspecError, RecursionError):
        return escaped(text)
