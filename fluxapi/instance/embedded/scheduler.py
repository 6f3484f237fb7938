"""A FIFO scheduler with priorities for the cores and GPUs of one node.

The order, and the messages about unsatisfiable requests, are those of
``src/modules/sched-fifo.py`` and ``flux/resource/Rv1Pool.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sortedcontainers import SortedDict

from fluxapi.model.idset import encode_idset

from .outline import Outline
from .shape import Shape

__all__ = ["Allocated", "Infeasible", "Pool", "Queue"]


class Infeasible(Exception):
    """The request is unsatisfiable; the text is the note of the job's exception."""


@dataclass(frozen=True, slots=True)
class Allocated:
    """Cores and GPUs, by number, that one job holds, and its slots."""

    cores: tuple[int, ...]
    gpus: tuple[int, ...]
    slots: int

    @property
    def summary(self) -> str:
        """Return the annotation ``sched.resource_summary``: ``rank0/core[0-1],gpu0``."""
        parts = [f"core{encode_idset(self.cores, brackets=True)}"]
        if self.gpus:
            parts.append(f"gpu{encode_idset(self.gpus, brackets=True)}")
        return f"rank0/{','.join(parts)}"


class Pool:
    """The cores and GPUs of this machine, numbered from 0, and their allocation."""

    def __init__(self, cores: int, gpus: int, hostname: str) -> None:
        self.hostname = hostname
        self.cores = range(cores)
        self.gpus = range(gpus)
        self._free_cores = list(self.cores)
        self._free_gpus = list(self.gpus)

    def check(self, outline: Outline) -> None:
        """Raise ``Infeasible`` if even the idle machine could not run the job."""
        shape = outline.shape
        if shape.error is not None:
            raise Infeasible(f"cannot parse jobspec: {shape.error}")
        cores, gpus = (len(self.cores), len(self.gpus)) if outline.eligible else (0, 0)
        if shape.exclusive:
            _check_exclusive(shape, cores, gpus)
        elif shape.nodes:
            _check_nodes(shape, cores, gpus)
        else:
            _check_slots(shape, cores, gpus)

    def alloc(self, shape: Shape) -> Allocated | None:
        """Allocate the resources of *shape*, lowest numbers first; ``None`` if not available."""
        if shape.exclusive:
            need_cores, need_gpus = len(self.cores), len(self.gpus)
        else:
            need_cores, need_gpus = shape.cores, shape.slots * shape.slot_gpus
        if need_cores > len(self._free_cores) or need_gpus > len(self._free_gpus):
            return None
        taken = Allocated(
            tuple(self._free_cores[:need_cores]), tuple(self._free_gpus[:need_gpus]), shape.slots
        )
        del self._free_cores[:need_cores]
        del self._free_gpus[:need_gpus]
        return taken

    def free(self, taken: Allocated) -> None:
        """Release the resources of a job."""
        self._free_cores = sorted(self._free_cores + list(taken.cores))
        self._free_gpus = sorted(self._free_gpus + list(taken.gpus))

    def R(  # noqa: N802 - RFC 20's name
        self, taken: Allocated | None, starttime: float = 0.0, duration: float = 0.0
    ) -> dict[str, Any]:
        """Return R (RFC 20) of an allocation, or of the whole machine for ``None``."""
        cores, gpus = (self.cores, self.gpus) if taken is None else (taken.cores, taken.gpus)
        children = {"core": encode_idset(cores)}
        if gpus:
            children["gpu"] = encode_idset(gpus)
        execution: dict[str, Any] = {
            "R_lite": [{"rank": "0", "children": children}],
            "starttime": starttime,
            "expiration": starttime + duration if duration > 0 else 0.0,
            "nodelist": [self.hostname],
        }
        if taken is not None:
            execution["nslots"] = taken.slots
        return {"version": 1, "execution": execution}

    def allocated(self) -> Allocated | None:
        """Return all allocated resources, or ``None`` if there are none."""
        cores = tuple(sorted(set(self.cores).difference(self._free_cores)))
        gpus = tuple(sorted(set(self.gpus).difference(self._free_gpus)))
        return Allocated(cores, gpus, len(cores)) if cores or gpus else None


def _check_exclusive(shape: Shape, cores: int, gpus: int) -> None:
    need = max(1, shape.nodes)
    eligible = int(cores >= shape.slot_cores and gpus >= shape.slot_gpus)
    if eligible < need or shape.slots_per_node * shape.slot_cores > cores:
        raise Infeasible(
            f"unsatisfiable request: need {need} exclusive node(s), only {eligible} eligible"
        )


def _check_nodes(shape: Shape, cores: int, gpus: int) -> None:
    node_cores = shape.slots_per_node * shape.slot_cores
    node_gpus = shape.slots_per_node * shape.slot_gpus
    eligible = int(cores >= node_cores and gpus >= node_gpus)
    if eligible < shape.nodes:
        more = f" and {node_gpus} GPUs" if node_gpus else ""
        raise Infeasible(
            f"unsatisfiable request: need {shape.nodes} node(s) with {node_cores} cores{more} "
            f"each, only {eligible} eligible"
        )


def _check_slots(shape: Shape, cores: int, gpus: int) -> None:
    fit = cores // shape.slot_cores
    if fit < shape.slots:
        raise Infeasible(
            f"unsatisfiable request: need {shape.slots} slot(s) of {shape.slot_cores} core(s), "
            f"only {fit} such slot(s) available (total cores: {cores})"
        )
    if shape.slot_gpus:
        fit = min(fit, gpus // shape.slot_gpus)
        if fit < shape.slots:
            raise Infeasible(
                f"unsatisfiable request: need {shape.slots} slot(s) with {shape.slot_gpus} GPU(s) "
                f"each, only {fit} available (total GPUs: {gpus})"
            )


class Queue:
    """A queue of job IDs in scheduling order: highest priority first, then lowest ID."""

    def __init__(self) -> None:
        self._order: SortedDict[tuple[int, int], int] = SortedDict()
        self._keys: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[int]:
        return iter(self._order.values())

    def put(self, jobid: int, priority: int) -> None:
        """Add a job, or move it to its new priority."""
        self.discard(jobid)
        key = (-priority, jobid)
        self._keys[jobid] = key
        self._order[key] = jobid

    def discard(self, jobid: int) -> None:
        """Remove a job, if present."""
        key = self._keys.pop(jobid, None)
        if key is not None:
            del self._order[key]

    def head(self) -> int | None:
        """Return the first job."""
        return self._order.peekitem(0)[1] if self._keys else None
