from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import jsonschema_rs
import pytest

from fluxapi import asyncapi, errors, schema
from fluxapi.openapi import document
from fluxapi.routes import ROUTES, Route
from fluxapi.web.reference import error_kinds
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

DOCUMENT: dict[str, Any] = document(ROUTES)


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return found.union(*map(references, node.values()))
    if isinstance(node, list):
        return set().union(*map(references, node))
    return set()


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_every_component_is_a_schema() -> None:
    for name in DOCUMENT["components"]["schemas"]:
        rules = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
        jsonschema_rs.Draft202012Validator(rules)


def test_operation_ids_are_unique() -> None:
    names = [route.name for route in ROUTES]
    assert len(set(names)) == len(names)


def test_every_schema_is_used() -> None:
    both = [DOCUMENT, asyncapi.document(ROUTES)]
    used = {reference.split("/")[3] for reference in references(both) if "/schemas/" in reference}
    queries = {route.query for route in ROUTES}
    assert set(schema.names()) - used - queries == {"no-body"}


STREAMS = [route for route in ROUTES if route.stream]


@pytest.mark.parametrize("route", STREAMS, ids=lambda route: route.name)
def test_a_stream_is_opened_by_a_ticket(route: Route) -> None:
    operation = DOCUMENT["paths"][route.path]["get"]
    assert {"ticket": []} in operation["security"]
    assert DOCUMENT["components"]["securitySchemes"]["ticket"]["name"] == "ticket"


@pytest.mark.parametrize("route", STREAMS, ids=lambda route: route.name)
def test_a_stream_says_what_it_answers(route: Route) -> None:
    responses = DOCUMENT["paths"][route.path]["get"]["responses"]
    if route.other:
        assert set(responses["200"]["content"]) == set(route.other)
        assert "406" in responses
    else:
        assert "101" in responses
        assert "200" not in responses


def test_every_parameter_is_described() -> None:
    for operations in DOCUMENT["paths"].values():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                assert parameter["description"].endswith("."), parameter


def test_lists_in_a_query_are_repeated_names() -> None:
    parameters = {p["name"]: p for p in DOCUMENT["paths"]["/events"]["get"]["parameters"]}
    assert parameters["state"]["explode"] is True
    assert "explode" not in parameters["user"]


def test_nothing_else_is_opened_by_a_ticket() -> None:
    others = [route for route in ROUTES if not route.stream]
    for route in others:
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        assert {"ticket": []} not in operation.get("security", [])


@pytest.mark.parametrize("path", ["/openapi.json", "/v1/openapi.json"])
async def test_it_is_served(service: Service, path: str) -> None:
    response = await service.client.get(path)
    assert json.loads(await response.text())["openapi"] == "3.1.0"


class Page(HTMLParser):
    """The ids, links and inline code of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"] or "")
        self.links.extend(given[name] or "" for name in ("href", "src") if name in given)
        self.inline.extend(name for name in given if name == "style" or name.startswith("on"))
        if tag in {"script", "style"}:
            self.inline.append(tag)


@pytest.mark.parametrize("path", ["/docs/reference", "/docs/errors"])
async def test_pages_are_whole_and_stay_on_this_server(service: Service, path: str) -> None:
    response = await service.client.get(path)
    assert response.status == 200
    page = Page(await response.text())
    assert len(set(page.ids)) == len(page.ids)
    assert not page.inline
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        else:
            assert link.startswith("/")
            assert (await service.client.get(link)).status == 200


async def test_every_operation_is_described(service: Service) -> None:
    page = Page(await (await service.client.get("/docs/reference")).text())
    assert {route.name for route in ROUTES} <= set(page.ids)


async def test_every_problem_type_has_its_anchor(service: Service) -> None:
    page = Page(await (await service.client.get("/docs/errors")).text())
    kinds = {re.sub(r".*#", "", kind.type.fget(kind)) for kind in _kinds()}  # type: ignore[attr-defined]
    assert kinds <= set(page.ids)


def _kinds() -> list[type[errors.FluxapiError]]:
    named = [getattr(errors, name) for name in errors.__all__]
    return [kind for kind in named if kind is not errors.SettingsError]


def test_every_kind_of_error_says_what_it_means() -> None:
    assert all(kind["about"].endswith(".") for kind in error_kinds())
