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
from .phrases import Say, english
from .reason import PENDING, Situation, reason, utc
from .unmet import excepted

__all__ = ["LIMIT_NOTE", "lasted", "note", "outcome", "outcome_beside_exceptions", "utc"]

LIMIT_NOTE = "resource allocation expired"
"""The note of the exception by which Flux ends a job at its time limit."""

_SIGNAL_EXIT_OFFSET = 128
"""The number that shells add to a signal for the exit code."""

_EXIT_CODES = {126: "outcomes.exit_126", 127: "outcomes.exit_127"}
"""The exit codes that have a meaning in shells."""

_SIGNALS = {
    "SIGHUP": "outcomes.sighup",
    "SIGINT": "outcomes.sigint",
    "SIGILL": "outcomes.sigill",
    "SIGABRT": "outcomes.sigabrt",
    "SIGBUS": "outcomes.sigbus",
    "SIGFPE": "outcomes.sigfpe",
    "SIGKILL": "outcomes.sigkill",
    "SIGSEGV": "outcomes.sigsegv",
    "SIGPIPE": "outcomes.sigpipe",
    "SIGTERM": "outcomes.sigterm",
    "SIGXCPU": "outcomes.sigxcpu",
    "SIGXFSZ": "outcomes.sigxfsz",
}
"""The usual reasons of signals that end a program."""


def outcome(record: Mapping[str, Any], say: Say = english) -> str:
    """Return how a job ended, or its current state, with the reason: one phrase.

    The ``reason`` of *record* is in the language of *say*.
    """
    if record["state"] == "INACTIVE":
        return _ended(record, say)
    return _active(record, say)


def outcome_beside_exceptions(record: Mapping[str, Any], say: Say = english) -> str:
    """Return :func:`outcome` for a place that shows the exceptions of the job, too.

    An exit code that Flux gives a program that did not start has no words: the exception has them.
    """
    exception, status = record.get("exception") or {}, record.get("waitstatus")
    if (
        record["state"] == "INACTIVE"
        and exception.get("type") == "exec"
        and exception.get("note")
        and isinstance(status, int)
        and os.WIFEXITED(status)
        and os.WEXITSTATUS(status) in _EXIT_CODES
    ):
        return say("outcomes.exit", code=str(os.WEXITSTATUS(status)))
    return outcome(record, say)


def _active(record: Mapping[str, Any], say: Say) -> str:
    state = record["state"]
    if state in PENDING:
        return _capital(record.get("reason") or reason(record, Situation(), time.time(), say))
    if state == "CLEANUP":
        said = _status(record, say)
        return say("outcomes.cleanup_status", said=said) if said else say("outcomes.cleanup")
    return say("outcomes.submitted" if state == "NEW" else "outcomes.running")


def _ended(record: Mapping[str, Any], say: Say) -> str:
    result, ran = record.get("result"), "t_run" in record
    if result == "COMPLETED":
        return say("outcomes.completed")
    if result == "CANCELED":
        return say("outcomes.canceled_running" if ran else "outcomes.canceled_pending")
    if result == "TIMEOUT":
        limit = record.get("duration")
        if limit:
            return say("outcomes.timeout_of", limit=duration(limit, say))
        return say("outcomes.timeout")
    return _status(record, say) or say("outcomes.failed" if ran else "outcomes.failed_pending")


def _status(record: Mapping[str, Any], say: Say) -> str:
    """Describe a wait status of wait(2); empty if there is none or it is a success."""
    status = record.get("waitstatus")
    if not isinstance(status, int):
        return ""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        key = "outcomes.dumped" if os.WCOREDUMP(status) else "outcomes.killed"
        return _explained(say(key, signal=_signal(number, say)), _SIGNALS.get(_name(number)), say)
    code = os.WEXITSTATUS(status)
    if not code:
        return ""
    number = code - _SIGNAL_EXIT_OFFSET
    if name := _name(number):
        said = say("outcomes.exit_by_shell", code=str(code), signal=_signal(number, say))
        return _explained(said, _SIGNALS.get(name), say)
    return _explained(say("outcomes.exit", code=str(code)), _EXIT_CODES.get(code), say)


def _signal(number: int, say: Say) -> str:
    name = _name(number)
    if name:
        return say("outcomes.signal", name=name, number=str(number))
    return say("outcomes.unnamed_signal", number=str(number))


def _explained(said: str, key: str | None, say: Say) -> str:
    return say("outcomes.explained", said=said, words=say(key)) if key else said


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def lasted(record: Mapping[str, Any], say: Say = english) -> str:
    """Return the runtime of a job that has ended; else empty."""
    if "t_cleanup" in record and "t_run" in record:
        return duration(record["t_cleanup"] - record["t_run"], say)
    return ""


def note(record: Mapping[str, Any], say: Say = english) -> str:
    """Return why a pending job waits, or why a job has not completed."""
    exception = record.get("exception") or {}
    if record["state"] == "INACTIVE" and record.get("result") in {"CANCELED", "TIMEOUT"}:
        said = _ended(record, say)
        words = exception.get("note") if exception.get("occurred") else None
        if words and record["result"] == "CANCELED":
            return say("outcomes.explained", said=said, words=words)
        return said
    if exception.get("occurred"):
        return excepted(exception.get("type"), exception.get("note"), say)
    failed = record["state"] == "INACTIVE" and record.get("result") == "FAILED"
    return outcome(record, say) if failed or record["state"] in PENDING else ""


def _capital(said: str) -> str:
    return f"{said[0].upper()}{said[1:]}"
