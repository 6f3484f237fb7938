"""The resources in use in an instance, as its scheduler tells them, without a list of nodes."""

from __future__ import annotations

import msgspec

from fluxapi.model.idset import IdSet

__all__ = ["MAX_ANSWER_BYTES", "read_utilization"]

MAX_ANSWER_BYTES = 64 << 10
"""Bytes of the largest answer that is read; idsets describe thousands of nodes in fewer."""

_MAX_TOTAL = (1 << 53) - 1


class _Entry(msgspec.Struct):
    rank: str
    children: dict[str, str]


class _Execution(msgspec.Struct):
    R_lite: list[_Entry]


class _R(msgspec.Struct):
    execution: _Execution


class _Status(msgspec.Struct):
    all: _R | None = None
    allocated: _R | None = None


_decoder = msgspec.json.Decoder(_Status)


def read_utilization(payload: bytes) -> dict[str, dict[str, int]]:
    """Return the numbers of nodes, cores and GPUs in an answer of ``resource.sched-status``.

    Raises:
        ValueError: The answer is too large, or has an invalid idset or number.
        MsgspecError: It is no such answer.
    """
    if len(payload) > MAX_ANSWER_BYTES:
        raise ValueError("the answer is too large")
    status = _decoder.decode(payload)
    total, allocated = _counts(status.all), _counts(status.allocated)
    return {kind: {"total": total[kind], "allocated": allocated[kind]} for kind in total}


def _counts(R: _R | None) -> dict[str, int]:
    found = {"nodes": 0, "cores": 0, "gpus": 0}
    for entry in () if R is None else R.execution.R_lite:
        nodes = len(IdSet.parse(entry.rank))
        found["nodes"] += nodes
        for kind, child in (("cores", "core"), ("gpus", "gpu")):
            found[kind] += nodes * len(IdSet.parse(entry.children.get(child, "")))
    if max(found.values()) > _MAX_TOTAL:
        raise ValueError("a number is out of range")
    return found
