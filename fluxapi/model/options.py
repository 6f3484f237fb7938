"""The options of a job that set attributes of its jobspec: shell options, paths, dependencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from fluxapi.errors import ValidationFailed

from .message import FieldErrors, Value, field_error, field_message

__all__ = [
    "attribute_path",
    "dependencies",
    "keyval",
    "merge",
    "merge_attributes",
    "merge_shell_options",
    "put",
    "read_value",
    "shape",
    "too_deep",
]

Fields = FieldErrors
"""The invalid fields of a request."""

_RESERVED = "attributes.user.fluxapi"
"""The attribute for the Idempotency-Key, which requests must not set."""

_MAX_DEPENDENCY_FIELDS = 10

_MAX_DEPTH = 32
"""Limit of the levels of a value, and of those of a name. Flux's scheduler ends at about 970 levels
of a jobspec.
"""


def keyval(text: str) -> dict[str, Any]:
    """Parse shell options such as ``key=value,key``, as ``flux run -o`` does.

    Values are JSON or text; a key without a value is set to 1.
    """
    options: dict[str, Any] = {}
    for part in text.split(","):
        key, equals, value = part.strip().partition("=")
        if key:
            options[key] = read_value(value) if equals else 1
    return options


def read_value(text: str) -> Any:
    """Parse the value of a shell option as JSON; return the text itself if it is not JSON."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return text


def put(tree: dict[str, Any], path: str, value: Any) -> None:
    """Set *value* at a dotted path, and create missing levels.

    Only *path* is split at dots; keys inside *value* are not, as in Flux.
    """
    above, last = _above(tree, path)
    above[last] = value


def merge(tree: dict[str, Any], path: str, value: Any) -> None:
    """Set *value* at a dotted path as :func:`put` does, but merge it into an existing object.

    Later merges into *tree* change neither the earlier object nor *value*.
    """
    above, last = _above(tree, path)
    _merge_key(above, last, value)


def _above(tree: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """Return the object that contains the last key of a dotted path, and that key.

    Raises:
        ValidationFailed: The path has too many levels.
    """
    if path.count(".") > _MAX_DEPTH:
        raise ValidationFailed([field_error("", field_message("nested_too_deeply"))])
    *levels, last = path.split(".")
    for level in levels:
        below = tree.get(level)
        if not isinstance(below, dict):
            below = tree[level] = {}
        tree = below
    return tree, last


def _merge_key(tree: dict[str, Any], key: str, value: Any) -> None:
    if not isinstance(value, dict):
        tree[key] = value
        return
    below = tree.get(key)
    if not isinstance(below, dict):
        below = tree[key] = {}
    for name, item in value.items():
        _merge_key(below, name, item)


def shape(given: Mapping[str, Any], system: dict[str, Any], shell: dict[str, Any]) -> None:
    """Write the plain options of ``from_command`` to *system* attributes and *shell* options."""
    for name in ("cwd", "queue", "bank"):
        if name in given:
            system[name] = given[name]
    if "name" in given:
        system["job"] = {"name": given["name"]}
    if "env_expand" in given:
        shell["env-expand"] = given["env_expand"]
    if "rlimits" in given:
        shell["rlimit"] = {name: int(limit) for name, limit in given["rlimits"].items()}
    _streams(given, shell)
    if given.get("unbuffered"):
        for stream in ("stdout", "stderr"):
            put(shell, f"output.{stream}.buffer.type", "none")
        put(shell, "output.batch-timeout", 0.05)
        put(shell, "input.batch-timeout", 0.0)


def _streams(given: Mapping[str, Any], shell: dict[str, Any]) -> None:
    if "input" in given:
        shell["input"] = {"stdin": {"type": "file", "path": given["input"]}}
    for name, stream in (("output", "stdout"), ("error", "stderr")):
        path = given.get(name)
        if path is not None and path not in {"none", "kvs"}:
            target: dict[str, Any] = {"type": "file", "path": path}
            if given.get("label_io"):
                target["label"] = True
            shell.setdefault("output", {})[stream] = target


def merge_shell_options(given: Mapping[str, Any], shell: dict[str, Any]) -> None:
    """Merge the request's own shell options over all others.

    The name of an option is a dotted path; keys inside its value are not split.
    """
    for key, value in given.get("shell_options", {}).items():
        _check_depth("shell_options", key, value)
        merge(shell, key, value)


def merge_attributes(given: Mapping[str, Any], attributes: dict[str, Any]) -> None:
    """Merge the request's own attributes into *attributes*.

    A name is a dotted path, below ``system`` unless it begins with ``system`` or ``user``; keys
    inside a value are not split.

    Raises:
        ValidationFailed: An attribute is reserved for the service, or makes the jobspec invalid.
    """
    for key, value in given.get("attributes", {}).items():
        _check_depth("attributes", key, value)
        full = attribute_path(key)
        if "." not in full and not isinstance(value, dict):
            raise _refused("attributes", "attribute_no_object", name=full)
        merge(attributes, full, value)
    user = attributes.get("user")
    if isinstance(user, dict) and "fluxapi" in user:
        raise _refused("attributes", "attribute_reserved", name=_RESERVED)
    duration = attributes["system"].get("duration")
    if isinstance(duration, bool) or not isinstance(duration, (int, float)) or duration < 0:
        raise _refused("attributes", "attribute_duration")


def attribute_path(key: str) -> str:
    """Return the dotted path below ``attributes`` that a name of the request means."""
    full = key.removeprefix("attributes.")
    return full if full.partition(".")[0] in {"system", "user"} else f"system.{full}"


def dependencies(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the RFC 26 objects of the dependencies of a request, with ``singleton`` at the end.

    Raises:
        ValidationFailed: One of them has too many fields.
    """
    found = [_dependency(item, place) for place, item in enumerate(given["dependencies"])]
    return sorted(found, key=lambda it: it.get("scheme") == "singleton")


def _dependency(item: str | Mapping[str, Any], place: int) -> dict[str, Any]:
    """Return the RFC 26 object of a dependency: ``scheme:value?key=value`` or an object."""
    if not isinstance(item, str):
        return dict(item)
    scheme, _, rest = item.partition(":")
    value, _, query = rest.partition("?")
    entry: dict[str, Any] = {"scheme": scheme, "value": value}
    if query.count("&") >= _MAX_DEPENDENCY_FIELDS:
        field = f"dependencies/{place}"
        raise _refused(field, "dependency_fields", limit=_MAX_DEPENDENCY_FIELDS)
    for key, texts in parse_qs(query).items():
        values = [_number(text) for text in texts]
        entry[key] = values[0] if len(values) == 1 else values
    return entry


def _number(text: str) -> int | float | str:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _check_depth(name: str, path: str, value: Any) -> None:
    if path.count(".") > _MAX_DEPTH or too_deep(value):
        raise _refused(name, "nested_too_deeply")


def too_deep(value: Any, depth: int = 0) -> bool:
    """Return whether a JSON value has more levels than the service merges."""
    if depth > _MAX_DEPTH:
        return True
    if isinstance(value, (dict, list)):
        items = value.values() if isinstance(value, dict) else value
        return any(too_deep(item, depth + 1) for item in items)
    return False


def _refused(field: str, code: str, /, **params: Value) -> ValidationFailed:
    return ValidationFailed([_wrong(field, code, **params)])


def _wrong(field: str, code: str, /, **params: Value) -> dict[str, Any]:
    return field_error(f"/{field}", field_message(code, **params))
