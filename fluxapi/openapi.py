"""The OpenAPI 3.1 document, made from the route table and the schema files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import __version__, errors, schema

if TYPE_CHECKING:
    from .routes import Route

__all__ = ["document"]

_REFERENCE = "#/components/schemas/"
_JSON, _PROBLEM = "application/json", "application/problem+json"

_TAGS = {
    "jobs": "Submit, list, inspect and change jobs.",
    "events": "Follow what happens, live.",
    "instance": "The Flux instance: nodes, resources, queues, counts.",
    "service": "The service: login, health, end.",
    "dashboard": "The pages for people, and what they load.",
    "documentation": "This contract, for programs and for people.",
}

_SECURITY: list[dict[str, Any]] = [{"basic": []}, {"bearer": []}, {}]
"""Any one of them; nothing at all where the service asks for no credentials."""

_NAMED = re.compile(r"{(\w+)}")
_PLACES = {
    "id": ("Job id in any RFC 19 form: F58, decimal, hex, dothex, KVS path.", "f2QK3Zz"),
    "version": ("Digest of all files, so that each may be kept for good.", "0123456789ab"),
    "name": ("Name of the file.", "dashboard.css"),
    "guide": ("Name of the guide, as in its address.", "tutorial"),
}
"""Parts of paths: what each is, and an example."""

_ALWAYS = (errors.UnknownHost, errors.NotFound, errors.ValidationFailed)
_WITH_BODY = (errors.MalformedJSON, errors.BodyTooLarge, errors.UnsupportedMediaType)


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The document: paths below ``/v1``, components from ``schemas/``."""
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fluxapi",
            "version": __version__,
            "description": "A Flux instance on the web. Paths answer below /v1 and without it.",
            "license": {"name": "LGPL-3.0-or-later", "identifier": "LGPL-3.0-or-later"},
        },
        "servers": [{"url": "/v1", "description": "This service."}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schema.bundle(_REFERENCE),
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "ticket": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "ticket",
                    "description": "From POST /ticket; opens one stream or socket, once.",
                },
            },
        },
        "security": _SECURITY,
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.public:
        operation["security"] = [{}]
    elif route.stream:
        operation["security"] = [{"ticket": []}, *_SECURITY]
    if route.body_use != "none":
        operation["requestBody"] = {
            "required": route.body_use != "optional",
            "content": {_JSON: {"schema": {"$ref": _REFERENCE + route.body}}},
        }
    if route.fields_in_query:
        operation["description"] = (
            "Without a body, the query parameters are taken as its fields; objects are then JSON."
        )
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name in _NAMED.findall(route.path):
        description, example = _PLACES.get(name, ("", name))
        parameters.append(
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": description,
                "schema": {"type": "string", "minLength": 1},
                "example": example,
            }
        )
    schemas = schema.bundle(_REFERENCE)
    for name, given in schemas[route.query]["properties"].items():
        rule = _resolved(given, schemas)
        parameter = {"name": name, "in": "query", "schema": given}
        parameter["description"] = rule["description"]
        if rule.get("type") == "array":
            parameter["style"], parameter["explode"] = "form", True
        if rule.get("deprecated"):
            parameter["deprecated"] = True
        parameters.append(parameter)
    parameters.extend(
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in route.headers.items()
    )
    return parameters


def _resolved(rule: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The rule that a reference leads to, or the rule itself."""
    node: dict[str, Any] = rule
    while "$ref" in node:
        place = node["$ref"].removeprefix(_REFERENCE)
        node = schemas
        for part in place.split("/"):
            node = node[part]
    return node


def _responses(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, name in route.answers.items():
        title = schema.schema(name)["title"]
        content: dict[str, Any] = {_JSON: {"schema": {"$ref": _REFERENCE + name}}}
        if status == 200:  # noqa: PLR2004 - OK
            content |= {kind: {} for kind in route.other}
        responses[str(status)] = {"description": title, "content": content}
    if route.stream:
        responses |= _open_end(route)
    elif not route.answers:
        responses["200"] = {
            "description": route.summary,
            "content": {kind: {} for kind in route.other},
        }
    for status, kinds in sorted(_failures(route).items()):
        responses[str(status)] = {
            "description": "; ".join(dict.fromkeys(kind.title for kind in kinds)),
            "content": {_PROBLEM: {"schema": {"$ref": f"{_REFERENCE}problem"}}},
        }
    return responses


def _open_end(route: Route) -> dict[str, Any]:
    """The answer of a stream, which goes on until one side ends it; or that of a socket."""
    if not route.other:
        about = "A WebSocket; /asyncapi.json describes what is said on it."
        return {"101": {"description": about}}
    about = "A stream that goes on until one side ends it; /asyncapi.json describes its messages."
    return {"200": {"description": about, "content": {kind: {} for kind in route.other}}}


def _failures(route: Route) -> dict[int, list[type[errors.FluxapiError]]]:
    kinds: list[type[errors.FluxapiError]] = [*_ALWAYS, *route.fails]
    if not route.public:
        kinds.append(errors.Unauthorized)
    if route.method != "GET":
        kinds.append(errors.ForeignOrigin)
    if route.body_use != "none":
        kinds.extend(_WITH_BODY)
    if route.other and (route.answers or route.stream):
        kinds.append(errors.NotAcceptable)
    grouped: dict[int, list[type[errors.FluxapiError]]] = {}
    for kind in kinds:
        grouped.setdefault(kind.status, []).append(kind)
    return grouped
