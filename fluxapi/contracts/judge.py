"""A jsonschema validator whose cost depends on the invalid members only.

jsonschema takes about 10 µs for each member of a list, and writes the whole value into the message
of each error: one second for a valid command of 100,000 words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Protocol

import jsonschema
import jsonschema.validators

__all__ = ["judge"]


class FastCheck(Protocol):
    """A compiled schema."""

    def is_valid(self, instance: Any) -> bool:
        """Return whether *instance* is valid."""


Errors = Iterator[jsonschema.ValidationError]


def judge(
    base: type[Any], compile_part: Callable[[Mapping[str, Any]], FastCheck], limit: int
) -> type[Any]:
    """Return *base*, a class of validators, with cheap keywords instead of costly ones.

    Args:
        base: The class of jsonschema.
        compile_part: Compiles the fast check of a part of the schema.
        limit: Invalid members of one list or object that are reported.
    """
    members = _Members(base.VALIDATORS, compile_part, limit)
    cheap = {
        "items": members.items,
        "additionalProperties": members.additional_properties,
        "propertyNames": members.property_names,
        "type": _type,
        "pattern": _pattern,
    }
    extended: type[Any] = jsonschema.validators.extend(base, cheap)  # type: ignore[no-untyped-call]
    return extended


class _Members:
    """The keywords for members, which examine only those that break their part of the schema."""

    def __init__(
        self,
        originals: Mapping[str, Any],
        compile_part: Callable[[Mapping[str, Any]], FastCheck],
        limit: int,
    ) -> None:
        self._originals = originals
        self._compile = compile_part
        self._limit = limit
        self._compiled: dict[int, FastCheck] = {}

    def items(self, validator: Any, rules: Any, instance: Any, schema: Any) -> Errors:
        if not isinstance(rules, dict) or "prefixItems" in schema:
            yield from self._originals["items"](validator, rules, instance, schema)
        elif isinstance(instance, list):
            for index in self._wrong(rules, enumerate(instance)):
                yield from validator.descend(instance[index], rules, path=index)

    def additional_properties(
        self, validator: Any, rules: Any, instance: Any, schema: Any
    ) -> Errors:
        if isinstance(rules, dict) and isinstance(instance, dict):
            known = schema.get("properties", {})
            others = ((name, value) for name, value in instance.items() if name not in known)
            instance = {name: instance[name] for name in self._wrong(rules, others)}
        yield from self._originals["additionalProperties"](validator, rules, instance, schema)

    def property_names(self, validator: Any, rules: Any, instance: Any, schema: Any) -> Errors:
        if isinstance(rules, dict) and isinstance(instance, dict):
            instance = dict.fromkeys(self._wrong(rules, ((name, name) for name in instance)))
        yield from self._originals["propertyNames"](validator, rules, instance, schema)

    def _wrong(self, rules: Mapping[str, Any], members: Iterable[tuple[Any, Any]]) -> Iterator[Any]:
        """Yield the errors of the first members whose values break the *rules*."""
        # Parts of a schema live as long as the schema, so their id() is unique.
        check = self._compiled.get(id(rules))
        if check is None:
            check = self._compiled[id(rules)] = self._compile(rules)
        return islice((name for name, value in members if not check.is_valid(value)), self._limit)


def _type(validator: Any, types: Any, instance: Any, _schema: Any) -> Errors:
    names = [types] if isinstance(types, str) else types
    if not any(validator.is_type(instance, name) for name in names):
        yield jsonschema.ValidationError("is of another type")


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Errors:
    # In JSON Schema, a dollar sign is the end of the text; in Python, a newline may follow it.
    whole = f"{pattern[:-1]}\\Z" if pattern.endswith("$") else pattern
    if isinstance(instance, str) and re.search(whole, instance) is None:
        yield jsonschema.ValidationError("does not match")
