"""The JSON Schemas (draft 2020-12) of the contract, loaded and compiled once.

Each file of ``schemas/`` is one schema; files refer to each other by name (``submit.json``).
:func:`bundle` combines them into one document, from which the validators are compiled and the
OpenAPI components are generated. Validation reports all invalid fields at once, each with a JSON
pointer (RFC 6901) and a sentence with its code; ``x-form`` in a schema describes the form of its
values.

jsonschema takes about 150 µs for a submission, so jsonschema-rs validates first, in under 1 µs, and
jsonschema only explains invalid documents. In long lists and large objects, jsonschema examines
only the members that jsonschema-rs finds invalid (:mod:`fluxapi.contracts.judge`).
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import jsonschema.protocols
import jsonschema_rs

from fluxapi.errors import ValidationFailed
from fluxapi.model.message import FieldErrors, Message, Value, field_error, field_message
from fluxapi.model.phrases import codes_of

from .files import folder
from .judge import judge

__all__ = [
    "Fields",
    "bundle",
    "check",
    "compile_validator",
    "errors",
    "find",
    "is_valid",
    "names",
    "pointer",
    "schema",
]

Fields = FieldErrors
"""The invalid fields of a document."""

_PREFIX = "#/$defs/"
"""The place of the schemas in the document that validators are compiled from."""

_MAX_ERRORS = 20
"""Errors reported for one document; each takes up to 0.1 ms to explain."""

_MAX_KEY_LENGTH = 256
"""Characters of a key that a pointer repeats."""

_MAX_SUGGESTIONS = 10
"""Unknown names of one object for which a similar one is looked for: each takes about 0.1 ms."""

_MAX_SHOWN_LENGTH = 60
"""Characters of an invalid value that an error repeats."""

_MAX_KNOWN = 12
"""Names of an object that fit a sentence."""


@functools.cache
def _files() -> dict[str, dict[str, Any]]:
    return {
        path.name.removesuffix(".json"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder().glob("*.json"))
    }


def names() -> list[str]:
    """Return the names of all schemas: their file names without ``.json``."""
    return list(_files())


def bundle(prefix: str) -> dict[str, Any]:
    """Return all schemas by name, with every reference made absolute.

    Args:
        prefix: The place of the result in the caller's document, such as ``#/components/schemas/``.
    """
    return {name: _absolute(document, name, prefix) for name, document in _files().items()}


def _absolute(node: Any, name: str, prefix: str) -> Any:
    if isinstance(node, list):
        return [_absolute(item, name, prefix) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {
        key: _absolute(value, name, prefix) if key != "examples" else value
        for key, value in node.items()
        if key != "$schema"
    }
    target = copy.get("$ref")
    if isinstance(target, str):
        file, _, inner = target.partition("#")
        copy["$ref"] = f"{prefix}{file.removesuffix('.json') or name}{inner}"
    return copy


@functools.cache
def _document() -> dict[str, Any]:
    return {"$defs": bundle(_PREFIX)}


@functools.cache
def compile_validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """Return the fast check of a schema; the first call takes about a millisecond."""
    return _compile_part({"$ref": f"{_PREFIX}{name}"})


@functools.cache
def _judge(name: str) -> jsonschema.protocols.Validator:
    document = {"$ref": f"{_PREFIX}{name}", **_document()}
    validator: jsonschema.protocols.Validator = _judges()(document)
    return validator


@functools.cache
def _judges() -> type[Any]:
    return judge(jsonschema.Draft202012Validator, _compile_part, _MAX_ERRORS)


def _compile_part(rules: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Return the fast check of a part of a schema.

    It is compiled with only the schemas that it refers to: all would take ten times as long.
    """
    every = _document()["$defs"]
    needed: dict[str, Any] = {}
    names = set(_references(rules))
    while names:
        name = names.pop()
        needed[name] = every[name]
        names |= _schemas_below(name) - needed.keys()
    return jsonschema_rs.Draft202012Validator({"$defs": needed, **rules})


@functools.cache
def _schemas_below(name: str) -> frozenset[str]:
    """Return the names of the schemas that a schema refers to."""
    return frozenset(_references(_document()["$defs"][name]))


def _references(node: Any) -> Iterator[str]:
    """Yield the names of the schemas that a part of a schema refers to."""
    if isinstance(node, Mapping):
        target = node.get("$ref")
        if isinstance(target, str) and target.startswith(_PREFIX):
            yield target.removeprefix(_PREFIX).partition("/")[0]
        node = node.values()
    elif not isinstance(node, list):
        return
    for value in node:
        yield from _references(value)


def schema(name: str) -> dict[str, Any]:
    """Return one schema, with references absolute below ``#/$defs/``.

    Raises:
        LookupError: There is no file of this name, such as for a typing error in a route, or the
            file lacks a title, which names the schema in OpenAPI.
    """
    every: dict[str, dict[str, Any]] = _document()["$defs"]
    if name not in every:
        near = difflib.get_close_matches(name, every, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise LookupError(f"there is no schemas/{name}.json{hint}")
    if not every[name].get("title"):
        raise LookupError(f"schemas/{name}.json needs a title")
    return every[name]


def check(name: str, instance: Any, *, noun: str = "field", within: str = "") -> None:
    """Raise ``ValidationFailed`` unless *instance* is valid.

    Args:
        name: The name of the schema.
        instance: The document.
        noun: The word for a member in sentences (``field``, ``query parameter``).
        within: A prefix for the pointers.
    """
    found = find(name, instance, noun=noun, within=within)
    if len(found) == _MAX_ERRORS:
        raise ValidationFailed(
            found, f"{_MAX_ERRORS} fields or more are not valid; the first {_MAX_ERRORS} follow."
        )
    if found:
        raise ValidationFailed(found)


def is_valid(name: str, instance: Any) -> bool:
    """Return whether *instance* is valid, without an explanation; this is always fast."""
    return compile_validator(name).is_valid(instance)


def find(name: str, instance: Any, *, noun: str = "field", within: str = "") -> Fields:
    """Return what :func:`errors` does; this is fast for a valid *instance*."""
    if is_valid(name, instance):
        return []
    return errors(name, instance, noun=noun, within=within)


class OwnSchema:
    """A schema that is in no file, compiled once."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._fast = jsonschema_rs.Draft202012Validator(dict(document))
        self._judge = _judges()(dict(document))

    def find(self, instance: Any, *, noun: str) -> Fields:
        """Return what :func:`find` does."""
        if self._fast.is_valid(instance):
            return []
        return _explained(self._judge, instance, noun=noun)


def errors(name: str, instance: Any, *, noun: str = "field", within: str = "") -> Fields:
    """Return the invalid fields of *instance*, at most twenty, with one sentence each."""
    return _explained(_judge(name), instance, noun=noun, within=within)


def _explained(
    validator: jsonschema.protocols.Validator, instance: Any, *, noun: str, within: str = ""
) -> Fields:
    found: dict[str, Message] = {}
    for error in validator.iter_errors(instance):
        for place, sentence in _explain(error, noun):
            found.setdefault(within + place, sentence)
            if len(found) == _MAX_ERRORS:
                return [field_error(place, sentence) for place, sentence in found.items()]
    return [field_error(place, sentence) for place, sentence in found.items()]


def pointer(path: list[str | int]) -> str:
    """Return the RFC 6901 pointer of a path of keys and indexes; a very long key is cut."""
    return "".join(f"/{_clipped(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _clipped(part: str | int) -> str:
    text = str(part)
    return text if len(text) <= _MAX_KEY_LENGTH else f"{text[:_MAX_KEY_LENGTH]}…"


def _explain(error: jsonschema.ValidationError, noun: str) -> Iterator[tuple[str, Message]]:
    path = list(error.absolute_path)
    keyword = str(error.validator)
    parent: dict[str, Any] = error.schema if isinstance(error.schema, dict) else {}
    instance: Any = error.instance
    if keyword == "additionalProperties":
        known = parent.get("properties", {})
        for number, name in enumerate(name for name in instance if name not in known):
            similar = list(known) if number < _MAX_SUGGESTIONS else []
            yield pointer([*path, name]), _unknown(name, list(known), noun, similar)
    elif keyword == "required":
        for name in parent["required"]:
            if name not in instance:
                yield pointer([*path, name]), field_message("required")
    elif "propertyNames" in error.absolute_schema_path:
        sentence = _sentence(parent, keyword, instance)
        yield pointer([*path, instance]), field_message("bad_name", why=sentence)
    else:
        yield pointer(path), _sentence(parent, keyword, instance)


def _unknown(name: str, known: list[str], noun: str, similar: list[str]) -> Message:
    """Return the sentence about an unknown name, with the nearest of *similar* names."""
    code = f"unknown_{noun.replace(' ', '_')}"
    close = difflib.get_close_matches(name, similar, n=1) if len(name) <= _MAX_SHOWN_LENGTH else []
    if close:
        return field_message(f"{code}_near", near=close[0])
    if 0 < len(known) <= _MAX_KNOWN:
        return field_message(f"{code}_known", names=sorted(known))
    return field_message(code)


def _sentence(schema: Mapping[str, Any], keyword: str, value: Any) -> Message:
    if "x-form" in schema:
        return _in_words(schema["x-form"], keyword, value)
    if keyword in {"enum", "const"}:
        options = [str(option) for option in schema.get("enum", [schema.get("const")])]
        given: dict[str, Value] = {"options": options, "value": _show(value)}
        near = _nearest(value, options)
        return field_message("not_among_near" if near else "not_among", **given, **near)
    if keyword in {"minLength", "maxLength", "minItems", "maxItems"}:
        unit = "characters" if keyword.endswith("Length") else "entries"
        return field_message(f"{keyword[:3]}_{unit}", count=schema[keyword])
    if keyword in {"type", "minimum", "maximum"}:
        return field_message("must_be", form=_of_type(schema), value=_show(value))
    return field_message("not_allowed", value=_show(value))


def _in_words(form: str, keyword: str, value: Any) -> Message:
    # The value stands behind the form itself, not behind the advice that may follow a semicolon.
    form, _, advice = (part.strip() for part in form.partition(";"))
    if keyword == "oneOf":
        return field_message("must_give", form=_form(form))
    if keyword == "not":
        return field_message("must_be_left_out", form=_form(form))
    if advice:
        return field_message(
            "must_be_advice", form=_form(form), value=_show(value), advice=_form(advice)
        )
    return field_message("must_be", form=_form(form), value=_show(value))


@functools.cache
def _form(text: str) -> Message | str:
    """Return the code of a form in the words of a schema; a schema of no file may have others."""
    code = codes_of("forms").get(text)
    return text if code is None else Message("forms", code)


def _of_type(schema: Mapping[str, Any]) -> Message:
    """Return the form of the values that a schema takes by its types and bounds."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    bounds = {
        name: schema[keyword]
        for name, keyword in (("low", "minimum"), ("high", "maximum"))
        if schema.get(keyword) is not None
    }
    end = {(): "", ("low",): "_from", ("high",): "_to", ("low", "high"): "_within"}[tuple(bounds)]
    forms = [
        Message("forms", type_ + end, bounds)
        if type_ in {"integer", "number"}
        else Message("forms", type_)
        for type_ in types
        if type_ != "null"
    ]
    return functools.reduce(
        lambda all_, last: Message("forms", "either", {"all": all_, "last": last}), forms
    )


def _nearest(value: Any, options: list[str]) -> dict[str, Value]:
    if not isinstance(value, str) or len(value) > _MAX_SHOWN_LENGTH:
        return {}
    close = difflib.get_close_matches(value, options, n=1)
    return {"near": close[0]} if close else {}


def _show(value: Any) -> Value:
    if isinstance(value, (dict, list)):
        return Message("forms", "object" if isinstance(value, dict) else "array")
    # Cut first, so that the cost does not depend on the length of the text.
    text = json.dumps(
        value[: _MAX_SHOWN_LENGTH + 1] if isinstance(value, str) else value, ensure_ascii=False
    )
    return text if len(text) <= _MAX_SHOWN_LENGTH else f"{text[:_MAX_SHOWN_LENGTH]}…"
