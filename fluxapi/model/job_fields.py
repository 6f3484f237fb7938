"""The fields of a job's record that come from its jobspec and R, and from updates of them.

The rules are those of flux-core's job-list module (``src/modules/job-list/job_data.c``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .after import read_after
from .checked import clip, number, seconds, text
from .counts import read_counts
from .group import is_cc_number, read_group
from .job import Job
from .resources import allocation
from .sharing import shared_text

__all__ = ["BAD_VALUE", "MAX_NAME_CHARS", "cut", "read_R", "read_jobspec", "update"]

BAD_VALUE = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError)
"""The exceptions that reading an invalid value raises."""

MAX_NAME_CHARS = 512
"""Characters of a job name that are kept."""

_MAX_LENGTHS = {"name": MAX_NAME_CHARS, "cwd": 4096, "queue": 256, "bank": 256, "project": 256}
"""Characters of each text of a jobspec that are kept."""


def cut(job: Job, field: str) -> None:
    """Record in ``truncated`` that *field* is incomplete."""
    if field not in job.truncated:
        job.truncated = (*job.truncated, field)


def read_R(job: Job, R: Any) -> None:  # noqa: N802 - R is RFC 20's name
    """Read allocation and expiration; raise one of :data:`BAD_VALUE`."""
    try:
        job.allocation = allocation(R)
        job.expiration = number(R["execution"].get("expiration", 0.0))
    except BAD_VALUE:
        cut(job, "R")
        raise


def read_jobspec(job: Job, jobspec: Mapping[str, Any]) -> None:
    """Read the group, the number by ``--cc``, and the fields that job-list reads: name, cwd,
    queue, bank, project, duration, counts.

    An invalid field stays unset: Flux accepted the jobspec, so this never fails.
    """
    attributes = _object(_object(jobspec).get("attributes"))
    system = _object(attributes.get("system"))
    _set_text(job, "name", _name(system, jobspec))
    job.after = read_after(system)
    for field in ("cwd", "queue", "bank", "project"):
        value = system.get(field)
        if value:
            _set_text(job, field, value)
    number = _object(_object(attributes.get("user")).get("fluxapi")).get("cc")
    if isinstance(number, str) and is_cc_number(number):
        job.cc = shared_text(number)
    try:
        job.membership = read_group(jobspec)
    except BAD_VALUE:
        cut(job, "group")
    try:
        job.duration = seconds(system.get("duration", 0.0))
        options = _object(_object(system.get("shell")).get("options"))
        job.counts = read_counts(
            jobspec.get("resources"),
            jobspec.get("tasks"),
            options.get("per-resource"),
            system.get("constraints"),
        )
    except BAD_VALUE:
        return


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(system: Mapping[str, Any], jobspec: Mapping[str, Any]) -> Any:
    name = _object(system.get("job")).get("name")
    if name:
        return name
    try:
        program = text(jobspec["tasks"][0]["command"][0])
    except BAD_VALUE:
        return ""
    return program.rpartition("/")[2] or program


def _set_text(job: Job, field: str, value: Any) -> None:
    if isinstance(value, str):
        length = _MAX_LENGTHS[field]
        if len(value) > length:
            cut(job, field)
            value = clip(value, length)
        setattr(job, field, shared_text(value))


def _set_duration(job: Job, value: Any) -> None:
    job.duration = seconds(value)


def _setter(field: str) -> Callable[[Job, Any], None]:
    def setter(job: Job, value: Any) -> None:
        _set_text(job, field, text(value))

    return setter


def _set_resources(job: Job, value: Any) -> None:
    if job.counts is not None:
        job.counts = job.counts.with_resources(value)


def _set_tasks(job: Job, value: Any) -> None:
    if job.counts is not None:
        job.counts = job.counts.with_tasks(value)


def _set_constraints(job: Job, value: Any) -> None:
    if job.counts is not None:
        job.counts = job.counts.with_constraints(value)


def _set_system(job: Job, value: Any) -> None:
    for key, item in value.items():
        update(job, f"attributes.system.{key}", item)


def update(job: Job, key: str, value: Any) -> None:
    """Apply one key of a jobspec-update event, if a record shows it.

    Raises one of :data:`BAD_VALUE`.
    """
    setter = _UPDATES.get(key)
    if setter is not None:
        setter(job, value)


_UPDATES: dict[str, Callable[[Job, Any], None]] = {
    "attributes.system": _set_system,
    "attributes.system.constraints": _set_constraints,
    "attributes.system.duration": _set_duration,
    "attributes.system.job.name": _setter("name"),
    "attributes.system.cwd": _setter("cwd"),
    "attributes.system.queue": _setter("queue"),
    "attributes.system.bank": _setter("bank"),
    "attributes.system.project": _setter("project"),
    "resources": _set_resources,
    "tasks": _set_tasks,
}
"""The keys of a jobspec-update event that a record shows, each with its setter."""
