"""The exception of a job in plain words: above all, why it never started.

The table of the dashboard says the same (``frontend/src/table/failure.js``).
"""

from __future__ import annotations

import re

from .phrases import Say, english

__all__ = ["blamed", "excepted", "not_started", "noted"]

_NOTE = re.compile(
    "dependency (after-(?:start|finish|success|failure))=[ƒf]([1-9A-HJ-NP-Za-km-z]{1,12}) "
    "(can never be satisfied|job never started)"
)
"""The note of the exception that Flux raises for an unmet dependency (dependency-after.c)."""

_NOT_STARTED = re.compile(r"task [0-9]{1,10} \(host [^()]{1,255}\): start failed: (.+)", re.DOTALL)
"""The note of the exception that the job shell raises for a program that cannot be executed."""

_UNMET = {
    "after-success": "outcomes.unmet_success",
    "after-failure": "outcomes.unmet_failure",
}


def blamed(note: str | None) -> str:
    """Return the ID of the job that a note tells to be why a job never started, else empty."""
    found = _NOTE.fullmatch(note or "")
    return f"f{found[2]}" if found else ""


def noted(note: str, say: Say = english) -> str:
    """Return the note of an exception, in plain words if Flux wrote it for a dependency."""
    found = _NOTE.fullmatch(note)
    if not found:
        return note
    scheme, job, why = found.groups()
    key = "outcomes.unmet_start" if why == "job never started" else _UNMET.get(scheme)
    return say(key, job=f"f{job}") if key else note


def not_started(kind: str | None, note: str, say: Say = english) -> str:
    """Return that a program could not be executed, in plain words, if an exception says that."""
    found = _NOT_STARTED.fullmatch(note) if kind == "exec" else None
    return say("outcomes.not_started", why=found[1]) if found else ""


def excepted(kind: str | None, note: str | None, say: Say = english) -> str:
    """Return an exception as a phrase, which names its type unless the words tell it."""
    if not note:
        return str(kind)
    if words := not_started(kind, note, say):
        return words
    words = noted(note, say)
    return words if words != note or note.startswith(f"{kind} ") else f"{kind}: {note}"
