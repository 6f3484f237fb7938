"""Each right on each route: it admits what it includes, and nothing else."""

from __future__ import annotations

import re

import pytest
from aiohttp import web

from fluxapi.contracts.rights import RIGHTS, Right, includes
from fluxapi.contracts.route import Route
from fluxapi.handlers.routes import ROUTES
from fluxapi.http import keys
from fluxapi.security.credentials import Credentials
from fluxapi.security.principal import Principal
from tests.handlers.conftest import Service, Start, start
from tools.make_rights import TARGET, made

__all__ = ["start"]

UNSAFE = [route for route in ROUTES if route.method != "GET"]


@pytest.fixture
async def service(start: Start) -> Service:
    return await start(require_auth=True, user="ada", token="s3cret")


@pytest.fixture(params=RIGHTS)
def right(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Right:
    """Return a right that every request of the test has."""
    held: Right = request.param

    async def check(_self: Credentials, _request: web.Request) -> Principal:
        return Principal("ada", held)

    monkeypatch.setattr(Credentials, "check", check)
    return held


def path_of(route: Route, prefix: str) -> str:
    return prefix + re.sub(r"{\w+}", "f1", route.path)


@pytest.mark.parametrize("prefix", ["", pytest.param("/v1", marks=pytest.mark.slow)])
async def test_each_route_admits_what_its_right_includes(
    service: Service, right: Right, prefix: str
) -> None:
    for route in ROUTES:
        path = path_of(route, prefix)
        async with service.client.request(route.method, path, data=b"not JSON") as response:
            admits = route.right is None or includes(right, route.right)
            assert (response.status != 403) == admits, (route.name, response.status)
            if not admits:
                problem = await response.json()
                assert problem["type"] == "/docs/errors#forbidden"
                assert f"scope {route.right}" in problem["detail"]
                assert (
                    f"fluxapi token create --name NAME --scope {route.right}" in (problem["detail"])
                )


async def test_without_a_right_nothing_is_told_of_which_instances_there_are(
    service: Service, right: Right
) -> None:
    response = await service.client.post("/v1/instances/f1/jobs", json={"command": "true"})
    assert response.status == (404 if includes(right, "submit") else 403)


async def test_a_page_says_which_right_it_needs(service: Service, right: Right) -> None:
    response = await service.client.get("/ui/submit", headers={"Accept": "text/html"})
    assert response.status == (200 if includes(right, "submit") else 403)
    assert response.content_type == "text/html"
    if response.status == 403:
        text = await response.text()
        assert "needs the scope <code>submit</code>" in text
        assert ">fluxapi token create <span>--name NAME</span> <span>--scope submit</span>" in text


async def test_every_path_asks_for_credentials_but_those_to_log_in(service: Service) -> None:
    app = service.client.app
    assert app is not None
    named = {resource.canonical for resource in app.router.resources()}
    for path in named:
        if re.search(r"/(health|token|login|logout|static/.*)/?$", path):
            continue
        response = await service.client.get(re.sub(r"{\w+}", "f1", path))
        assert response.status == 401, path


def test_every_unsafe_route_needs_more_than_to_view_or_reads_only() -> None:
    reads = {"POST /events", "POST /jobs/query", "POST /jobs/wait", "POST /ticket"}
    reads.add("POST /mcp")  # its tools have rights of their own: tests/mcp/test_http.py
    signs = {"POST /token", "POST /ui/login", "POST /ui/logout"}
    for route in UNSAFE:
        name = f"{route.method} {route.path}"
        assert (route.right == "view") == (name in reads), name
        assert route.is_public == (name in signs), name


async def test_the_contract_names_the_right_of_each_operation(service: Service) -> None:
    app = service.client.app
    assert app is not None
    paths = app[keys.OPENAPI]["paths"]
    for route in ROUTES:
        operation = paths[route.path][route.method.lower()]
        assert operation.get("x-right") == route.right
        assert ("403" in operation["responses"]) >= (route.right is not None)
    for operation in app[keys.ASYNCAPI]["operations"].values():
        assert operation["x-right"] == "view"


def test_the_guide_names_the_right_of_each_route_that_is_more_than_a_read() -> None:
    page = TARGET.read_text(encoding="utf-8")
    assert page == made(page), "run make generate"
    assert page.count("`POST /jobs/{id}/urgency`") == 1


def test_a_route_that_the_table_lacks_is_added_to_the_row_of_its_scope() -> None:
    page = TARGET.read_text(encoding="utf-8")
    route = ", `POST /jobs/{id}/urgency`"
    assert page.count(route) == 1
    assert made(page.replace(route, "")) == page


def test_a_table_without_a_scope_is_an_error() -> None:
    page = TARGET.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="0 rows of the scope operate"):
        made(page.replace("| `operate` |", "| `operator` |"))
