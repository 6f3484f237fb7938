from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import jsonschema_rs
import pytest

from fluxapi import errors
from fluxapi.contracts import schema
from fluxapi.contracts.components import component_name
from fluxapi.contracts.openapi import document
from fluxapi.contracts.route import Route
from fluxapi.events.channel import asyncapi
from fluxapi.handlers.routes import ROUTES
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
    told = references(asyncapi.document(ROUTES))
    used = {reference.split("/")[3] for reference in told if "/schemas/" in reference}
    queries = {route.query for route in ROUTES}
    components = set(DOCUMENT["components"]["schemas"])
    left = set(schema.names()) - used - queries
    assert {name for name in left if component_name(name) not in components} == {
        "no-body",
        # A file, which no request has.
        "declared-webhook",
        "webhooks-file",
    }


def test_every_component_is_used() -> None:
    used = {tuple(reference.split("/")[2:]) for reference in references(DOCUMENT)}
    parts = ("schemas", "headers")
    assert used == {(part, name) for part in parts for name in DOCUMENT["components"][part]}


def rules(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema below a schema with its path, booleans included."""
    yield path, node
    for key in ("properties", "patternProperties"):
        for name, part in node.get(key, {}).items():
            yield from rules(part, f"{path}/{key}/{name}")
    for key in ("items", "additionalProperties", "propertyNames", "not"):
        if key in node and not (key == "additionalProperties" and isinstance(node[key], bool)):
            yield from rules(node[key], f"{path}/{key}")
    for key in ("anyOf", "oneOf", "allOf"):
        for index, part in enumerate(node.get(key, [])):
            yield from rules(part, f"{path}/{key}/{index}")


def every_rule() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, component in DOCUMENT["components"]["schemas"].items():
        yield from rules(component, name)
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            for parameter in operation["parameters"]:
                yield from rules(parameter["schema"], f"{method} {path} {parameter['name']}")


def test_components_have_names_that_a_class_can_have() -> None:
    for name, component in DOCUMENT["components"]["schemas"].items():
        assert name.isidentifier()
        assert name[0].isupper()
        assert component["title"] == name


def test_a_reference_leads_to_a_component_as_a_whole() -> None:
    for reference in references(DOCUMENT):
        assert re.fullmatch(r"#/components/(schemas/[A-Za-z]+|headers/[A-Za-z-]+)", reference)


def test_every_schema_is_an_object_of_one_type() -> None:
    for place, rule in every_rule():
        assert isinstance(rule, dict), place
        assert isinstance(rule.get("type", ""), str), place
        assert rule.get("type") != "array" or "items" in rule, place


ALTERNATIVES = {
    "JobList/properties/next": "null is the last page's",
    "GroupList/properties/next": "null is the last page's",
    "Dependency/additionalProperties": "each kind of dependency has members of its own",
}


def test_alternatives_are_where_one_type_would_lose_something() -> None:
    found = {place for place, rule in every_rule() if {"anyOf", "oneOf", "allOf"} & rule.keys()}
    assert found == set(ALTERNATIVES)


def test_every_object_is_a_component() -> None:
    for place, rule in every_rule():
        assert "properties" not in rule or "/" not in place, place


def test_properties_differ_in_more_than_case() -> None:
    for place, rule in every_rule():
        names = [name.lower() for name in rule.get("properties", {})]
        assert len(set(names)) == len(names), place


def test_examples_fit_the_component_and_the_schema() -> None:
    components = DOCUMENT["components"]["schemas"]
    properties = {name: {"$ref": f"#/components/schemas/{name}"} for name in components}
    whole = {"properties": properties, "components": DOCUMENT["components"]}
    judge = jsonschema_rs.Draft202012Validator(whole)
    examples = [(name, it) for name in components for it in components[name].get("examples", [])]
    assert len(examples) > 100
    for name, example in examples:
        judge.validate({name: example})


def test_request_bodies_have_the_types_of_their_schemas() -> None:
    properties = DOCUMENT["components"]["schemas"]["Submit"]["properties"]
    assert {name: rule.get("type") for name, rule in properties.items()} | {
        "command": "array", "duration": "number", "urgency": "integer", "stdin": None,
        "num_tasks": "integer", "environment": "object", "jobspec": None,
    } == {name: rule.get("type") for name, rule in properties.items()}  # fmt: skip


STREAMS = [route for route in ROUTES if route.stream]


@pytest.mark.parametrize("route", STREAMS, ids=lambda route: route.name)
def test_a_stream_is_opened_by_a_ticket(route: Route) -> None:
    operation = DOCUMENT["paths"][route.path]["get"]
    assert {"ticket": []} in operation["security"]
    assert DOCUMENT["components"]["securitySchemes"]["ticket"]["name"] == "ticket"


@pytest.mark.parametrize("route", STREAMS, ids=lambda route: route.name)
def test_a_stream_says_what_it_answers(route: Route) -> None:
    responses = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
    if route.other:
        assert set(responses["200"]["content"]) == set(route.other)
        assert "406" in responses
    else:
        assert "101" in responses
        assert "200" not in responses


@pytest.mark.parametrize(
    "route",
    [it for it in ROUTES if it.path.startswith("/jobs/{id}")],
    ids=lambda it: it.name,
)
def test_a_route_of_a_job_fails_while_the_jobs_are_read(route: Route) -> None:
    assert {errors.JobNotFound, errors.InstanceUnavailable} <= set(route.fails)


def test_every_parameter_is_described() -> None:
    for operations in DOCUMENT["paths"].values():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                assert parameter["description"].endswith("."), parameter


def test_a_parameter_of_the_path_is_described_once() -> None:
    described = [name for route in ROUTES for name in route.parameters]
    assert sorted(described) == sorted(set(described))


def test_a_parameter_without_a_description_is_refused() -> None:
    queue = dataclasses.replace(ROUTES[0], path="/queues/{queue}", name="getQueue")
    with pytest.raises(LookupError, match="getQueue describes the parameter queue"):
        document([queue])


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
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


@pytest.mark.slow
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
            assert link.startswith(".")
            assert (await service.client.get(urljoin(path, link))).status == 200


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


def headers_of(path: str, method: str, status: int) -> set[str]:
    answer = DOCUMENT["paths"][path][method]["responses"][str(status)]
    return set(answer["headers"])


async def test_the_headers_of_an_answer_are_described(service: Service) -> None:
    job = {"command": ["true"]}
    key = {"Idempotency-Key": "once"}
    for _ in range(2):
        response = await service.client.post("/v1/jobs", json=job, headers=key)
    name = response.headers["Location"].rpartition("/")[2]
    unread = {
        "Cache-Control", "Connection", "Content-Length", "Content-Security-Policy", "Content-Type",
        "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Date", "Referrer-Policy",
        "Server", "Transfer-Encoding", "X-Accel-Buffering", "X-Content-Type-Options",
        "X-Frame-Options",
    }  # fmt: skip
    assert set(response.headers) - unread == headers_of("/jobs", "post", 201)
    path = f"/v1/jobs/{name}/output/stream?tail=1"
    async with service.client.get(path, headers={"Accept": "application/octet-stream"}) as stream:
        found = set(stream.headers) - unread
    assert found == headers_of("/jobs/{id}/output/stream", "get", 200)
    assert "Output-Searched-Bytes" in headers_of("/jobs/{id}/output", "get", 200)


def test_a_header_that_goes_out_with_an_error_is_described() -> None:
    assert "Retry-After" in headers_of("/events", "get", 503)
    assert "WWW-Authenticate" in headers_of("/jobs", "get", 401)


def test_a_body_that_comes_too_slowly_is_described() -> None:
    for route in ROUTES:
        answers = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
        assert ("408" in answers) == (route.body_use != "none")
