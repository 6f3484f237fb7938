"""The OpenAPI 3.1 document, generated from the route table and the schema files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fluxapi import __version__, errors

from . import schema
from .components import Components

if TYPE_CHECKING:
    from .route import Route

__all__ = ["document"]

_JSON, _PROBLEM = "application/json", "application/problem+json"
_FORM = "application/x-www-form-urlencoded"
_SCRIPT = "text/x-shellscript"

_NO_BODY = "no-body"

_TAGS = {
    "jobs": "Submit, list, inspect and change jobs.",
    "events": "Follow events live.",
    "groups": "Groups of jobs that belong together.",
    "history": "Jobs that have ended, longer than Flux keeps them.",
    "instance": "The Flux instance: nodes, resources, queues, counts.",
    "templates": "Requests for jobs that are saved under a name.",
    "webhooks": "Requests that the service sends when something has happened.",
    "service": "The service: login, health, shutdown.",
    "dashboard": "The pages of the dashboard, and their files.",
    "documentation": "This contract, for programs and for people.",
}

_SECURITY: list[dict[str, Any]] = [{"basic": []}, {"bearer": []}, {}]
"""Alternative credentials; none are needed if the service runs without authentication."""

_EVENTS = "text/event-stream"

_LINES = "application/x-ndjson"
_TEXT = re.compile(r"text/|application/x-ndjson")
"""Media types of text; all others are binary."""

_NAMED = re.compile(r"{(\w+)}")

_ALWAYS = (
    errors.UnknownHost,
    errors.NotFound,
    errors.ValidationFailed,
    errors.TooManyRequests,
)
_WITH_BODY = (
    errors.MalformedJSON,
    errors.TooSlow,
    errors.BodyTooLarge,
    errors.UnsupportedMediaType,
    errors.ShuttingDown,
)

_SIGNED = {
    "webhook-id": "ID of the notice, the same in each attempt.",
    "webhook-timestamp": "When this attempt was made, seconds since the epoch.",
    "webhook-signature": "One or two signatures, separated by a blank: `v1,` and the HMAC-SHA256 "
    "of `webhook-id.webhook-timestamp.body` in base64.",
}
"""The headers of a webhook."""

_REQUEST_ID = "X-Request-ID"
_EVERY_ANSWER = {
    _REQUEST_ID: "ID of the request in the log: the one that it was sent with, or a new one."
}
"""Headers of every response."""


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document: paths below ``/v1``, components from ``schemas/``."""
    components = Components()
    described: dict[str, tuple[str, str]] = {}
    paths: dict[str, Any] = {}
    for route in routes:
        described.update(route.parameters)
        operation = _operation(route, components, described)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
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
        # Not ``webhooks``: a generator of clients that people use makes invalid code of it.
        "x-webhooks": {"notice": {"post": _notice(components)}},
        "components": {
            "schemas": components.schemas(),
            "headers": {name: _header(text) for name, text in _EVERY_ANSWER.items()},
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


def _notice(components: Components) -> dict[str, Any]:
    """Return the request that the service sends to the target of a webhook."""
    return {
        "operationId": "receiveNotice",
        "summary": "Get told what has happened.",
        "description": "A CloudEvent 1.0 in structured mode, signed as Standard Webhooks are. It "
        "arrives at least once; those of one job arrive in order.",
        "tags": ["webhooks"],
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, text in _SIGNED.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/cloudevents+json": {"schema": components.reference("notice")}},
        },
        "responses": {
            "2XX": {"description": "The message was taken."},
            "410": {"description": "The target wants no more messages; the webhook is disabled."},
            "default": {"description": "The message is sent again later."},
        },
        "security": [{}],
    }


def _operation(
    route: Route, components: Components, described: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": _parameters(route, components, described),
        "responses": _responses(route, components),
    }
    if route.right is None:
        operation["security"] = [{}]
    else:
        operation["x-right"] = route.right
    if route.stream:
        operation["security"] = [{"ticket": []}, *_SECURITY]
    if route.body_use != "none":
        operation["requestBody"] = {
            "required": route.body_use != "optional",
            "content": {
                kind: {"schema": components.reference(route.body)}
                for kind in ((_JSON, _FORM) if route.form else (_JSON,))
            },
        }
        if route.script:
            operation["requestBody"]["content"][_SCRIPT] = {"schema": {"type": "string"}}
    operation["description"] = " ".join(_notes(route))
    return operation


def _notes(route: Route) -> Iterator[str]:
    """Yield the sentences of the description of an operation."""
    if route.right is None:
        yield "Needs no credentials."
    else:
        yield f"Needs the scope `{route.right}`."
    if route.fields_in_query:
        yield "Without a body, the query parameters are taken as its fields; objects are then JSON."
    if route.script:
        yield "With a batch script as the body, the query parameters are the other fields."


def _parameters(
    route: Route, components: Components, described: Mapping[str, tuple[str, str]]
) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name in _NAMED.findall(route.path):
        if name not in described:
            raise LookupError(f"no route up to {route.name} describes the parameter {name}")
        description, example = described[name]
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
    for name, rule in components.parameters(route.query).items():
        parameter: dict[str, Any] = {"name": name, "in": "query", "schema": rule}
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


def _responses(route: Route, components: Components) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, name in route.answers.items():
        title = schema.schema(name)["title"]
        if name == _NO_BODY:
            responses[str(status)] = {"description": title}
            continue
        content: dict[str, Any] = {_JSON: {"schema": components.reference(name)}}
        if status == 200:  # noqa: PLR2004 - OK
            content |= _further(route)
        responses[str(status)] = {"description": title, "content": content}
    if route.stream:
        responses |= _open_end(route)
    elif not route.answers:
        responses["200"] = {
            "description": route.summary,
            "content": _further(route),
        }
        if route.items:
            # Generators of clients know no type of the lines of a text.
            item = components.reference(route.items)
            responses["200"]["content"][_LINES]["x-item-schema"] = item
    told = {name: _header(text) for name, text in route.tells.items()}
    for response in responses.values():
        response["headers"] = {**_references(), **told}
    for status, kinds in sorted(_failures(route).items()):
        told = {name: _header(text) for kind in kinds for name, text in kind.tells.items()}
        titles = [kind.title for kind in kinds]
        content = {_PROBLEM: {"schema": components.reference("problem")}}
        if status in route.answers:
            titles.insert(0, schema.schema(route.answers[status])["title"])
            content[_JSON] = {"schema": components.reference(route.answers[status])}
        responses[str(status)] = {
            "description": "; ".join(dict.fromkeys(titles)),
            "headers": {**_references(), **told},
            "content": content,
        }
    return responses


def _header(text: str) -> dict[str, Any]:
    return {"description": text, "schema": {"type": "string"}}


def _references() -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in _EVERY_ANSWER}


def _further(route: Route) -> dict[str, Any]:
    """Return the other media types of a response: text, bytes, or a stream of events."""
    return {kind: {"schema": _shape(kind)} if kind != _EVENTS else {} for kind in route.other}


def _shape(kind: str) -> dict[str, Any]:
    if kind == _JSON:
        return {"type": "object", "additionalProperties": True}
    return {"type": "string"} if _TEXT.match(kind) else {"type": "string", "format": "binary"}


def _open_end(route: Route) -> dict[str, Any]:
    """Return the response of a stream, which lasts until one side ends it, or of a socket."""
    if not route.other:
        about = "A WebSocket; /asyncapi.json describes its messages."
        return {"101": {"description": about}}
    about = "A stream that lasts until one side ends it; /asyncapi.json describes its messages."
    return {"200": {"description": about, "content": _further(route)}}


def _failures(route: Route) -> dict[int, list[type[errors.FluxapiError]]]:
    kinds: list[type[errors.FluxapiError]] = [*_ALWAYS, *route.fails]
    if route.right is not None:
        kinds += (errors.Unauthorized, errors.Forbidden)
    if route.needs is not None:
        kinds.append(errors.NotSupported)
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
