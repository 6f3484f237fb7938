"""The exceptions of a job as its page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fluxapi.model.eventlog import Event
from fluxapi.model.humanize import LIMIT_NOTE
from fluxapi.model.phrases import Say, english
from fluxapi.model.unmet import not_started, noted

from .visible import SHORT, visible

__all__ = ["exceptions"]

_MAX_EXCEPTIONS = 100

_LATE = (None, "", LIMIT_NOTE)
"""Notes of a timeout that say no more than that the time limit has ended."""


def exceptions(
    record: Mapping[str, Any], events: Iterable[Event] | None, say: Say = english
) -> list[Mapping[str, Any]]:
    """Return all exceptions of the eventlog; without one, that of the record.

    Cancellations without a note, and the end of the time limit, are left out: the outcome tells
    them. The note of one is ``plain`` if it needs no name of the type beside it.
    """
    is_timeout = record.get("result") == "TIMEOUT"
    found = [event.context or {} for event in events or () if event.name == "exception"]
    if not found and record["exception"]["occurred"]:
        found = [record["exception"]]
    return [
        {
            "type": visible(context.get("type", "exception"), SHORT),
            "note": visible(_started(context, say) or noted(_note_of(context), say), lines=True),
            "plain": bool(_started(context, say)),
            "severity": context.get("severity", 0),
        }
        for context in found[-_MAX_EXCEPTIONS:]
        if not (context.get("type") == "cancel" and not context.get("note"))
        and not (is_timeout and context.get("type") == "timeout" and context.get("note") in _LATE)
    ]


def _started(context: Mapping[str, Any], say: Say) -> str:
    """Return why the program of a job did not start, as the table says it, or an empty text."""
    return not_started(context.get("type"), _note_of(context), say)


def _note_of(context: Mapping[str, Any]) -> str:
    """Return the note, or an empty text: a job may write any value into its eventlog."""
    note = context.get("note")
    return note if isinstance(note, str) else ""
