"""Tasks per node or core, as ``JobspecV1.per_resource`` of flux-core's Python bindings makes them.

The job requests nodes or cores, and the shell option ``per-resource`` starts a number of tasks on
each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .message import Value, field_error, field_message
from .options import Fields

__all__ = ["FIELDS", "SHAPING", "check", "is_per_resource", "resources", "shell_options"]

FIELDS = ("num_cores", "tasks_per_node", "tasks_per_core", "gpus_per_node")
"""The fields that request resources, not tasks."""

SHAPING = (
    "num_tasks", "cores_per_task", "gpus_per_task", *FIELDS, "num_nodes", "exclusive",
    "num_slots", "cores_per_slot", "gpus_per_slot",
)  # fmt: skip
"""All fields that request resources; the field ``resources`` takes their place."""

_PER_TASK = ("num_tasks", "cores_per_task", "gpus_per_task")


def is_per_resource(given: Mapping[str, Any]) -> bool:
    """Return whether the fields of a request give tasks per resource."""
    return any(name in given for name in FIELDS)


def check(given: Mapping[str, Any], wrong: Fields) -> None:
    """Append the contradictions of a request that gives tasks per resource to *wrong*."""
    for name in _PER_TASK:
        if given.get(name):
            others = [other for other in FIELDS if other in given]
            wrong.append(_wrong(name, "not_with", names=others))
    if "tasks_per_node" in given and "tasks_per_core" in given:
        wrong.append(_wrong("tasks_per_core", "not_with", names="tasks_per_node"))
    nodes, cores = given.get("num_nodes"), given.get("num_cores")
    if nodes is None and "gpus_per_node" in given:
        wrong.append(_wrong("gpus_per_node", "needs", names="num_nodes"))
    if nodes is None and cores is None and "gpus_per_node" not in given:
        name = "tasks_per_node" if "tasks_per_node" in given else "tasks_per_core"
        wrong.append(_wrong(name, "needs_one_of", options=["num_nodes", "num_cores"]))
    if nodes is not None and cores is not None and cores % nodes:
        wrong.append(_wrong("num_cores", "no_multiple_of_nodes", nodes=nodes))


def resources(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the requested resource of a request that :func:`check` has accepted."""
    nodes, cores = given.get("num_nodes"), given.get("num_cores")
    slots, size = 1, 1
    if nodes is None:
        slots = int(cores or 1)
    elif cores is not None:
        size = int(cores) // int(nodes)
    children = [{"type": "core", "count": size}]
    gpus = int(given.get("gpus_per_node", 0))
    if gpus:
        children.append({"type": "gpu", "count": gpus})
    slot: dict[str, Any] = {"type": "slot", "count": slots, "with": children, "label": "task"}
    if nodes is None:
        return slot
    node: dict[str, Any] = {"type": "node", "count": int(nodes), "with": [slot]}
    if given.get("exclusive") or cores is None:
        # Nodes without a number of cores are whole nodes, as for flux submit.
        node["exclusive"] = True
    return node


def shell_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shell options of a request that gives tasks per node or per core, else none."""
    for kind in ("node", "core"):
        count = given.get(f"tasks_per_{kind}")
        if count is not None:
            return {"per-resource": {"type": kind, "count": int(count)}}
    return {}


def _wrong(field: str, code: str, /, **params: Value) -> dict[str, Any]:
    return field_error(f"/{field}", field_message(code, **params))
