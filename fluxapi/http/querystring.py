"""Query strings, coerced to the types of their schema and validated like a body.

A list is given by repeating its parameter, by commas, or both. An empty value counts as not given.
Parsed queries of GET requests are cached.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import isfinite
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from fluxapi.contracts import limits, schema
from fluxapi.errors import ValidationFailed
from fluxapi.process.text import encodable

__all__ = ["MAX_CACHED_CHARS", "cached", "parse"]

MAX_CACHED_CHARS = 256
"""Characters of a query that is cached, so that all of them take about a megabyte."""

_MAX_CACHED = 128
"""Parsed queries in the cache, as many as pages of jobs are kept.

Each new query takes the memory of the one that it replaces. Of a thousand, that memory would not be
in the caches of the processor anymore.
"""

_MAX_FIELDS = 200
_FLAT = frozenset({str, int, float, bool})
"""Types of values that need no limit, since there are at most ``_MAX_FIELDS``."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z", re.ASCII)
_NUMBER = re.compile(
    r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?\Z", re.ASCII
)
_BOOLEANS = {
    "true": True, "1": True, "yes": True, "on": True,
    "false": False, "0": False, "no": False, "off": False,
}  # fmt: skip

_TOKENS = frozenset({"token", "access_token"})
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


@functools.lru_cache(maxsize=_MAX_CACHED)
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
        fields = _coerce(_converters(name), raw)
        if not _FLAT.issuperset(map(type, fields.values())):
            limits.check(fields)
        if not _TOKENS.isdisjoint(fields):
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
    given = [token for token in sorted(_TOKENS) if token in fields and token not in known]
    if given:
        raise ValidationFailed(
            [{"pointer": schema.pointer([token]), "detail": _NO_TOKENS} for token in given]
        )


_Converter = Callable[[str], Any]


def _coerce(converters: Mapping[str, _Converter], raw: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    repeated: schema.Fields = []
    for name, text in _pairs(raw):
        if not name.isascii() or not text.isascii():
            # Bytes of the request line that are not UTF-8 arrive as lone surrogates.
            name, text = encodable(name), encodable(text)  # noqa: PLW2901
        convert = converters.get(name)
        if convert is None:
            value: Any = text
        elif text:
            value = convert(text)
        else:
            continue
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


def _pairs(raw: str) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of a query string.

    This takes half of the time of ``parse_qsl``, which takes other separators and bytes, too.
    """
    if raw.count("&") >= _MAX_FIELDS:
        raise ValidationFailed(
            [{"pointer": "", "detail": f"has more than {_MAX_FIELDS} query parameters."}]
        )
    is_coded = "%" in raw or "+" in raw
    for part in raw.split("&"):
        if part:
            name, _, text = part.partition("=")
            yield (unquote_plus(name), unquote_plus(text)) if is_coded else (name, text)


@functools.cache
def _converters(name: str) -> Mapping[str, _Converter]:
    """Return what converts the text of each field of a schema."""
    properties = schema.schema(name)["properties"]
    return {field: _converter(rules) for field, rules in properties.items()}


def _converter(rules: Mapping[str, Any]) -> _Converter:
    """Return what converts a text to the first type that the schema names, if it is of its form."""
    rules = _resolved(rules)
    types = rules.get("type", "string")
    first = types if isinstance(types, str) else types[0]
    if first == "array":
        if rules.get("x-case") == "upper":
            return partial(_items, str.upper)
        return partial(_items, _converter(rules.get("items", {})))
    return _CONVERTERS.get(first, _text)


def _text(text: str) -> str:
    return text


def _integer(text: str) -> int | str:
    return int(text) if _INTEGER.match(text) else text


def _number(text: str) -> float | str:
    if _INTEGER.match(text):
        return int(text)
    number = float(text) if _NUMBER.match(text) else None
    return text if number is None or not isfinite(number) else number


def _boolean(text: str) -> bool | str:
    return _BOOLEANS.get(text.lower(), text)


def _items(convert: _Converter, text: str) -> list[Any]:
    return [convert(item) for part in text.split(",") if (item := part.strip())]


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
    if not text.startswith("{"):
        return text
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


_CONVERTERS: Mapping[str, _Converter] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "object": _object,
}
"""Converters by the type of the field."""
