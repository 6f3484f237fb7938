"""One job: folded from its events exactly as flux-core's job-list module does it.

The rules are those of ``src/modules/job-list/job_state.c`` and ``job_data.c``.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from .counts import Counts, read_counts
from .eventlog import UNINDEXED, Event
from .jobid import encode_f58
from .resources import Allocation, allocation

__all__ = ["RESULTS", "STATES", "Job", "adopt", "apply", "begin", "mark"]

STATES = ("NEW", "DEPEND", "PRIORITY", "SCHED", "RUN", "CLEANUP", "INACTIVE")
"""The states of RFC 21."""

RESULTS = ("COMPLETED", "FAILED", "CANCELED", "TIMEOUT")
"""The results of an inactive job."""


_MAX_STATUS = 2**31 - 1
"""wait(2) gives a C int."""


class Job(msgspec.Struct, gc=False):
    """What is known of one job. Times are seconds since the epoch, 0.0 when not reached yet.

    ``nevents`` counts the entries of the eventlog that were folded; ``tag`` is the CRC-32 of the
    F58 id, from which :func:`mark` is made. Strings that many jobs have in common are shared. Not
    tracked by the garbage collector: it holds no cycles, and a table of a hundred thousand jobs
    must not be walked by every full collection.
    """

    id: int
    tag: int = 0
    userid: int = 0
    urgency: int = 16
    priority: int = 0
    state: str = "NEW"
    result: str | None = None
    success: bool = False
    has_priority: bool = False
    waitstatus: int = -1
    nevents: int = 0
    t_submit: float = 0.0
    t_depend: float = 0.0
    t_priority: float = 0.0
    t_sched: float = 0.0
    t_run: float = 0.0
    t_cleanup: float = 0.0
    t_inactive: float = 0.0
    duration: float = 0.0
    expiration: float = 0.0
    name: str = ""
    cwd: str = ""
    queue: str = ""
    bank: str = ""
    project: str = ""
    counts: Counts | None = None
    allocation: Allocation | None = None
    dependencies: tuple[str, ...] = ()
    exception: dict[str, Any] | None = None
    annotations: dict[str, Any] | None = None

    @property
    def is_inactive(self) -> bool:
        """Whether the job has reached its final state."""
        return self.state == "INACTIVE"

    @property
    def nodelist(self) -> str:
        """The hosts that the job got (RFC 29), or ``""``."""
        return self.allocation.nodelist if self.allocation else ""


def begin(jobid: int, jobspec: Mapping[str, Any] | None) -> Job:
    """A job that has only been submitted; ``jobspec`` is what the journal sends with it."""
    job = Job(jobid, zlib.crc32(encode_f58(jobid).encode()))
    if jobspec is not None:
        _read_jobspec(job, jobspec)
    return job


def mark(job: Job) -> int:
    """The CRC-32 of ``"ID REVISION"``: id as F58, revision the number of its events.

    The sum of the marks of many jobs, modulo 2^32, is the digest by which two tables are compared.
    """
    return zlib.crc32(b" %d" % job.nevents, job.tag)


def apply(
    job: Job, event: Event, R: Mapping[str, Any] | None = None, *, volatile: bool = False
) -> None:
    """Fold one event into ``job``; ``R`` is what the journal sends with the alloc event.

    A ``volatile`` one is not in the eventlog, and so does not count.

    Raises ``KeyError``, ``TypeError`` or ``ValueError`` when a context is not what RFC 21 says; the
    job is then at most partly changed, as job-list leaves it.
    """
    name = event.name
    if name not in UNINDEXED and not volatile:
        job.nevents += 1
    fold = _FOLDS.get(name)
    if fold is not None:
        fold(job, event)
    if name == "alloc" and R is not None:
        job.allocation = allocation(R)
        job.expiration = float(R["execution"].get("expiration", 0.0))


def adopt(new: Job, old: Job) -> None:
    """Carry over to a job folded from the backlog what only a live journal tells: annotations."""
    if old.annotations and old.t_submit == new.t_submit:
        new.annotations = _share(_merge(old.annotations, new.annotations or {}))


def _context(event: Event) -> dict[str, Any]:
    if event.context is None:
        raise ValueError(f"{event.name} event without context")
    return event.context


def _submit(job: Job, event: Event) -> None:
    context = _context(event)
    job.userid = context["userid"]
    job.urgency = context["urgency"]
    job.t_submit = event.timestamp
    if context.get("version", 0) < 1:
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
    job.priority = _context(event)["priority"]
    if job.state == "PRIORITY":
        job.state = "SCHED"
        job.has_priority = True
        if not job.t_sched:
            job.t_sched = event.timestamp


def _alloc(job: Job, event: Event) -> None:
    if not job.t_run:
        job.state = "RUN"
        job.t_run = event.timestamp
    # The annotations event that comes before it live is not in the backlog.
    annotations = event.context and event.context.get("annotations")
    if annotations:
        job.annotations = _share(_merge(job.annotations or {}, annotations))


def _finish(job: Job, event: Event) -> None:
    status = _context(event)["status"]
    if not 0 <= status <= _MAX_STATUS:
        raise ValueError(f"wait status {status} is none")
    job.waitstatus = status
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
    severity = context["severity"]
    if job.exception is None or severity < job.exception["severity"]:
        job.exception = {
            "occurred": True,
            "severity": severity,
            "type": context["type"],
            "note": context.get("note", ""),
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
    job.urgency = _context(event)["urgency"]
    _revert(job, event)


def _revert(job: Job, event: Event) -> None:
    """RFC 21: urgency, jobspec-update and flux-restart send a SCHED job back to PRIORITY."""
    if job.state == "SCHED":
        job.state = "PRIORITY"
        job.has_priority = False
        if not job.t_priority:
            job.t_priority = event.timestamp


def _annotations(job: Job, event: Event) -> None:
    annotations = _context(event)["annotations"]
    job.annotations = _share(annotations) if annotations else None


def _memo(job: Job, event: Event) -> None:
    merged = _merge(job.annotations or {}, {"user": _context(event)})
    job.annotations = _share(merged) if merged else None


def _dependency_add(job: Job, event: Event) -> None:
    description = _context(event)["description"]
    if description not in job.dependencies:
        job.dependencies = (*job.dependencies, description)


def _dependency_remove(job: Job, event: Event) -> None:
    description = _context(event)["description"]
    job.dependencies = tuple(item for item in job.dependencies if item != description)


def _jobspec_update(job: Job, event: Event) -> None:
    for key, value in _context(event).items():
        update = _UPDATES.get(key)
        if update is not None:
            update(job, value)
    _revert(job, event)


def _resource_update(job: Job, event: Event) -> None:
    context = _context(event)
    if "expiration" in context:
        job.expiration = float(context["expiration"])


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


def _read_jobspec(job: Job, jobspec: Mapping[str, Any]) -> None:
    """What job-list takes from a jobspec: name, cwd, queue, bank, project, duration and counts.

    A jobspec that Flux accepted and this code does not understand leaves the fields unset.
    """
    try:
        system = jobspec["attributes"].get("system", {})
        command = jobspec["tasks"][0]["command"]
        name = system.get("job", {}).get("name") or command[0].rpartition("/")[2] or command[0]
        job.name = sys.intern(name)
        job.cwd = sys.intern(system.get("cwd", ""))
        job.queue = sys.intern(system.get("queue", ""))
        job.bank = sys.intern(system.get("bank", ""))
        job.project = sys.intern(system.get("project", ""))
        job.duration = float(system.get("duration", 0.0))
        job.counts = read_counts(
            jobspec["resources"],
            jobspec["tasks"],
            system.get("shell", {}).get("options", {}).get("per-resource"),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return


def _set_duration(job: Job, value: Any) -> None:
    job.duration = float(value)


def _setter(field: str) -> Callable[[Job, Any], None]:
    def update(job: Job, value: Any) -> None:
        setattr(job, field, sys.intern(str(value)))

    return update


def _set_resources(job: Job, value: Any) -> None:
    if job.counts is not None:
        job.counts = job.counts.with_resources(value)


def _set_tasks(job: Job, value: Any) -> None:
    if job.counts is not None:
        job.counts = job.counts.with_tasks(value)


def _set_system(job: Job, value: Any) -> None:
    for key, item in value.items():
        update = _UPDATES.get(f"attributes.system.{key}")
        if update is not None:
            update(job, item)


_UPDATES: dict[str, Callable[[Job, Any], None]] = {
    "attributes.system": _set_system,
    "attributes.system.duration": _set_duration,
    "attributes.system.job.name": _setter("name"),
    "attributes.system.cwd": _setter("cwd"),
    "attributes.system.queue": _setter("queue"),
    "attributes.system.bank": _setter("bank"),
    "attributes.system.project": _setter("project"),
    "resources": _set_resources,
    "tasks": _set_tasks,
}
"""The keys of a jobspec-update event that show in a record, and what each sets."""


def _merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """``old`` updated by ``new``, level by level; a null removes its key (RFC 21, memo)."""
    merged = dict(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            inner = _merge(below if isinstance(below, dict) else {}, value)
            if inner:
                merged[key] = inner
            else:
                merged.pop(key, None)
        else:
            merged[key] = value
    return merged


def _share(annotations: dict[str, Any]) -> dict[str, Any]:
    """The scheduler's usual annotation, one string, as one dict for all jobs that have it.

    Folds never change an annotations dict in place, so sharing is safe.
    """
    sched = annotations.get("sched")
    if len(annotations) == 1 and isinstance(sched, dict) and len(sched) == 1:
        summary = sched.get("resource_summary")
        if isinstance(summary, str):
            return _resource_summary(summary)
    return annotations


@lru_cache(maxsize=65536)
def _resource_summary(summary: str) -> dict[str, Any]:
    return {"sched": {"resource_summary": summary}}
