"""Query strings, coerced to the types of their schema and validated like a body.

A list is given by repeating its parameter, by commas, or both. An empty value counts as not given.
Parsed queries of GET requests are cached.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from fluxapi.contracts import limits, schema
from fluxapi.errors import ValidationFailed
from fluxapi.process.text import encodable

__all__ = ["MAX_CACHED_CHARS", "cached", "parse"]

MAX_CACHED_CHARS = 256
"""Characters of a query that is cached, so that all of them take a few megabytes."""

_MAX_FIELDS = 200
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z", re.ASCII)
_NUMBER = re.compile(
    r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?\Z", re.ASCII
)
_BOOLEANS = {
    "true": True, "1": True, "yes": True, "on": True,
    "false": False, "0": False, "no": False, "off": False,
}  # fmt: skip

_TOKENS = ("token", "access_token")
"""Parameters by which other services take a token."""

_NO_TOKENS = (
    "is not accepted, since browsers and proxies keep addresses. Log in at /ui/login, or send the "
    "token in the header Authorization: Bearer."
)


def cached(name: str, raw: str) -> Mapping[str, Any]:
    """Return the result of :func:`parse`, which is cached for a short query."""
    if len(raw) > MAX_CACHED_CHARS:
        return MappingProxyType(parse(name, raw))
    return _cached(name, raw)


@functools.lru_cache(maxsize=1024)
def _cached(name: str, raw: str) -> Mapping[str, Any]:
    return MappingProxyType(parse(name, raw))


def parse(name: str, raw: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Parse a raw query string and validate it by its schema; raises ``ValidationFailed``.

    Args:
        name: The name of the schema.
        raw: The query string.
        body: Fields that the body of the request gives, which the query must not give again.
    """
    if not raw:
        fields: dict[str, Any] = {}
    else:
        fields = _coerce(schema.schema(name)["properties"], raw)
        limits.check(fields)
        _refuse_tokens(name, fields)
    if body:
        if twice := sorted(fields.keys() & body.keys()):
            detail = "is the body; leave it out of the query."
            raise ValidationFailed([{"pointer": f"/{one}", "detail": detail} for one in twice])
        fields |= body
    schema.check(name, fields, noun="query parameter")
    return fields


def _refuse_tokens(name: str, fields: Mapping[str, Any]) -> None:
    known = schema.schema(name)["properties"]
    given = [token for token in _TOKENS if token in fields and token not in known]
    if given:
        raise ValidationFailed(
            [{"pointer": schema.pointer([token]), "detail": _NO_TOKENS} for token in given]
        )


def _coerce(properties: Mapping[str, Any], raw: str) -> dict[str, Any]:
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise ValidationFailed(
            [{"pointer": "", "detail": f"has more than {_MAX_FIELDS} query parameters."}]
        ) from None
    fields: dict[str, Any] = {}
    repeated: schema.Fields = []
    for name, text in pairs:
        if not name.isascii() or not text.isascii():
            # Bytes of the request line that are not UTF-8 arrive as lone surrogates.
            name, text = encodable(name), encodable(text)  # noqa: PLW2901
        rules = properties.get(name, {})
        if text == "" and name in properties:
            continue
        value = _value(rules, text)
        if isinstance(value, list):
            fields.setdefault(name, []).extend(value)
        elif name in fields:
            repeated.append(
                {"pointer": schema.pointer([name]), "detail": "is given more than once."}
            )
        else:
            fields[name] = value
    if repeated:
        raise ValidationFailed(repeated)
    return fields


def _value(rules: Mapping[str, Any], text: str) -> Any:
    """Convert the text to the first type that the schema names, or return it as it is."""
    rules = _resolved(rules)
    types = rules.get("type", "string")
    first = types if isinstance(types, str) else types[0]
    if first == "integer" and _INTEGER.match(text):
        return int(text)
    if first == "number" and _NUMBER.match(text):
        number = float(text)
        return int(text) if _INTEGER.match(text) else number if isfinite(number) else text
    if first == "boolean":
        return _BOOLEANS.get(text.lower(), text)
    if first == "array":
        return _items(rules, [part.strip() for part in text.split(",") if part.strip()])
    if first == "object" and text.startswith("{"):
        return _object(text)
    return text


def _items(rules: Mapping[str, Any], items: list[str]) -> list[Any]:
    """Convert the items of a list."""
    if rules.get("x-case") == "upper":
        return [item.upper() for item in items]
    return [_value(rules.get("items", {}), item) for item in items]


def _resolved(rules: Mapping[str, Any]) -> Mapping[str, Any]:
    target = rules.get("$ref")
    if target is None:
        return rules
    first, *rest = target.removeprefix("#/$defs/").split("/")
    node: Any = schema.schema(first)
    for part in rest:
        node = node[part]
    resolved: Mapping[str, Any] = node
    return resolved


def _object(text: str) -> Any:
    """Parse JSON, or a flat Python dict as flux-restful-client 0.2.1 writes it; else the text."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass  # it may be a Python dict
    try:
        value = ast.literal_eval(text)
        if all(isinstance(part, (str, int, float)) for pair in value.items() for part in pair):
            return msgspec.json.decode(msgspec.json.encode(value), type=dict[str, Any])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, AttributeError):
        return text
    return text
