"""Options of a job, and filters of lists and streams.

The names are those of ``schemas/submit.json``, ``schemas/filter.json`` and
``schemas/stream-filter.json``, which describe them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

__all__ = [
    "BatchOptions",
    "Command",
    "EventFilter",
    "JobFilter",
    "ListFilter",
    "StoredKey",
    "StreamFilter",
    "SubmitOptions",
    "Urgency",
]

Command = str | Sequence[str | int | float]
"""Program and arguments: a list, or text that is split as by a shell."""

Urgency = int | Literal["hold", "default", "expedite"]
"""0 to 31; ``hold`` is 0, ``default`` 16, ``expedite`` 31."""

StoredKey = Literal["eventlog", "guest.exec.eventlog", "jobspec", "R"]
"""A record that Flux stores of a job (RFC 16)."""

Texts = str | Sequence[str]
"""One value, or several of which any may match."""


class JobOptions(TypedDict, total=False):
    """The options of every job; ``None`` means not set."""

    num_nodes: int | None
    exclusive: bool | None
    duration: float | str | None
    """Seconds, or a duration such as ``30m`` or ``2h30m``; 0 is no limit."""
    environment: Mapping[str, str] | None
    """Added to HOME, USER, LOGNAME, SHELL and PATH; jobs inherit nothing else."""
    env_expand: Mapping[str, str] | None
    cwd: str | None
    rlimits: Mapping[str, int] | None
    name: str | None
    group: str | None
    """A name, or the ID of a group; jobs that give the same name are in one group."""
    input: str | None
    output: str | None
    error: str | None
    label_io: bool | None
    unbuffered: bool | None
    queue: str | None
    bank: str | None
    shell_options: Mapping[str, Any] | None
    attributes: Mapping[str, Any] | None
    dependencies: Sequence[str | Mapping[str, Any]] | None
    constraints: str | Mapping[str, Any] | None
    resources: Sequence[Mapping[str, Any]] | None
    urgency: Urgency | None
    waitable: bool | None
    debug: bool | None


class SubmitOptions(JobOptions, total=False):
    """The options of a job with a command; ``None`` means not set."""

    num_tasks: int | None
    cores_per_task: int | None
    gpus_per_task: int | None
    num_cores: int | None
    tasks_per_node: int | None
    tasks_per_core: int | None
    gpus_per_node: int | None
    stdin: str | Mapping[str, str] | None
    is_launcher: bool | None
    jobspec: Mapping[str, Any]
    """A complete RFC 25 jobspec, instead of a command and options."""


class BatchOptions(JobOptions, total=False):
    """The options of a batch script; ``None`` means not set. They win over its directives."""

    num_slots: int | None
    cores_per_slot: int | None
    gpus_per_slot: int | None
    script_name: str | None
    """The name of the job, unless ``name`` or a directive gives one."""
    wrap: bool | None
    conf: Mapping[str, Any] | None
    broker_opts: Sequence[str] | None
    dump: str | None


class JobFilter(TypedDict, total=False):
    """A filter for jobs; all conditions must hold."""

    state: Texts | None
    """States and results in any case, of which one must hold; also PENDING, RUNNING and ACTIVE."""
    result: Texts | None
    user: str | int | None
    name: str | None
    """``*`` stands for any characters."""
    queue: str | None
    group: str | None
    """Name or ID."""
    node: str | None
    since: float | None
    """Submitted at this time or later, seconds since the epoch."""
    until: float | None
    ended: float | None
    """Ended at this time or later, seconds since the epoch."""
    ended_until: float | None
    held: bool | None
    """True: jobs that have not started and have the urgency 0; false: all others."""
    text: str | None


class ListFilter(JobFilter, total=False):
    """A filter for jobs to list; all conditions must hold."""

    id: Texts | None
    """Up to about 500 IDs; ``get_many`` takes more."""
    history: bool | None
    """Also the jobs that Flux has purged, from the history of the service."""
    instance: str | None
    """The ID of an instance in the history, or ``all``: the jobs of the history alone."""


class ExportFilter(TypedDict, total=False):
    """A filter for jobs of the history; all conditions must hold."""

    id: Texts | None
    result: Texts | None
    user: str | int | None
    name: str | None
    """``*`` stands for any characters."""
    queue: str | None
    group: str | None
    """Name or ID."""
    node: str | None
    since: float | None
    """Submitted at this time or later, seconds since the epoch."""
    until: float | None
    ended: float | None
    """Ended at this time or later, seconds since the epoch."""
    ended_until: float | None
    text: str | None
    """Words, each of which is a whole word of the job, or a beginning with ``*`` after it."""
    instance: str | None
    """The ID of an instance in the history, or ``all``; that of the client by default."""


class StreamFilter(TypedDict, total=False):
    """A filter for jobs to follow; all conditions must hold."""

    id: Texts | None
    state: Texts | None
    result: Texts | None
    user: str | int | None
    name: str | None
    queue: str | None
    group: str | None
    """Name or ID."""
    node: str | None


class EventFilter(StreamFilter, total=False):
    """A filter for events to follow; all conditions must hold."""

    event: Texts | None
    """Names of events (RFC 21)."""
