"""The content of the reference pages, from OpenAPI, AsyncAPI and the error classes."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Container, Iterator, Mapping
from typing import Any

from markupsafe import Markup, escape

from fluxapi import errors

__all__ = ["channel", "error_kinds", "groups", "ticked"]

_CODE = re.compile("`([^`]+)`")


def ticked(text: str) -> Markup:
    """Return a text of a contract as HTML, with code for what is between backticks."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def groups(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the operations by tag, each with its parameters, body fields and responses."""
    found = {
        tag["name"]: {"name": tag["name"], "about": tag["description"], "operations": []}
        for tag in document["tags"]
    }
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            found[operation["tags"][0]]["operations"].append(
                {
                    "id": operation["operationId"],
                    "method": method.upper(),
                    "path": path,
                    "summary": operation["summary"],
                    "about": operation.get("description", ""),
                    "parameters": list(_parameters(operation, schemas)),
                    "body": _body(operation, schemas),
                    "answers": list(_answers(operation, schemas)),
                }
            )
    return list(found.values())


def _parameters(
    operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for parameter in operation["parameters"]:
        rule = parameter["schema"]
        yield {
            "name": parameter["name"],
            "place": parameter["in"],
            "kind": _kind(_follow(rule["$ref"], schemas) if "$ref" in rule else rule),
            "about": parameter["description"],
            "deprecated": parameter.get("deprecated", False),
        }


def _body(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any] | None:
    body = operation.get("requestBody")
    if body is None:
        return None
    reference = body["content"]["application/json"]["schema"]["$ref"]
    rules = _follow(reference, schemas)
    return {
        "required": body["required"],
        "about": rules["description"],
        "fields": [
            _field(name, rule, schemas, name in rules.get("required", ()))
            for name, rule in rules["properties"].items()
        ],
        "examples": [_pretty(example) for example in rules.get("examples", ())],
    }


def _field(
    name: str, rule: Mapping[str, Any], schemas: Mapping[str, Any], required: bool
) -> dict[str, Any]:
    whole = {**(_follow(rule["$ref"], schemas) if "$ref" in rule else {}), **rule}
    return {
        "name": name,
        "kind": whole.get("x-form") or _kind(whole),
        "about": whole.get("description", ""),
        "deprecated": whole.get("deprecated", False),
        "required": required,
    }


def _answers(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        reference = content.get("application/json", {}).get("schema", {}).get("$ref")
        examples = _follow(reference, schemas).get("examples", ()) if reference else ()
        yield {
            "status": status,
            "about": response["description"],
            "kinds": ", ".join(content),
            "example": _pretty(examples[0]) if examples else "",
        }


def channel(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event channel of the AsyncAPI document: its messages, and the reasons of ends."""
    channels, operations = document["channels"], document["operations"]
    said = {name for name, entry in operations.items() if entry["action"] == "receive"}
    over_http = {
        name for key, entry in channels.items() if key != "socket" for name in entry["messages"]
    }
    return {
        "socket": channels["socket"]["address"],
        "client": [
            _message(document, name) for name in channels["socket"]["messages"] if name in said
        ],
        "service": [
            {**_message(document, name), "wires": _wires(name, over_http)}
            for name in channels["socket"]["messages"]
            if name not in said
        ],
        "filter": _filter(document["components"]["schemas"]),
        "tables": [
            {"title": "Close codes of a socket", "words": channels["socket"]["x-close-codes"]},
            {"title": "Reasons of a reset", "words": document["x-reset-reasons"]},
            {"title": "Reasons of an end", "words": document["x-end-reasons"]},
        ],
    }


def _filter(schemas: Mapping[str, Any]) -> dict[str, Any]:
    rules = schemas["stream-filter"]
    return {
        "about": rules["description"],
        "fields": [
            _field(field, rule, schemas, required=False)
            for field, rule in rules["properties"].items()
        ],
        "examples": [_pretty(example) for example in rules["examples"]],
    }


def _wires(name: str, over_http: Container[str]) -> str:
    return "on every wire" if f"{name}Line" in over_http else "on sockets only"


def _message(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    message = document["components"]["messages"][name]
    schemas = document["components"]["schemas"]
    rules = _follow(message["payload"]["allOf"][0]["$ref"], schemas)
    operation = document["operations"].get(name)
    answers = operation["reply"]["messages"] if operation and "reply" in operation else []
    return {
        "id": f"message-{name}",
        "type": message["name"],
        "about": message["summary"],
        "answers": [answer["$ref"].rpartition("/")[2] for answer in answers],
        "fields": [
            _field(field, rule, schemas, field in rules["required"])
            for field, rule in rules["properties"].items()
            if field != "type"  # it is the title
        ],
        "examples": [_pretty(example["payload"]) for example in message["examples"]],
    }


def _follow(reference: str, schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    node: Any = schemas
    for part in reference.removeprefix("#/components/schemas/").split("/"):
        node = node[part]
    followed: Mapping[str, Any] = node
    return followed


def _kind(rule: Mapping[str, Any]) -> str:
    types = rule.get("type", "any")
    words = [types] if isinstance(types, str) else [word for word in types if word != "null"]
    kind = " or ".join(words)
    if "array" in words and "enum" in rule.get("items", {}):
        kind += " of " + ", ".join(rule["items"]["enum"])
    if "enum" in rule:
        kind += ": " + ", ".join(str(option) for option in rule["enum"])
    low, high = rule.get("minimum"), rule.get("maximum")
    if low is not None and high is not None:
        kind += f", {low:g} to {high:g}" if high < 1e6 else f", {low:g} or more"  # noqa: PLR2004 - long numbers say nothing
    return kind


def _pretty(example: Any) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)


def error_kinds() -> list[dict[str, Any]]:
    """Return every problem type, sorted by status: anchor, title and meaning."""
    kinds = [kind for kind in _below(errors.FluxapiError) if kind is not errors.SettingsError]
    return [
        {
            "slug": kind.slug,
            "status": kind.status,
            "title": kind.title,
            "about": inspect.cleandoc(kind.__doc__ or "").partition("\n")[0],
        }
        for kind in sorted(kinds, key=lambda kind: (kind.status, kind.slug))
    ]


def _below(kind: type[errors.FluxapiError]) -> Iterator[type[errors.FluxapiError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)
