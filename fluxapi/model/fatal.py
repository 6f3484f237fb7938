"""Jobspecs that crash a Flux instance or block a part of it; the service rejects them.

Each case was reproduced on a real Flux. A case can go when no supported release is affected.

* A constraint that is not of the form that the scheduler of 0.88 expects crashes it, and the
  instance ends with all its jobs: ``ranks`` that name a rank twice or that are not in ascending
  order as texts (``["0", "0"]``, ``["2", "10"]``), ``not`` without an operand, an empty object
  below an operator, operands that are no list. An empty constraint becomes such an object in a
  queue that requires properties.
* Ranks of a constraint that are millions, or lists of them, keep the validator and the scheduler of
  0.88 busy: they read each as a set of its ranks, the scheduler anew for each node. So do lists of
  tens of thousands of hosts, which the validator looks up one by one. On thousands of nodes, the
  scheduler is busy for seconds with hundreds of operators or hosts.
* A jobspec of about 970 levels, more than Python decodes, crashes the scheduler of 0.88, and the
  instance ends with all its jobs.
* A dependency that is not an object crashes the process that validates jobspecs.
* Thousands of dependencies of one job stop the job manager for seconds, and 20,000 for minutes: it
  looks up each among all others.
* Flux reads job IDs in more forms than RFC 19 has, such as with a blank before them. A job that
  names another one so would count as one that waits for none.
* A job that Flux refuses for a dependency after ``singleton``, or one with ``singleton`` twice,
  leaves an entry in Flux, after which no job of that name with ``singleton`` is ever started.
* Durations of which the sum is infinite stop the scheduling for all jobs, for good: the scheduler
  of 0.88 estimates when a job will start, and sends an infinite time in a form that is not JSON.
* If Flux refuses a job, and cuts the reason within a character, it gives the ID of a job that does
  not exist. The reason repeats the queue, or a dependency.
* A queue that is not a text fails all submissions that reach the job manager together with it; on
  an instance with queues, it crashes the process that modifies jobspecs (the frobnicator).
* Plugins of the job manager that are loaded after ``dependency-singleton`` do not learn of a job
  whose name is not a text, or longer than 1,012 bytes. Those that count jobs would be evaded.
* A constraint of a host whose name has more than 270 bytes crashes that process, too; a number of
  more than 64 bits in brackets occupies it, and all memory, for good.
* A jobspec of more than 10 MiB (``ingest.buffer-size``) crashes the process that validates
  jobspecs, and the pending submissions of other users fail with it. Flux's encoder writes floats
  with up to 24 characters. One of more than 4 MiB in Python's JSON crashes the frobnicator; the
  broker instance rejects it, since it knows whether there is one.
* The attribute ``exec.bulkexec`` is for tests of Flux. With a short ``barrier-timeout``, the nodes
  of a job are drained when it starts, for all users.
* A job with an interactive terminal waits for a client to attach, which the service cannot do, and
  delays the shutdown of the instance.
* A jobspec that is not an object crashes the process that validates jobspecs; the schema of a
  request rejects it, and the broker instance does so for other callers.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from .after import AFTER_SCHEMES, MAX_DEPENDENCIES
from .constraints import constraint_fault
from .jobid import parse
from .jobspec_size import Contents
from .message import Message, field_message

__all__ = ["MAX_DURATION_S", "MAX_JOBSPEC_BYTES", "fatal_reason"]

MAX_JOBSPEC_BYTES = 9 << 20
"""Limit of a jobspec; Flux's validator accepts 10 MiB unless ``ingest.buffer-size`` is set."""

MAX_DURATION_S = 3_153_600_000
"""Limit of the duration of a job, as in the schema of a request: a hundred years."""

_MAX_NAME_BYTES = 1000
"""Limit of a job name, which Flux joins with a user ID in 1,024 bytes."""

_MAX_QUEUE_BYTES, _MAX_DEPENDENCY_TEXT_BYTES = 100, 40
"""Limits of texts that are not ASCII. Flux cuts the reason for a refusal after 159 bytes."""


def fatal_reason(
    document: Mapping[str, Any], size: int, contents: Contents, nodes: int = 1
) -> tuple[str, Message] | None:
    """Return the reason why a jobspec of *size* bytes must not reach a Flux of so many nodes.

    Returns:
        The field and a sentence about it, or ``None`` if the jobspec is harmless.
    """
    size += contents.growth
    if size > MAX_JOBSPEC_BYTES:
        return "", field_message("jobspec_too_large", size=size, limit=MAX_JOBSPEC_BYTES)
    if contents.is_deep:
        return "", field_message("nested_too_deeply")
    return _reason_in(_below(document, "attributes", "system"), nodes)


def _reason_in(system: Mapping[str, Any], nodes: int) -> tuple[str, Message] | None:
    """Return the reason that is in the attributes of a jobspec below ``system``."""
    faults = {
        "shell_options": _shell_fault,
        "attributes": _exec_fault,
        "queue": _queue_fault,
        "name": _name_fault,
        "duration": _duration_fault,
        "dependencies": _dependency_fault,
    }
    for field, find in faults.items():
        fault = find(system)
        if fault is not None:
            return field, fault
    if "constraints" in system:
        fault = constraint_fault(system["constraints"], nodes)
        if fault is not None:
            return "constraints", fault
    return None


def _shell_fault(system: Mapping[str, Any]) -> Message | None:
    is_interactive = _below(system, "shell", "options", "pty").get("interactive")
    return field_message("interactive_terminal") if is_interactive else None


def _exec_fault(system: Mapping[str, Any]) -> Message | None:
    return field_message("bulkexec") if "bulkexec" in _below(system, "exec") else None


def _queue_fault(system: Mapping[str, Any]) -> Message | None:
    queue = system.get("queue", "")
    if not isinstance(queue, str):
        return field_message("queue_text")
    return _reason_fault(queue, _MAX_QUEUE_BYTES)


def _name_fault(system: Mapping[str, Any]) -> Message | None:
    job = system.get("job", {})
    name = job.get("name", "") if isinstance(job, dict) else None
    if not isinstance(name, str):
        return field_message("name_text")
    if len(name.encode("utf-8", "surrogatepass")) > _MAX_NAME_BYTES:
        return field_message("name_too_long", limit=_MAX_NAME_BYTES)
    return None


def _duration_fault(system: Mapping[str, Any]) -> Message | None:
    duration = system.get("duration")
    if isinstance(duration, (int, float)) and not duration <= MAX_DURATION_S:
        return field_message("duration_many_years", limit=MAX_DURATION_S)
    return None


def _reason_fault(text: str, limit: int) -> Message | None:
    """Return what is wrong with a text that Flux may cut in the reason for a refusal."""
    if text.isascii() or len(text.encode("utf-8", "surrogatepass")) <= limit:
        return None
    return field_message("too_long_unless_ascii", limit=limit)


def _dependency_fault(system: Mapping[str, Any]) -> Message | None:
    dependencies = system.get("dependencies", [])
    if not _are_dependencies(dependencies):
        return field_message("dependency_objects")
    if len(dependencies) > MAX_DEPENDENCIES:
        return field_message("dependencies_many", limit=MAX_DEPENDENCIES)
    if any(it["scheme"] == "singleton" for it in dependencies[:-1]):
        return field_message("singleton_last")
    texts = (it[name] for it in dependencies for name in ("scheme", "value"))
    faults = (_reason_fault(text, _MAX_DEPENDENCY_TEXT_BYTES) for text in texts)
    return next(filter(None, chain(faults, map(_jobid_fault, dependencies))), None)


def _jobid_fault(dependency: Mapping[str, str]) -> Message | None:
    scheme = dependency["scheme"]
    if scheme in AFTER_SCHEMES:
        try:
            parse(dependency["value"])
        except ValueError:
            return field_message("dependency_jobid", scheme=scheme)
    return None


def _are_dependencies(listed: Any) -> bool:
    """Return whether Flux's validator can read the dependencies of a job (RFC 26)."""
    return isinstance(listed, list) and all(
        isinstance(it, dict)
        and isinstance(it.get("scheme"), str)
        and isinstance(it.get("value"), str)
        for it in listed
    )


def _below(tree: Any, *names: str) -> Mapping[str, Any]:
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}
