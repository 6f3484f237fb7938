"""The messages of the AsyncAPI document, made from their schemas.

Messages differ between wires, so each has up to three entries: under its own name for sockets, as a
line of JSON (``…Line``) and as a Server-Sent Event (``…SSE``).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from fluxapi.contracts import schema
from fluxapi.events.buffer import RESETS

from .stream import ENDS

__all__ = ["ANSWERS", "CLIENT", "SCHEMAS", "SERVER", "bundle", "messages", "schema_name"]

SCHEMAS = "#/components/schemas/"
"""The place of the schemas in the document."""

CLIENT = {
    "subscribe": ("subscribed", "error"),
    "unsubscribe": ("unsubscribed", "error"),
    "authenticate": ("auth", "error"),
}
"""Messages of a client, with the answers to a valid and to an invalid one."""

_TYPES = {"authenticate": "auth"}
"""The ``type`` of a message that has another name, since the service sends an ``auth``, too."""

SERVER = (
    "event",
    "job",
    "gone",
    "snapshot",
    "bookmark",
    "reset",
    "stats",
    "instance",
    "instance-gone",
    "output",
    "progress",
    "end",
)
"""Messages of the service on all wires."""

ANSWERS = ("subscribed", "unsubscribed", "auth", "error")
"""Messages of the service on sockets only."""

_ALWAYS = frozenset({"job", "gone", "bookmark", "instance", "instance-gone"})
"""Messages that always have a cursor."""

_WORDS = {"reset-message": RESETS, "end-message": ENDS}
"""Messages with a ``reason``, and its possible values."""


@functools.cache
def bundle() -> dict[str, Any]:
    """Return all schemas, with the possible values of each ``reason``."""
    known = schema.bundle(SCHEMAS)
    for name, words in _WORDS.items():
        known[name]["properties"]["reason"]["enum"] = list(words)
    return known


def messages() -> dict[str, Any]:
    """Return all messages by their names in the document."""
    return {
        **{name: _asked(name) for name in CLIENT},
        **{kind: _on_socket(kind) for kind in (*SERVER, *ANSWERS)},
        **{f"{kind}SSE": _as_event(kind) for kind in SERVER},
        **{f"{kind}Line": _as_line(kind) for kind in SERVER},
        **{f"{kind}Labeled": _labeled(kind) for kind in (*SERVER, "subscribed", "error")},
        "entryText": _text("Entry", "An entry of the eventlog (RFC 18), one per line.", _ENTRY),
        "outputText": _text("Text", "The output of the job, and nothing else.", "hello\n"),
    }


_ENTRY = '{"timestamp":1700000000.5,"name":"start"}\n'


def _text(title: str, about: str, example: str) -> dict[str, Any]:
    return {
        "title": title,
        "summary": about,
        "contentType": "text/plain",
        "payload": {"type": "string"},
        "examples": [{"payload": example}],
    }


def schema_name(name: str) -> str:
    """Return the name of the schema of a message."""
    return f"client-{_TYPES.get(name, name)}" if name in CLIENT else f"{name}-message"


def _message(name: str, kind: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message that fits its schema and, on this wire, ``rule``."""
    document = schema.schema(schema_name(kind))
    return {
        "name": name,
        "title": document["title"],
        "summary": document["description"],
        "payload": {"allOf": [{"$ref": SCHEMAS + schema_name(kind)}, rule]},
    }


def _examples(kind: str) -> list[dict[str, Any]]:
    examples: list[dict[str, Any]] = schema.schema(schema_name(kind))["examples"]
    return examples


def _asked(name: str) -> dict[str, Any]:
    document = _message(_TYPES.get(name, name), name, {"$ref": f"{SCHEMAS}client-message"})
    return {**document, "examples": [{"payload": example} for example in _examples(name)]}


def _on_socket(kind: str) -> dict[str, Any]:
    required = ["type"]
    if kind in SERVER:
        required += ["sub", "cursor"] if kind in _ALWAYS else ["sub"]
    document = _message(kind, kind, {"required": required})
    return {**document, "examples": [{"payload": example} for example in _examples(kind)]}


def _as_line(kind: str) -> dict[str, Any]:
    required = ["type", "cursor"] if kind in _ALWAYS else ["type"]
    document = _message(kind, kind, {"required": required, "properties": {"sub": False}})
    examples = [{"payload": _without(example, "sub")} for example in _examples(kind)]
    return {**document, "contentType": "application/x-ndjson", "examples": examples}


def _labeled(kind: str) -> dict[str, Any]:
    """Return a message of a socket as a line; the end of the stream itself has no name."""
    return {**_on_socket(kind), "contentType": "application/x-ndjson"}


def _as_event(kind: str) -> dict[str, Any]:
    absent = dict.fromkeys(("type", "sub", "cursor"), False)
    return {
        **_message(kind, kind, {"properties": absent}),
        "contentType": "text/event-stream",
        "headers": {
            "type": "object",
            "description": "The fields of the event beside its data.",
            "properties": {
                "event": {"type": "string", "const": kind},
                "id": {
                    "type": "string",
                    "description": "The position of the client: Last-Event-ID when it reconnects.",
                },
            },
            "required": ["event", "id"] if kind in _ALWAYS else ["event"],
        },
        "examples": [_as_event_example(kind, example) for example in _examples(kind)],
    }


def _as_event_example(kind: str, example: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"event": kind}
    place = example.get("index") if kind == "output" else example.get("cursor")
    if place is not None:
        headers["id"] = str(place)
    return {"headers": headers, "payload": _without(example, "type", "sub", "cursor")}


def _without(example: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in example.items() if name not in names}
