"""A job of PSI/J as the options of a submission."""

from __future__ import annotations

import warnings
from typing import Any

from psij import InvalidJobException, JobSpec, ResourceSpecV1

__all__ = ["options"]

_CUSTOM = "fluxapi."
"""The begin of the names of custom attributes that are options of a submission."""


def options(spec: JobSpec) -> dict[str, Any]:
    """Return the fields of ``schemas/submit.json``; raises ``InvalidJobException``."""
    if not spec.executable:
        raise InvalidJobException("The job has no executable.")
    if spec.pre_launch or spec.post_launch:
        raise InvalidJobException(
            "pre_launch and post_launch are not supported: make them part of the executable."
        )
    fields = {
        "command": [str(spec.executable), *map(str, spec.arguments or ())],
        "name": spec.name,
        "environment": spec.environment,
        "cwd": _text(spec.directory),
        "input": _text(spec.stdin_path),
        "output": _text(spec.stdout_path),
        "error": _text(spec.stderr_path),
        **_resources(spec.resources),
        **_attributes(spec.attributes),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _text(path: object) -> str | None:
    return None if path is None else str(path)


def _resources(resources: Any) -> dict[str, Any]:
    if resources is None:
        return {}
    if not isinstance(resources, ResourceSpecV1):
        raise InvalidJobException(f"Resources of version {resources.version} are not supported.")
    if resources.memory is not None:
        warnings.warn("Flux does not schedule memory: it is ignored.", UserWarning, stacklevel=2)
    nodes = resources.node_count
    if nodes is None and (resources.processes_per_node or resources.exclusive_node_use):
        nodes = resources.computed_node_count
    return {
        "num_tasks": resources.computed_process_count,
        "num_nodes": nodes,
        "cores_per_task": resources.cpu_cores_per_process,
        "gpus_per_task": resources.gpu_cores_per_process,
        "exclusive": True if resources.exclusive_node_use else None,
    }


def _attributes(attributes: Any) -> dict[str, Any]:
    if attributes is None:
        return {}
    if attributes.reservation_id is not None:
        raise InvalidJobException("Flux has no reservations: leave out reservation_id.")
    given = attributes.custom_attributes or {}
    own = {
        name.removeprefix(_CUSTOM): value
        for name, value in given.items()
        if name.startswith(_CUSTOM)
    }
    bank = attributes.account or attributes.project_name
    duration = attributes.duration
    return {
        "duration": None if duration is None else duration.total_seconds(),
        "queue": attributes.queue_name,
        "bank": bank,
        **own,
    }
