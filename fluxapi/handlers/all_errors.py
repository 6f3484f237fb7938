"""All that is wrong with a request for a job, where each step of its checks stops at the first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fluxapi.model.message import FieldErrors

__all__ = ["all_errors"]

_MAX_ROUNDS = 6

_SHAPE = frozenset(
    {
        "num_tasks", "cores_per_task", "gpus_per_task", "num_slots", "cores_per_slot",
        "gpus_per_slot", "num_nodes", "exclusive", "num_cores", "tasks_per_node", "tasks_per_core",
        "gpus_per_node", "resources",
    }
)  # fmt: skip
"""The fields that are compared with each other: one without another may be wrong only for that."""

_INSTEAD: Mapping[str, Any] = {"command": "true", "script": "#!/bin/sh\n"}
"""Values of fields that a job needs."""

Judge = Callable[[Mapping[str, Any]], Awaitable[FieldErrors]]
"""Returns some of what is wrong with a request, and nothing only if nothing is."""


async def all_errors(fields: Mapping[str, Any], judge: Judge) -> FieldErrors:
    """Return what *judge* says of a request, and of what is left of it without the wrong fields."""
    found: FieldErrors = []
    named: set[str] = set()
    left = dict(fields)
    for _ in range(_MAX_ROUNDS):
        errors = [it for it in await judge(left) if _field(it) not in named]
        found += errors
        wrong = {_field(it) for it in errors}
        if not wrong or not wrong <= left.keys() or "jobspec" in left:
            break
        named |= wrong
        if wrong & _SHAPE:
            wrong |= _SHAPE
        left = {
            name: _INSTEAD.get(name) if name in wrong else value
            for name, value in left.items()
            if name not in wrong or name in _INSTEAD
        }
    return found


def _field(error: Mapping[str, Any]) -> str:
    """Return the name of the field that an error is about; empty if it is about none."""
    pointer: str = error["pointer"]
    return pointer.split("/")[1].replace("~1", "/").replace("~0", "~") if pointer else ""
