"""How a job has ended, as ``flux job wait`` reports it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .eventlog import Event

__all__ = ["WAITABLE", "JobEnd", "is_unspoken", "is_waitable", "job_end", "spoken_note"]

WAITABLE = 4
"""FLUX_JOB_WAITABLE, in the ``flags`` of the submit event."""

_BY_SIGNAL = 128

_TEXT_BYTES = 160
"""Size of a text of Flux with its end. Of a longer one, it keeps 158 bytes and adds a plus sign."""

_CONTINUATION, _CONTINUATION_MASK = 0x80, 0xC0
"""Bytes of UTF-8 that are not the first one of a character."""


class JobEnd(NamedTuple):
    """The end of a job: its success, and in the words of Flux why it failed."""

    success: bool
    message: str


def is_waitable(submit: Event) -> bool:
    """Return whether ``flux job wait`` may collect the job with this submit event."""
    flags = (submit.context or {}).get("flags")
    return isinstance(flags, int) and bool(flags & WAITABLE)


def job_end(events: Iterable[Event]) -> JobEnd:
    """Return the end of a job from its events, by its finish event or its fatal exception.

    The first of the two counts, as in flux-core's ``src/modules/job-manager/wait.c``.
    """
    for event in events:
        context: Mapping[str, Any] = event.context or {}
        if event.name == "finish":
            status = context.get("status")
            message = _explained(status if isinstance(status, int) else 0)
            return JobEnd(not message, message)
        if event.name == "exception" and context.get("severity") == 0:
            kind, note = context.get("type", ""), context.get("note", "")
            return JobEnd(False, _fatal(kind, note))
    return JobEnd(False, "")


def is_unspoken(end: JobEnd) -> bool:
    """Return whether Flux answers nobody who waits for this end, and forgets it.

    It cuts the text (``flux_error_t``), and does not send one that is cut within a character.
    """
    text = end.message.encode("utf-8", "surrogatepass")
    if len(text) < _TEXT_BYTES:
        return False
    cut = _TEXT_BYTES - (1 if len(text) == _TEXT_BYTES else 2)
    return text[cut] & _CONTINUATION_MASK == _CONTINUATION


def spoken_note(kind: str, note: str) -> str:
    """Return the note of a fatal exception with blanks before it, so that Flux can send it."""
    padded = (blanks * " " + note for blanks in range(8))
    return next(it for it in padded if not is_unspoken(JobEnd(False, _fatal(kind, it))))


def _fatal(kind: str, note: str) -> str:
    return f"Fatal exception type={kind} {note}"


def _explained(status: int) -> str:
    """Return the words of ``flux_job_waitstatus_to_exitcode``(3), empty for success."""
    if os.WIFSIGNALED(status):
        return f"job shell {signal.strsignal(os.WTERMSIG(status))}"
    code = os.WEXITSTATUS(status)
    if code > _BY_SIGNAL:
        return f"task(s) {signal.strsignal(code - _BY_SIGNAL)}"
    return f"task(s) exited with exit code {code}" if code else ""
