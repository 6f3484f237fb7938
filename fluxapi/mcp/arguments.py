"""The JSON Schemas of the arguments of tools, made of those of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fluxapi.contracts.files import read

__all__ = ["LISTED", "SUBMITTED", "arguments", "chosen"]

SUBMITTED = (
    "command",
    "script",
    "script_args",
    "name",
    "num_tasks",
    "cores_per_task",
    "gpus_per_task",
    "num_cores",
    "tasks_per_node",
    "tasks_per_core",
    "gpus_per_node",
    "num_slots",
    "cores_per_slot",
    "gpus_per_slot",
    "num_nodes",
    "exclusive",
    "duration",
    "cwd",
    "environment",
    "input",
    "output",
    "error",
    "queue",
    "bank",
    "group",
    "dependencies",
    "urgency",
)
"""The fields of ``schemas/submit.json`` that the tool to submit takes."""

LISTED = (
    "state", "result", "user", "name", "queue", "group", "node", "since", "until", "ended",
    "ended_until", "held",
    "text",
)  # fmt: skip
"""The parameters of ``schemas/jobs-query.json`` that the tool to list takes."""


def arguments(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """Return the schema of an object with these members and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def chosen(name: str, members: Sequence[str]) -> dict[str, Any]:
    """Return some properties of a schema of the API, in words that every reader of schemas knows.

    References are replaced by their targets, ``null`` is no value, and members that begin with
    ``x-`` are left out.
    """
    properties = read(name)["properties"]
    return {member: _plain(properties[member], name) for member in members}


def _plain(node: Any, name: str) -> Any:
    if isinstance(node, list):
        return [_plain(item, name) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        file, _, place = node["$ref"].partition("#")
        name = file.removesuffix(".json") or name
        node = {**_target(name, place), **{key: node[key] for key in node if key != "$ref"}}
    plain = {
        key: _plain(value, name)
        for key, value in node.items()
        if not key.startswith("x-") and key not in {"examples", "default"}
    }
    if isinstance(plain.get("type"), list):
        types = [type for type in plain["type"] if type != "null"]
        plain["type"] = types[0] if len(types) == 1 else types
    return plain


def _target(name: str, place: str) -> dict[str, Any]:
    target = read(name)
    for step in place.strip("/").split("/"):
        target = target[step]
    return target
