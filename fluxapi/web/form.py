"""The fields of the submit form, made from the schema that the API validates with."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from fluxapi.contracts import schema
from fluxapi.model import batch

__all__ = ["Field", "facts", "fields"]

Kind = Literal[
    "command",
    "flag",
    "integer",
    "json",
    "list",
    "numbers",
    "pairs",
    "text",
    "tree",
    "whole",
    "word",
]
"""The kind of input: ``word`` is a number or a name, ``pairs`` are NAME=value lines, ``numbers``
NAME=number lines, ``tree`` KEY=value lines whose values are JSON or text, ``list`` one entry per
line, ``whole`` text of several lines that is sent unchanged."""

_USUAL = (
    "command",
    "script",
    "script_args",
    "num_tasks",
    "cores_per_task",
    "gpus_per_task",
    "num_slots",
    "cores_per_slot",
    "gpus_per_slot",
    "num_nodes",
    "exclusive",
    "duration",
    "name",
    "queue",
    "cwd",
    "environment",
    "urgency",
    "is_launcher",
)
"""The fields that most jobs need, in the order of the form; all others are below More."""

_ONLY_PLAIN = frozenset({*batch.NOT_WITH_SCRIPT, "jobspec"})

_LABELS = {
    "num_tasks": "Tasks",
    "cores_per_task": "Cores per task",
    "gpus_per_task": "GPUs per task",
    "num_cores": "Cores",
    "gpus_per_node": "GPUs per node",
    "num_nodes": "Nodes",
    "script_args": "Arguments",
    "script_name": "File name",
    "num_slots": "Slots",
    "gpus_per_slot": "GPUs per slot",
    "wrap": "Run by /bin/sh",
    "conf": "Configuration",
    "broker_opts": "Broker options",
    "dump": "Dump file",
    "exclusive": "Whole nodes",
    "duration": "Time limit",
    "cwd": "Working directory",
    "env_expand": "Environment templates",
    "rlimits": "Resource limits",
    "input": "Input file",
    "output": "Output file",
    "error": "Error file",
    "label_io": "Label lines",
    "stdin": "Standard input",
    "is_launcher": "Launcher",
}

_HOW = {
    "json": "JSON.",
    "list": "One per line; write an object as JSON.",
    "numbers": "One NAME=number per line.",
    "pairs": 'One NAME=value per line; a value in "double quotes" is a JSON string.',
    "tree": "One KEY=value per line; values are JSON or text.",
}
"""How to type a value; shown after the description of the schema."""

_HELP = {
    "command": "Program and arguments, split like a command line; no other shell syntax works.",
    "script": "It runs in a Flux instance of its own. Its #flux: lines fill the fields below; what "
    "you type there wins. Drop a file here, or open one. Its output goes to the file "
    "flux-{{id}}.out in the working directory, unless Output file names another one; the page of "
    "the job shows it.",
    "num_nodes": "Nodes to spread the tasks or slots over.",
    "output": "File for standard output, a path on the nodes. Empty: that of a command stays in "
    "Flux, that of a batch script goes to flux-{{id}}.out in the working directory.",
    "stdin": "Standard input of every task, sent unchanged.",
}
"""Descriptions that replace those of the schema, which are longer or written for programs."""


@dataclass(frozen=True, slots=True)
class Field:
    """One property of the schema.

    ``low`` and ``high`` limit its numbers; ``pattern`` is a regular expression for its text, and
    ``form`` describes that in words. ``only`` is ``command`` or ``script`` for the field of one
    sort of job.
    """

    name: str
    label: str
    help: str
    kind: Kind
    usual: bool
    low: int | None = None
    high: int | None = None
    pattern: str | None = None
    form: str | None = None
    only: Literal["command", "script"] | None = None


@functools.cache
def fields() -> tuple[Field, ...]:
    """Return the fields of jobs, the usual ones first, without deprecated aliases."""
    properties = schema.schema("submit")["properties"]
    rules = {name: _resolved(given) for name, given in properties.items()}
    current = [name for name, rule in rules.items() if not rule.get("deprecated")]
    others = [name for name in current if name not in {*_USUAL, "jobspec"}]
    order = [*_USUAL, *others, "jobspec"]
    return tuple(_field(name, rules[name]) for name in order)


def facts() -> list[dict[str, Any]]:
    """Return the fields as objects for the script of the page."""
    return [asdict(field) for field in fields()]


def _field(name: str, rule: Mapping[str, Any]) -> Field:
    kind = _kind(name, rule)
    plain = kind in {"command", "text", "integer", "word"}
    how = "One per line." if kind == "list" and name in batch.FIELDS else _HOW.get(kind)
    return Field(
        name=name,
        label=_LABELS.get(name, name.replace("_", " ").capitalize()),
        help=" ".join(filter(None, [_HELP.get(name, rule["description"]), how])),
        kind=kind,
        usual=name in _USUAL,
        low=rule.get("minimum") if plain else None,
        high=rule.get("maximum") if plain else None,
        pattern=rule.get("pattern") if plain else None,
        form=rule.get("x-form"),
        only="script" if name in batch.FIELDS else "command" if name in _ONLY_PLAIN else None,
    )


def _kind(name: str, rule: Mapping[str, Any]) -> Kind:
    types = set(rule["type"]) - {"null"}
    simple: dict[frozenset[str], Kind] = {
        frozenset({"boolean"}): "flag",
        frozenset({"integer"}): "integer",
        frozenset({"integer", "string"}): "word",
        frozenset({"string", "array"}): "command",
        frozenset({"string", "object"}): "whole",
        frozenset({"array"}): "list",
    }
    if name == "script":
        return "whole"
    if types == {"object"}:
        return _map(rule) if name != "jobspec" else "json"
    return simple.get(frozenset(types), "text")


def _map(rule: Mapping[str, Any]) -> Kind:
    members = rule.get("additionalProperties")
    if isinstance(members, Mapping):
        return "pairs" if members.get("type") == "string" else "numbers"
    return "tree" if "propertyNames" in rule else "json"


def _resolved(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule that a reference points to, merged with the members beside the reference."""
    if "$ref" not in given:
        return dict(given)
    name, *inner = given["$ref"].removeprefix("#/$defs/").split("/")
    node: Any = schema.schema(name)
    for part in inner:
        node = node[part]
    return {**node, **{key: value for key, value in given.items() if key != "$ref"}}
