"""The fields ``instance.*`` of a job that is a Flux instance, as ``flux jobs -o`` names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fluxapi.model.job import GROUPS

from .field_values import EMPTY
from .node_parts import PART_STATES, part_of

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

    from .answers import JobCounts, Node

__all__ = ["FIELDS", "InstanceFigures", "read_figures"]

FIELDS = "instance."
"""The prefix of the fields."""

_RESULTS = {
    "successful": "COMPLETED",
    "failed": "FAILED",
    "canceled": "CANCELED",
    "timeout": "TIMEOUT",
}
_UTILIZATIONS = {"utilization": "ncores", "gpu_utilization": "ngpus"}
_PART_FIELDS = frozenset({"nnodes", "ncores", "ngpus", "ranks", "nodelist"})


class InstanceFigures:
    """The resources and the jobs of one instance."""

    def __init__(self, nodes: Sequence[Node], counts: JobCounts) -> None:
        self._parts = {state: part_of(nodes, [state]) for state in PART_STATES}
        self._counts = counts

    def get(self, field: str) -> Any:
        """Return the value of a field, whose name begins with :data:`FIELDS`."""
        name = field.removeprefix(FIELDS)
        kind, _, rest = name.partition(".")
        if name == "stats":
            numbers = [self._number(it) for it in ("pending", "running", "successful", "failed")]
            return "PD:{} R:{} CD:{} F:{}".format(*numbers)
        if kind == "stats":
            return self._number(rest)
        if kind == "resources":
            state, _, what = rest.partition(".")
            part = self._parts.get(state)
            return EMPTY if part is None or what not in _PART_FIELDS else getattr(part, what)
        if name == "progress":
            return _share(self._number("inactive"), self._number("total"))
        if name not in _UTILIZATIONS:
            return EMPTY
        what = _UTILIZATIONS[name]
        return _share(*(getattr(self._parts[state], what) for state in ("allocated", "all")))

    def _number(self, name: str) -> Any:
        """Return a count of ``flux.job.JobStats``."""
        states, results = self._counts.states, self._counts.results
        if name in _RESULTS:
            return results.get(_RESULTS[name], 0)
        if name in {"pending", "running"}:
            return sum(states.get(state, 0) for state in GROUPS[name.upper()])
        total = sum(states.values())
        if name in {"total", "active"}:
            return total if name == "total" else total - states.get("INACTIVE", 0)
        return states.get(name.upper(), 0) if name.isalpha() else EMPTY


def _share(part: int, whole: int) -> float | str:
    """Return the part as a fraction, or an empty text of nothing."""
    return part / whole if whole else ""


async def read_figures(flux: AsyncClient) -> InstanceFigures | None:
    """Return what an instance has, or ``None`` if it does not tell its resources."""
    from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

    from .answers import job_counts, resources  # noqa: PLC0415 - imports the client

    try:
        return InstanceFigures((await resources(flux)).nodes, await job_counts(flux))
    except ClientError:
        return None
