"""The work that a jobspec gives Flux besides being read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .after import MAX_DEPENDENCIES, begin_of, read_after
from .checked import clip
from .constraints import evaluation_seconds
from .job_fields import MAX_NAME_CHARS
from .jobspec_size import Contents

__all__ = ["Work", "work_of"]

_DEPENDENCY_BYTES = 16 << 10
"""Bytes of a jobspec that Flux reads in the time of a dependency, which is about a millisecond."""

_BYTES_PER_S = 16 << 20
"""Bytes of a jobspec that Flux reads in a second."""

_USUAL_EVALUATION_S = 0.1
"""Time of the evaluation of a constraint that does not count."""

_EVALUATIONS = 2
"""How often the scheduler evaluates a constraint that no node meets."""

_SHORT_EVALUATION_S = 20e-6
"""Time of the evaluation of a constraint for one node that does not count, however many jobs are
active: one of some properties, hosts or ranks.
"""


class Work(NamedTuple):
    """The members of a :class:`~fluxapi.model.submission.Submission` with these names."""

    cost: int
    dependencies: int
    after: tuple[int, ...]
    chained: tuple[int, ...]
    singleton: str
    begin: float
    evaluation_s: float
    memory: int


def work_of(document: Mapping[str, Any], contents: Contents, nodes: int = 1) -> Work:
    """Return the work of a jobspec that may reach a Flux of so many nodes."""
    system = _system_of(document)
    dependencies = len(system.get("dependencies", ()))
    cost = contents.growth + dependencies * _DEPENDENCY_BYTES
    constraints = system.get("constraints")
    seconds = 0.0 if constraints is None else evaluation_seconds(constraints, nodes)
    if seconds > _USUAL_EVALUATION_S:
        cost += int(_EVALUATIONS * seconds * _BYTES_PER_S)
    after = read_after(system, MAX_DEPENDENCIES)
    return Work(
        cost,
        dependencies,
        after=tuple(sorted({target for target, _ in after})),
        chained=tuple(sorted({target for target, scheme in after if scheme != "afterany"})),
        singleton=_singleton(system),
        begin=begin_of(system),
        evaluation_s=seconds if seconds > _SHORT_EVALUATION_S * nodes else 0.0,
        memory=contents.memory,
    )


def _singleton(system: Mapping[str, Any]) -> str:
    """Return the name of a job that waits for others of its name, as a record has it."""
    if any(one["scheme"] == "singleton" for one in system.get("dependencies", ())):
        name = system.get("job", {}).get("name")
        return clip(name, MAX_NAME_CHARS) if isinstance(name, str) else ""
    return ""


def _system_of(document: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes = document.get("attributes")
    system = attributes.get("system") if isinstance(attributes, dict) else None
    return system if isinstance(system, dict) else {}
