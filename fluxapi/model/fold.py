"""The fold: builds a job from its events, exactly as flux-core's job-list module does.

The rules are those of ``src/modules/job-list/job_state.c``. Events, jobspec and R are untrusted:
each value is checked before it is kept, and the size of a record is bounded.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .annotations import annotate
from .checked import MAX_ID, clip, integer, number, text
from .eventlog import UNINDEXED, Event
from .job import Job
from .job_fields import BAD_VALUE, cut, read_jobspec, read_R, update
from .jobid import encode_f58

__all__ = ["BAD_VALUE", "adopt", "apply", "apply_all", "begin"]

_MAX_STATUS = 2**31 - 1
"""wait(2) returns a C int."""

_MAX_URGENCY = 31
_MAX_SEVERITY = 7
_MAX_NOTE_LENGTH = 4096
_MAX_TYPE_LENGTH = 64
_MAX_DEPENDENCIES = 1024
_MAX_DEPENDENCY_LENGTH = 256
"""Characters of each dependency that are kept."""


def begin(jobid: int, jobspec: Mapping[str, Any] | None) -> Job:
    """Return a job without events; *jobspec* is the one that the journal sends.

    It may be any value: without the validator of Flux, or with ``--flags=novalidate``, Flux sends
    it before it refuses the job.
    """
    job = Job(jobid, zlib.crc32(encode_f58(jobid).encode()))
    if jobspec is not None:
        try:
            read_jobspec(job, jobspec)
        except (*BAD_VALUE, RecursionError):
            cut(job, "jobspec")
    return job


def apply(job: Job, event: Event, R: Any = None) -> None:
    """Fold one event into *job*; *R* is the one that the journal sends with the alloc event.

    Raises one of :data:`BAD_VALUE` if the context or R breaks RFC 21 or RFC 20; the event is then
    counted and otherwise ignored.
    """
    for _, error in apply_all(job, (event,), R):
        raise error


def apply_all(job: Job, events: Iterable[Event], R: Any = None) -> list[tuple[Event, Exception]]:
    """Fold events in order as :func:`apply` does; return the bad ones, each with its error."""
    bad: list[tuple[Event, Exception]] = []
    for event in events:
        name = event.name
        if name not in UNINDEXED:
            job.nevents += 1
        fold = _FOLDS.get(name)
        if fold is None:
            continue
        try:
            fold(job, event)
            if name == "alloc" and R is not None:
                read_R(job, R)
        except BAD_VALUE as error:
            bad.append((event, error))
    return bad


def adopt(new: Job, old: Job) -> None:
    """Copy the annotations, which only live messages carry, to a job folded from the backlog."""
    if old.annotations and old.t_submit == new.t_submit:
        with contextlib.suppress(ValueError):  # Too large together: keep those of the eventlog.
            new.annotations = annotate(old.annotations, new.annotations or {})


def _context(event: Event) -> dict[str, Any]:
    if event.context is None:
        raise ValueError(f"{event.name} event without context")
    return event.context


def _submit(job: Job, event: Event) -> None:
    context = _context(event)
    userid = integer(context["userid"], 0, MAX_ID)
    urgency = integer(context["urgency"], 0, _MAX_URGENCY)
    version = context.get("version", 0)
    job.userid, job.urgency, job.t_submit = userid, urgency, event.timestamp
    if version == 0:
        # Before flux-core 0.42 there was no validate event.
        job.t_depend = event.timestamp


def _validate(job: Job, event: Event) -> None:
    if job.state == "NEW":
        job.state = "DEPEND"
        job.t_depend = event.timestamp


def _depend(job: Job, event: Event) -> None:
    job.state = "PRIORITY"
    if not job.t_priority:
        job.t_priority = event.timestamp


def _priority(job: Job, event: Event) -> None:
    job.priority = integer(_context(event)["priority"], 0, MAX_ID)
    if job.state == "PRIORITY":
        job.state = "SCHED"
        job.has_priority = True
        if not job.t_sched:
            job.t_sched = event.timestamp


def _alloc(job: Job, event: Event) -> None:
    if not job.t_run:
        job.state = "RUN"
        job.t_run = event.timestamp
    # Live, an annotations event precedes this one; the backlog does not contain it.
    annotations = event.context and event.context.get("annotations")
    if annotations:
        _annotate(job, job.annotations, annotations)


def _finish(job: Job, event: Event) -> None:
    job.waitstatus = integer(_context(event)["status"], 0, _MAX_STATUS)
    fatal = job.exception is not None and job.exception["severity"] == 0
    if job.waitstatus == 0 and not fatal:
        job.success = True
    _cleanup(job, event)


def _cleanup(job: Job, event: Event) -> None:
    if not job.t_cleanup:
        job.state = "CLEANUP"
        job.t_cleanup = event.timestamp


def _exception(job: Job, event: Event) -> None:
    context = _context(event)
    severity = integer(context["severity"], 0, _MAX_SEVERITY)
    kind, note = text(context["type"]), text(context.get("note", ""))
    if job.exception is None or severity < job.exception["severity"]:
        if len(kind) > _MAX_TYPE_LENGTH or len(note) > _MAX_NOTE_LENGTH:
            cut(job, "exception")
        job.exception = {
            "occurred": True,
            "severity": severity,
            "type": clip(kind, _MAX_TYPE_LENGTH),
            "note": clip(note, _MAX_NOTE_LENGTH),
        }
    if severity == 0:
        _cleanup(job, event)


def _clean(job: Job, event: Event) -> None:
    if job.state == "INACTIVE":
        return
    job.state = "INACTIVE"
    job.t_inactive = event.timestamp
    job.result = "FAILED"
    if job.success:
        job.result = "COMPLETED"
    elif job.exception is not None:
        job.result = {"cancel": "CANCELED", "timeout": "TIMEOUT"}.get(
            job.exception["type"], "FAILED"
        )


def _urgency(job: Job, event: Event) -> None:
    job.urgency = integer(_context(event)["urgency"], 0, _MAX_URGENCY)
    _revert(job, event)


def _revert(job: Job, event: Event) -> None:
    """Return a SCHED job to PRIORITY, as urgency, jobspec-update and flux-restart do (RFC 21)."""
    if job.state == "SCHED":
        job.state = "PRIORITY"
        job.has_priority = False
        if not job.t_priority:
            job.t_priority = event.timestamp


def _annotate(job: Job, old: Any, new: Any, *, within: str | None = None) -> None:
    try:
        job.annotations = annotate(old, new, within=within)
    except ValueError:
        cut(job, "annotations")
        raise


def _annotations(job: Job, event: Event) -> None:
    _note_truncation(job, event)
    _annotate(job, None, _context(event)["annotations"] or {})


def _note_truncation(job: Job, event: Event) -> None:
    if event.truncated:
        cut(job, "annotations")


def _memo(job: Job, event: Event) -> None:
    _note_truncation(job, event)
    _annotate(job, job.annotations, _context(event), within="user")


def _dependency_add(job: Job, event: Event) -> None:
    description = text(_context(event)["description"])
    shown = clip(description, _MAX_DEPENDENCY_LENGTH)
    if len(job.dependencies) == _MAX_DEPENDENCIES or shown != description:
        cut(job, "dependencies")
    if shown not in job.dependencies and len(job.dependencies) < _MAX_DEPENDENCIES:
        job.dependencies = (*job.dependencies, shown)


def _dependency_remove(job: Job, event: Event) -> None:
    shown = clip(text(_context(event)["description"]), _MAX_DEPENDENCY_LENGTH)
    job.dependencies = tuple(item for item in job.dependencies if item != shown)


def _jobspec_update(job: Job, event: Event) -> None:
    _revert(job, event)
    for key, value in _context(event).items():
        update(job, key, value)


def _resource_update(job: Job, event: Event) -> None:
    context = _context(event)
    if "expiration" in context:
        job.expiration = number(context["expiration"])


_FOLDS: dict[str, Callable[[Job, Event], None]] = {
    "submit": _submit,
    "validate": _validate,
    "depend": _depend,
    "priority": _priority,
    "alloc": _alloc,
    "finish": _finish,
    "exception": _exception,
    "clean": _clean,
    "urgency": _urgency,
    "flux-restart": _revert,
    "annotations": _annotations,
    "memo": _memo,
    "dependency-add": _dependency_add,
    "dependency-remove": _dependency_remove,
    "jobspec-update": _jobspec_update,
    "resource-update": _resource_update,
}
