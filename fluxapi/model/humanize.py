"""The state of a job in plain words.

The table of jobs says how a job failed while it is live (``frontend/src/table/failure.js``), by the
same phrases and cases.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from .duration import duration
from .phrases import EXIT_CODES, FAILURES, SIGNALS
from .reason import PENDING, Situation, reason, utc

__all__ = ["lasted", "note", "outcome", "utc"]

_SIGNAL_EXIT_OFFSET = 128
"""The number that shells add to a signal for the exit code."""


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
        return f"Cleaning up: {_lower(said)}" if said else "Cleaning up"
    return "Submitted" if state == "NEW" else "Running"


def _ended(record: Mapping[str, Any]) -> str:
    result, ran = record.get("result"), "t_run" in record
    if result == "COMPLETED":
        return "Completed"
    if result == "CANCELED":
        return "Canceled while it ran" if ran else "Canceled before it ran"
    if result == "TIMEOUT":
        limit = record.get("duration")
        return f"Time limit of {duration(limit)} reached" if limit else "Time limit reached"
    return _status(record) or FAILURES["ran" if ran else "never ran"]


def _status(record: Mapping[str, Any]) -> str:
    """Describe a wait status of wait(2); empty if there is none or it is a success."""
    status = record.get("waitstatus")
    if not isinstance(status, int):
        return ""
    if os.WIFSIGNALED(status):
        phrase = FAILURES["dumped" if os.WCOREDUMP(status) else "killed"]
        return _by_signal(phrase, os.WTERMSIG(status))
    code = os.WEXITSTATUS(status)
    if not code:
        return ""
    number = code - _SIGNAL_EXIT_OFFSET
    if _name(number):
        return _by_signal(FAILURES["by a shell"], number, code=code)
    return _explained(FAILURES["exit"].format(code=code), EXIT_CODES.get(str(code)))


def _by_signal(phrase: str, number: int, **more: int) -> str:
    name = _name(number)
    signal_ = FAILURES["signal" if name else "unnamed signal"].format(name=name, number=number)
    return _explained(phrase.format(signal=signal_, **more), SIGNALS.get(name))


def _explained(said: str, words: str | None) -> str:
    return FAILURES["explained"].format(said=said, words=words) if words else said


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def lasted(record: Mapping[str, Any]) -> str:
    """Return the runtime of a job that has ended; else empty."""
    if "t_cleanup" in record and "t_run" in record:
        return duration(record["t_cleanup"] - record["t_run"])
    return ""


def note(record: Mapping[str, Any]) -> str:
    """Return why a pending job waits, or why a job has not completed."""
    exception = record.get("exception") or {}
    if record["state"] == "INACTIVE" and record.get("result") in {"CANCELED", "TIMEOUT"}:
        said = _lower(_ended(record))
        words = exception.get("note") if exception.get("occurred") else None
        return _explained(said, words if record["result"] == "CANCELED" else None)
    if exception.get("occurred"):
        kind, text = exception.get("type"), exception.get("note")
        return f"{kind}: {text}" if text else str(kind)
    said = outcome(record)
    failed = record["state"] == "INACTIVE" and record.get("result") == "FAILED"
    pending = record["state"] in {"DEPEND", "PRIORITY", "SCHED"}
    return _lower(said) if pending or failed else ""


def _lower(said: str) -> str:
    return f"{said[0].lower()}{said[1:]}"
