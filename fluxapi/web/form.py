"""The fields of the submit form, made from the schema that the API validates with."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from fluxapi.contracts import schema
from fluxapi.model import batch

from .form_fields import FIELDS, PARTS, Shown

__all__ = ["PARTS", "Field", "facts", "fields"]

Kind = Literal[
    "command",
    "duration",
    "flag",
    "integer",
    "json",
    "list",
    "numbers",
    "pairs",
    "query",
    "text",
    "tree",
    "whole",
    "word",
]
"""The kind of input: ``duration`` is a time limit as people write it, ``word`` a number or a name,
``pairs`` are NAME=value lines, ``numbers`` NAME=number lines, ``tree`` KEY=value lines whose values
are JSON or text, ``list`` one entry per line, ``query`` a constraint or JSON,
``whole`` text of several lines that is sent unchanged."""

_ONLY_PLAIN = frozenset({*batch.NOT_WITH_SCRIPT, "jobspec"})


@dataclass(frozen=True, slots=True)
class Field:
    """One property of the schema.

    ``low`` and ``high`` limit its numbers; ``pattern`` is a regular expression for its text, and
    ``form`` describes that in words. ``only`` is ``command`` or ``script`` for the field of one
    sort of job. ``shown`` is its place in the form.
    """

    name: str
    kind: Kind
    shown: Shown
    low: int | None = None
    high: int | None = None
    pattern: str | None = None
    only: Literal["command", "script"] | None = None


@functools.cache
def fields() -> tuple[Field, ...]:
    """Return the fields of jobs in the order of the form."""
    properties = schema.schema("submit")["properties"]
    return tuple(_field(shown, _resolved(properties[shown.name])) for shown in FIELDS)


def facts() -> list[dict[str, Any]]:
    """Return the fields as objects for the script of the page."""
    return [
        {name: value for name, value in asdict(field).items() if name != "shown"}
        | {"section": field.shown.section}
        for field in fields()
    ]


_KINDS: dict[str, Kind] = {"script": "whole", "duration": "duration", "constraints": "query"}


def _field(shown: Shown, rule: Mapping[str, Any]) -> Field:
    name = shown.name
    kind = _kind(name, rule)
    plain = kind in {"command", "duration", "text", "integer", "word"}
    return Field(
        name=name,
        kind=kind,
        shown=shown,
        low=rule.get("minimum") if plain else None,
        high=rule.get("maximum") if plain else None,
        pattern=rule.get("pattern") if plain else None,
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
    if name in _KINDS:
        return _KINDS[name]
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
