"""The schemas as components of an OpenAPI document that code generators understand.

The files of ``schemas/`` define requests and responses exactly, with all of JSON Schema. Client
generators support less of it: a pointer into another schema, a ``false`` schema, a list of types or
conditions between properties make them fail, or generate unusable classes. So this module
simplifies each schema:

- each object is a component, with an identifier as its name and title, so that every generator
  gives its class this name;
- a reference to a schema becomes a reference to a component; any other reference is inlined;
- a property has one type. If a request may give a value in several forms, it is the most general
  form (``x-type``); the description mentions the others. Null, which equals no value in a request,
  is omitted.

So the document may allow less than the service accepts, but never anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import schema

__all__ = ["Components", "component_name"]

_PLACE = "#/$defs/"
_REFERENCE = "#/components/schemas/"

_KEYWORDS = {
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum"},
    "integer": {"minimum", "maximum"},
    "array": {"items", "minItems", "maxItems"},
    "object": {
        "properties", "required", "additionalProperties", "propertyNames",
        "minProperties", "maxProperties",
    },
}  # fmt: skip
"""The keywords that apply to the values of one type."""

_OF_ONE_TYPE = frozenset().union(*_KEYWORDS.values())

_CONDITIONS = frozenset({"oneOf", "anyOf", "allOf", "not", "if", "then", "else"})
"""Conditions between properties, which ``x-form`` describes in words."""

_UNSAID = _CONDITIONS | {"$defs"}

_WITH_NULL = frozenset({"job-list", "group-list"})
"""Schemas of responses, in which null is a distinct value."""

_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def component_name(name: str) -> str:
    """Return the name of a schema as an identifier: ``JobList`` for ``job-list``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))


class Components:
    """The components of a document, created when it first refers to them."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def reference(self, name: str) -> dict[str, Any]:
        """Return a reference to the component of the schema *name*."""
        rule = {**schema.schema(name), "title": component_name(name)}
        form = rule.get("x-form")
        if form and _CONDITIONS & rule.keys():
            rule["description"] += f" Give {form}."
        return self._component(rule, name)

    def parameters(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the properties of a query schema, with references inlined.

        A name without a letter (``_``, for cache busting) is omitted: generators reject it.
        """
        properties = schema.schema(name)["properties"]
        return {
            key: self._simple(rule, name)
            for key, rule in properties.items()
            if any(map(str.isalpha, key))
        }

    def schemas(self) -> dict[str, Any]:
        """Return all components in use, by name."""
        return dict(sorted(self._made.items()))

    def _component(self, rule: Mapping[str, Any], file: str) -> dict[str, Any]:
        title = rule["title"]
        if title not in self._made:
            self._made[title] = {}  # It may refer to itself.
            self._made[title] = self._written_out(rule, file)
        return {"$ref": _REFERENCE + title}

    def _simple(self, rule: Mapping[str, Any], file: str) -> dict[str, Any]:
        """Return the simplified *rule*, which is a part of the schema *file*."""
        if "$ref" in rule:
            return self._target(rule, file)
        if "properties" in rule and "title" in rule:
            about = {"description": rule["description"]} if "description" in rule else {}
            return {**self._component(rule, file), **about}
        return self._written_out(rule, file)

    def _target(self, rule: Mapping[str, Any], file: str) -> dict[str, Any]:
        """Return a reference to a component, or the inlined target of any other reference."""
        beside = {key: value for key, value in rule.items() if key != "$ref"}
        target, *path = rule["$ref"].removeprefix(_PLACE).split("/")
        if not path:
            return {**self.reference(target), **beside}
        node: Any = schema.schema(target)
        for part in path:
            node = node[part]
        return self._simple({**node, **beside}, file)

    def _written_out(self, rule: Mapping[str, Any], file: str) -> dict[str, Any]:
        simple: dict[str, Any] = {}
        plain = {key: value for key, value in rule.items() if key not in _UNSAID}
        for key, value in _of_one_type(plain, null=file in _WITH_NULL).items():
            if key == "properties":
                simple[key] = {
                    name: self._simple(part, file) for name, part in _distinct(value).items()
                }
            elif key in {"items", "additionalProperties", "propertyNames"} and value not in (
                True,
                False,
            ):
                simple[key] = self._simple(value, file)
            elif key == "const":
                simple |= {"type": _JSON_TYPES[type(value)], "enum": [value]}
            else:
                simple[key] = value
        if simple.get("type") == "object" and "properties" not in simple:
            simple.setdefault("additionalProperties", True)
        return simple


def _distinct(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the allowed properties, without those whose names differ only in case.

    Generators map ``Errors`` and ``errors`` to the same name.
    """
    kept: dict[str, Any] = {}
    lowered: set[str] = set()
    for name, rule in properties.items():
        if rule is not False and name.lower() not in lowered:
            lowered.add(name.lower())
            kept[name] = rule
    return kept


def _of_one_type(rule: Mapping[str, Any], *, null: bool) -> dict[str, Any]:
    """Return the rule with one type instead of a list, or with alternatives of one type each."""
    types = rule.get("type")
    if not isinstance(types, list):
        return dict(rule)
    names = [rule["x-type"]] if "x-type" in rule else [name for name in types if name != "null"]
    if null and "null" in types:
        names.append("null")
    alternatives = [_alternative(name, rule) for name in names]
    common = {
        key: value
        for key, value in rule.items()
        if key not in _OF_ONE_TYPE and key not in {"type", "x-type"}
    }
    if len(alternatives) == 1:
        return {**alternatives[0], **common}
    return {**common, "anyOf": alternatives}


def _alternative(name: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of the rule that applies to the values of one type."""
    keywords = {key: rule[key] for key in rule if key in _KEYWORDS.get(name, ())}
    if name == "array":
        keywords.setdefault("items", {})  # Generators reject an array without it.
    return {"type": name, **keywords}
