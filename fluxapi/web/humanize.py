"""The state of a job in plain words.

The scripts of the pages show the same for live jobs (``frontend/src/ui/outcome.js`` and
``frontend/src/ui/format.js``); one table of cases tests both.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from fluxapi.model.reason import PENDING, Situation, reason, utc

__all__ = ["duration", "lasted", "note", "outcome", "utc"]

_MEANINGS = {126: "the command cannot be executed", 127: "the command was not found"}
"""Exit codes with a meaning in shells."""

_CAUSES = {
    "SIGHUP": "its terminal or its parent went away",
    "SIGINT": "it was interrupted",
    "SIGILL": "it holds an instruction that this processor does not know",
    "SIGABRT": "it gave up by itself, as a failed assertion does",
    "SIGBUS": "it used memory that is not there",
    "SIGFPE": "it did arithmetic that has no result, such as a division by zero",
    "SIGKILL": "it was ended by force, as is done where memory runs out, too",
    "SIGSEGV": "it used memory that is not its own",
    "SIGPIPE": "nobody read what it wrote",
    "SIGTERM": "it was asked to end",
    "SIGXCPU": "its limit of processor time was reached",
    "SIGXFSZ": "its limit of file size was reached",
}
"""The usual reasons of signals that end a program."""

_SIGNAL_EXIT_OFFSET = 128
"""The number that shells add to a signal for the exit code."""

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_TENTHS_BELOW_S = 10
"""Duration below which tenths of seconds are shown."""


def outcome(record: Mapping[str, Any]) -> str:
    """Return how a job ended, or its current state, with the reason: one phrase."""
    if record["state"] == "INACTIVE":
        return _ended(record)
    return _active(record)


def _active(record: Mapping[str, Any]) -> str:
    state = record["state"]
    if state in PENDING:
        why = record.get("reason") or reason(record, Situation(), time.time())
        return f"{why[0].upper()}{why[1:]}"
    if state == "CLEANUP":
        said = _status(record)
        return (
            f"Is being cleaned up: {said[0].lower()}{said[1:]}" if said else "Is being cleaned up"
        )
    return "Submitted" if state == "NEW" else "Runs"


def _ended(record: Mapping[str, Any]) -> str:
    result, ran = record.get("result"), "t_run" in record
    if result == "COMPLETED":
        return "Completed"
    if result == "CANCELED":
        return "Canceled while it ran" if ran else "Canceled before it ran"
    if result == "TIMEOUT":
        limit = record.get("duration")
        return f"Time limit of {duration(limit)} reached" if limit else "Time limit reached"
    return _status(record) or ("Failed" if ran else "Failed before it ran")


def _status(record: Mapping[str, Any]) -> str:
    """Describe a wait status of wait(2); empty if there is none or it is a success."""
    status = record.get("waitstatus")
    if not isinstance(status, int):
        return ""
    if os.WIFSIGNALED(status):
        dumped = ", core dumped" if os.WCOREDUMP(status) else ""
        return f"Killed by {_signal(os.WTERMSIG(status))}{dumped}{_cause(os.WTERMSIG(status))}"
    code = os.WEXITSTATUS(status)
    if not code:
        return ""
    if code in _MEANINGS:
        return f"Exit code {code}: {_MEANINGS[code]}"
    number = code - _SIGNAL_EXIT_OFFSET
    if not _name(number):
        return f"Exit code {code}"
    return f"Exit code {code}, a shell's word for {_signal(number)}{_cause(number)}"


def _signal(number: int) -> str:
    name = _name(number)
    return f"{name} (signal {number})" if name else f"signal {number}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def _cause(number: int) -> str:
    cause = _CAUSES.get(_name(number))
    return f": {cause}" if cause else ""


def duration(seconds: float) -> str:
    """Format seconds with at most two units: ``3.2s``, ``4m 5s``, ``2d 3h``."""
    if seconds < _TENTHS_BELOW_S:
        return f"{max(seconds, 0.0):.1f}s"
    whole = int(seconds)
    for (size, unit), (below, smaller) in pairwise(_UNITS):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size}{unit} {rest}{smaller}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"


def lasted(record: Mapping[str, Any]) -> str:
    """Return the runtime of a job that has ended; else empty."""
    if "t_cleanup" in record and "t_run" in record:
        return duration(record["t_cleanup"] - record["t_run"])
    return ""


def note(record: Mapping[str, Any]) -> str:
    """Return why a pending job waits or how a job failed, as ``frontend/src/table/rows.js``."""
    exception = record.get("exception") or {}
    if exception.get("occurred"):
        kind, text = exception.get("type"), exception.get("note")
        return f"{kind}: {text}" if text else str(kind)
    said = outcome(record)
    failed = record["state"] == "INACTIVE" and record.get("result") == "FAILED"
    pending = record["state"] in {"DEPEND", "PRIORITY", "SCHED"}
    return f"{said[0].lower()}{said[1:]}" if pending or failed else ""
