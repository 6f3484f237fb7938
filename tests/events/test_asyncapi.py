from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fluxapi.contracts import schema
from fluxapi.contracts.route import Route
from fluxapi.events.buffer import RESETS
from fluxapi.events.channel import async_messages, asyncapi
from fluxapi.events.channel.stream import ENDS
from fluxapi.events.channel.websocket import CODES
from fluxapi.handlers.routes import ROUTES
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

DOCUMENT: dict[str, Any] = asyncapi.document(ROUTES)
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
SPECIFICATION = (
    Path(__file__).parents[2] / "frontend/node_modules/@asyncapi/specs/schemas/3.0.0.json"
)

NEWER = {
    "$defs",
    "$dynamicRef",
    "dependentRequired",
    "dependentSchemas",
    "maxContains",
    "minContains",
    "prefixItems",
    "unevaluatedItems",
    "unevaluatedProperties",
}
"""Keywords that JSON Schema has had since draft 7, which is what AsyncAPI takes as it is."""


def places(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in the document that is not data."""
    if isinstance(node, dict):
        yield node
        for name, value in node.items():
            if name not in {"examples", "const", "enum", "default"}:
                yield from places(value)
    elif isinstance(node, list):
        for item in node:
            yield from places(item)


def at(reference: str) -> Any:
    node: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def check(rules: dict[str, Any], value: Any) -> None:
    """Raise unless ``value`` fits a schema of the document."""
    whole = {**rules, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


@pytest.mark.parametrize("path", ["/asyncapi.json", "/v1/asyncapi.json"])
async def test_it_is_served(service: Service, path: str) -> None:
    response = await service.client.get(path)
    assert response.content_type == "application/json"
    assert await response.json() == json.loads(json.dumps(DOCUMENT))


@pytest.mark.skipif(
    not SPECIFICATION.exists(),
    reason="there is no @asyncapi/specs in frontend/node_modules",
)
def test_it_is_asyncapi() -> None:
    rules = json.loads(SPECIFICATION.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(rules).validate(DOCUMENT)


def test_every_reference_leads_somewhere() -> None:
    for place in places(DOCUMENT):
        if isinstance(place.get("$ref"), str):
            at(place["$ref"])


def test_a_reference_stands_alone() -> None:
    assert [place for place in places(DOCUMENT) if "$ref" in place and len(place) > 1] == []


def test_schemas_keep_to_what_every_tool_reads() -> None:
    used = {name for place in places(DOCUMENT) for name in place}
    assert not used & NEWER


@pytest.mark.parametrize("name", DOCUMENT["operations"])
def test_an_operation_sends_what_its_channel_carries(name: str) -> None:
    operation = DOCUMENT["operations"][name]
    channel = operation["channel"]["$ref"]
    sent = [*operation["messages"], *operation.get("reply", {}).get("messages", [])]
    assert sent
    assert all(message["$ref"].startswith(f"{channel}/messages/") for message in sent)


def test_every_message_is_carried_by_an_operation() -> None:
    carried = {
        at(message["$ref"])["$ref"].split("/")[-1]
        for operation in DOCUMENT["operations"].values()
        for message in [*operation["messages"], *operation.get("reply", {}).get("messages", [])]
    }
    assert carried == set(MESSAGES)


def test_the_examples_of_each_message_fit_it() -> None:
    for name, message in MESSAGES.items():
        assert message["examples"], name
        for example in message["examples"]:
            check(message["payload"], example["payload"])
            check(message.get("headers", {}), example.get("headers", {}))


@pytest.mark.parametrize("name", ["bookmark", "job", "gone"])
def test_a_place_in_the_stream_is_always_told(name: str) -> None:
    example = MESSAGES[name]["examples"][0]["payload"]
    lacking = {key: value for key, value in example.items() if key != "cursor"}
    for wire in ("", "Line"):
        with pytest.raises(jsonschema.ValidationError):
            check(MESSAGES[name + wire]["payload"], lacking)


@pytest.mark.parametrize("kind", async_messages.SERVER)
def test_each_wire_has_its_own_form(kind: str) -> None:
    example = MESSAGES[kind]["examples"][0]["payload"]
    for wire in ("Line", "SSE"):
        with pytest.raises(jsonschema.ValidationError):
            check(MESSAGES[kind + wire]["payload"], example)


def test_the_words_of_the_code_are_all_there_are() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["reset-message"]["properties"]["reason"]["enum"] == list(RESETS)
    assert schemas["end-message"]["properties"]["reason"]["enum"] == list(ENDS)
    assert DOCUMENT["x-reset-reasons"] == RESETS
    assert DOCUMENT["x-end-reasons"] == ENDS


def test_every_close_code_is_listed() -> None:
    codes = DOCUMENT["channels"]["socket"]["x-close-codes"]
    assert {str(int(code)): words for code, words in CODES.values()}.items() <= codes.items()
    assert set(codes) - {str(int(code)) for code, _ in CODES.values()} == {"1009"}


def test_every_message_of_a_client_is_there() -> None:
    types = schema.schema("client-message")["properties"]["type"]["enum"]
    assert {MESSAGES[name]["name"] for name in async_messages.CLIENT} == set(types)


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.stream and r.other], ids=lambda route: route.name
)
def test_every_stream_is_a_channel(route: Route) -> None:
    channel = DOCUMENT["channels"][route.name]
    assert channel["address"] == f"/v1{route.path}"
    kinds = {at(ref["$ref"]).get("contentType") for ref in channel["messages"].values()}
    assert kinds >= set(route.other) - {"application/octet-stream"}
