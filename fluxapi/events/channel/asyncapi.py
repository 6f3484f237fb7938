"""The AsyncAPI 3.0 document of the channel, made from the schemas and the tables of the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fluxapi import __version__
from fluxapi.contracts import schema
from fluxapi.events.buffer import RESETS

from .async_messages import ANSWERS, CLIENT, SCHEMAS, SERVER, bundle, messages, schema_name
from .stream import ENDS
from .websocket import CODES, MAX_MESSAGE_BYTES, PROTOCOL

if TYPE_CHECKING:
    from fluxapi.contracts.route import Route

__all__ = ["SHOWN", "close_codes", "document"]

_PREFIX = "/v1"
_MESSAGES = "#/components/messages/"
_SECURITY = "#/components/securitySchemes/"

_ALL = tuple(kind for kind in SERVER if kind not in {"output", "progress"})
SHOWN = {
    "followEvents": _ALL,
    "followJob": ("event", "gone", "bookmark", "reset", "end"),
    "followOutput": ("output", "progress", "end"),
}
"""The messages of each stream over plain HTTP, by the name of its route."""

_WIRES = {
    "text/event-stream": "SSE",
    "application/x-ndjson": "Line",
}
"""Suffixes of the names of messages, by media type; those of sockets have none."""

_MANY = "followMany"
"""The route whose lines name their subscription."""

_TEXTS = {"followJob": "entryText", "followOutput": "outputText"}
"""The message of a stream as plain text, by the name of its route."""


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document; the streams among ``routes`` become channels."""
    streams = [route for route in routes if route.stream]
    known = messages()
    channels = {"socket": _socket(), **{r.name: _stream(r) for r in streams if r.other}}
    socket = next(route for route in streams if not route.other)
    operations = {**_dialogue(socket), **{r.name: _following(r) for r in streams if r.other}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "fluxapi events",
            "version": __version__,
            "description": _about(),
            "license": {"name": "LGPL-3.0-or-later"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": _schemas([known, channels]),
            "messages": known,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "ticket": {
                    "type": "httpApiKey",
                    "name": "ticket",
                    "in": "query",
                    "description": "From POST /ticket; opens one stream or socket, once.",
                },
            },
        },
        "x-reset-reasons": dict(RESETS),
        "x-end-reasons": dict(ENDS),
    }


def close_codes() -> dict[str, str]:
    """Return the meaning of each close code of a socket."""
    too_large = {"1009": f"A message of the client is larger than {MAX_MESSAGE_BYTES} bytes."}
    codes = {str(int(code)): words for code, words in CODES.values()}
    return dict(sorted({**codes, **too_large}.items()))


def _about() -> str:
    return (
        "The changes of a Flux instance as they happen: over a WebSocket, as Server-Sent Events "
        "or as JSON lines. Delivery is at least once; (id, index) identifies an event that was "
        f"received before.\n\n{_listed('Reasons of a reset', RESETS)}\n\n"
        f"{_listed('Reasons of an end', ENDS)}"
    )


def _listed(title: str, table: Mapping[str, str]) -> str:
    return "\n".join([f"{title}:\n", *(f"- `{word}`: {text}" for word, text in table.items())])


def _servers() -> dict[str, Any]:
    abouts = {
        "ws": "This service.",
        "wss": "Behind a proxy that terminates TLS.",
        "http": "This service, without sockets.",
        "https": "Behind a proxy that terminates TLS, without sockets.",
    }
    return {
        protocol: {
            "host": "{address}",
            "protocol": protocol,
            "description": about,
            "variables": {
                "address": {"default": "127.0.0.1:5000", "description": "Host and port."}
            },
            # One of them is enough, and none is needed unless the service requires authentication.
            "security": [{"$ref": _SECURITY + name} for name in ("basic", "bearer", "ticket")],
        }
        for protocol, about in abouts.items()
    }


def _socket() -> dict[str, Any]:
    codes = close_codes()
    return {
        "address": f"{_PREFIX}/events/ws",
        "title": "The socket",
        "description": (
            f"Subprotocol {PROTOCOL}. Many subscriptions on one socket, each named by the client."
            f"\n\n{_listed('Close codes', codes)}"
        ),
        "servers": _on("ws", "wss"),
        "messages": _from(_MESSAGES, [*CLIENT, *SERVER, *ANSWERS]),
        "bindings": {
            "ws": {
                "method": "GET",
                "query": _query("socket-query"),
                "headers": {
                    "type": "object",
                    "properties": {"Sec-WebSocket-Protocol": {"type": "string", "const": PROTOCOL}},
                },
                "bindingVersion": "0.1.0",
            }
        },
        "x-close-codes": codes,
    }


def _dialogue(socket: Route) -> dict[str, Any]:
    """Return the operations on a socket: messages of the client with their answers, and events."""
    channel = {"$ref": "#/channels/socket"}
    told = "#/channels/socket/messages/"
    asked = {
        name: {
            "action": "receive",
            "channel": channel,
            "summary": schema.schema(schema_name(name))["description"],
            "messages": [{"$ref": told + name}],
            "x-right": socket.right,
            "reply": {
                "channel": channel,
                "messages": [{"$ref": told + answer} for answer in answers],
            },
        }
        for name, answers in CLIENT.items()
    }
    follow = {
        "action": "send",
        "channel": channel,
        "summary": "The messages of the subscriptions.",
        "x-right": socket.right,
        "messages": [{"$ref": told + kind} for kind in SERVER],
    }
    return {**asked, "openSocket": follow}


def _carried(route: Route) -> list[str]:
    """Return the names of the messages of a stream over plain HTTP."""
    if route.name == _MANY:
        return [f"{kind}Labeled" for kind in (*SERVER, "subscribed", "error")]
    kinds = SHOWN.get(route.name, ())
    names = [kind + end for media, end in _WIRES.items() if media in route.other for kind in kinds]
    text = _TEXTS.get(route.name)
    return [*names, text] if text and "text/plain" in route.other else names


def _stream(route: Route) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": _PREFIX + route.path,
        "title": route.name,
        "description": f"{route.summary} By Accept: {', '.join(route.other)}.",
        "servers": _on("http", "https"),
        "messages": _from(_MESSAGES, _carried(route)),
    }
    if "{id}" in route.path:
        channel["parameters"] = {"id": {"description": "Job ID in any RFC 19 form."}}
    return channel


def _following(route: Route) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{route.name}"},
        "summary": route.summary,
        "x-right": route.right,
        "messages": [
            {"$ref": f"#/channels/{route.name}/messages/{name}"} for name in _carried(route)
        ],
        "bindings": {
            "http": {
                "method": route.method,
                "query": _query(route.query),
                "bindingVersion": "0.3.0",
            }
        },
    }


def _query(name: str) -> dict[str, Any]:
    """Return the schema itself, since bindings allow no reference in its place."""
    rules: dict[str, Any] = bundle()[name]
    return rules


def _on(*names: str) -> list[dict[str, str]]:
    return [{"$ref": f"#/servers/{name}"} for name in names]


def _from(place: str, names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": place + name} for name in names}


def _schemas(nodes: Any) -> dict[str, Any]:
    """Return the schemas that ``nodes`` refer to, and those that these refer to."""
    known = bundle()
    found: dict[str, Any] = {}
    waiting = list(_references(nodes))
    while waiting:
        name = waiting.pop().removeprefix(SCHEMAS).partition("/")[0]
        if name in known and name not in found:
            found[name] = known[name]
            waiting.extend(_references(known[name]))
    return dict(sorted(found.items()))


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(target := node.get("$ref"), str):
            yield target
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)
