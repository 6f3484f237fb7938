"""Properties of every route: problems, methods, headers, other sites."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from fluxapi.handlers.routes import ROUTES
from fluxapi.http.endpoints import Endpoints
from tests.handlers.conftest import Service, Start, service, start

__all__ = ["service", "start"]

JSON = {"Content-Type": "application/json"}


async def test_no_route_hides_a_later_one() -> None:
    # Below an instance, each path has a parameter, so aiohttp takes the first that matches.
    endpoints = Endpoints(ROUTES)
    app = web.Application()
    for resource in endpoints:
        app.router.register_resource(resource)
    hidden = {}
    for route in ROUTES:
        path = re.sub(r"{\w+}", "f1", route.path)
        paths = [f"/v1{path}"]
        if route.scope == "instance":
            below = path.removeprefix("/ui")
            paths.append(f"/{'v1' if below == path else 'ui'}/instances/f2{below}")
        for place in paths:
            match = await app.router.resolve(make_mocked_request(route.method, place))
            found = endpoints.routes[match.handler]
            if found.name != route.name:
                hidden[place] = f"{found.name} hides {route.name}"
    assert hidden == {}, "move the route with a fixed word above the one with a parameter"


async def test_a_byte_order_mark_is_no_part_of_the_body(service: Service) -> None:
    headers = {"Content-Type": "application/json"}
    for path, body in (
        ("/jobs", b'{"command":"true"}'),
        ("/jobs/bulk", b'{"jobs":[{"command":"true"}]}'),
    ):
        data = b"\xef\xbb\xbf" + body
        assert (await service.client.post(path, data=data, headers=headers)).status == 201
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
            data = body.decode().encode(encoding)
            response = await service.client.post(path, data=data, headers=headers)
            document = await response.json()
            assert (response.status, document["detail"]) == (
                400,
                "The body is UTF-16 or UTF-32; send it as UTF-8.",
            )


async def test_malformed_json_is_400(service: Service) -> None:
    response = await service.client.post("/jobs", data="{", headers=JSON)
    assert response.status == 400
    assert (await response.json())["type"] == "/docs/errors#malformed-json"


@pytest.mark.parametrize("text", ['{"a": 1e999}', '"\\ud800"'])
async def test_json_beyond_reason_is_400(service: Service, text: str) -> None:
    assert (await service.client.post("/jobs", data=text, headers=JSON)).status == 400


@pytest.mark.parametrize(
    "text",
    [
        '{"command": "true", "command": "false"}',
        '{"command" : "true", "command" : "false"}',
        '{"command": "true", "command": "false", "num_tasks" : 1}',
        '{"command": "true", "environment": {"A": "1", "B": "", "A": "2"}}',
        '{"command": "true", "comm\\u0061nd": "false"}',
    ],
)
async def test_a_name_that_comes_twice_is_400_and_named(service: Service, text: str) -> None:
    response = await service.client.post("/v1/jobs", data=text, headers=JSON)
    assert response.status == 400
    name = "'A'" if '"A"' in text else "'command'"
    assert f"{name} twice" in (await response.json())["detail"]


@pytest.mark.parametrize(
    "text",
    [
        '{"command": "echo \\"a\\": b"}',
        '{"command" : "true"}',
        '{"command": "true", "environment": {"command": "x"}}',
        '{"command": "echo \\":\\" \\":\\""}',
    ],
)
async def test_a_body_that_only_looks_bad_is_accepted(service: Service, text: str) -> None:
    response = await service.client.post("/v1/jobs", data=text, headers=JSON)
    assert response.status == 201, await response.text()


async def test_deep_nesting_is_refused(service: Service) -> None:
    text = "[" * 5000 + "]" * 5000
    # How deep the decoder goes depends on Python's own limit.
    assert (await service.client.post("/jobs", data=text, headers=JSON)).status in {400, 422}


async def test_bytes_that_are_not_utf8_are_400(service: Service) -> None:
    assert (await service.client.post("/jobs", data=b'"\xff"', headers=JSON)).status == 400


async def test_a_missing_body_is_400(service: Service) -> None:
    assert (await service.client.post("/jobs")).status == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
async def test_another_content_type_is_415(service: Service, kind: str) -> None:
    response = await service.client.post("/jobs", data="{}", headers={"Content-Type": kind})
    assert response.status == 415


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_large_body_is_413(start: Start, chunked: bool) -> None:
    service = await start(max_body=1000)
    response = await service.client.post(
        "/jobs", data=b'"' + b"x" * 2000 + b'"', headers=JSON, chunked=chunked or None
    )
    assert response.status == 413
    assert "1000 bytes, the limit of --max-body" in (await response.json())["detail"]


async def test_a_large_body_of_another_route_names_no_setting(service: Service) -> None:
    response = await service.client.post("/v1/service/stop", data=b" " * 70_000, headers=JSON)
    assert (response.status, (await response.json())["code"]) == (413, "body_too_large")


async def test_an_unknown_path_is_a_problem(service: Service) -> None:
    response = await service.client.get("/nothing")
    assert response.status == 404
    assert response.content_type == "application/problem+json"


async def test_a_wrong_method_names_the_right_ones(service: Service) -> None:
    response = await service.client.put("/jobs", json={})
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


BESIDE_IDS = [
    route.path
    for route in ROUTES
    if route.method == "POST" and re.fullmatch(r"/jobs/\w+", route.path)
]


@pytest.mark.parametrize("path", [*BESIDE_IDS, "/v1/jobs/cancel"])
async def test_names_beside_job_ids_are_not_job_ids(service: Service, path: str) -> None:
    assert {"/jobs/submit", "/jobs/wait"} <= set(BESIDE_IDS)
    response = await service.client.get(path)
    assert response.status == 405
    assert response.headers["Allow"] == "OPTIONS, POST"


async def test_options_is_answered(service: Service) -> None:
    response = await service.client.options("/jobs/f1")
    assert response.status == 204
    assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS"


async def test_head_has_the_headers_of_get(service: Service) -> None:
    response = await service.client.head("/jobs")
    assert response.status == 200
    assert int(response.headers["Content-Length"]) > 0
    assert await response.read() == b""


async def test_a_bug_is_500_without_its_traceback(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("secret thoughts")

    monkeypatch.setattr(service.instance, "queues", broken)
    response = await service.client.get("/queues", headers={"X-Request-ID": "abc-1"})
    assert response.status == 500
    assert "secret" not in await response.text()
    assert "abc-1" in caplog.text


async def test_the_request_id_is_kept(service: Service) -> None:
    response = await service.client.get("/nothing", headers={"X-Request-ID": "abc-1"})
    assert response.headers["X-Request-ID"] == "abc-1"
    assert (await response.json())["request_id"] == "abc-1"


@pytest.mark.parametrize("given", ["a b", "x" * 129, "ü", ""])
async def test_a_bad_request_id_is_replaced(service: Service, given: str) -> None:
    response = await service.client.get("/health", headers={"X-Request-ID": given})
    assert len(response.headers["X-Request-ID"]) == 16


async def test_security_headers(service: Service) -> None:
    headers = (await service.client.get("/docs")).headers
    assert "'unsafe-inline'" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "fluxapi"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "file://"},
        {"Origin": "http://[bad"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_site_cannot_submit(service: Service, headers: dict[str, str]) -> None:
    response = await service.client.post("/jobs", json={"command": "true"}, headers=headers)
    assert response.status == 403
    assert (await response.json())["type"] == "/docs/errors#foreign-origin"
    assert not service.instance.submitted


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_its_own_pages_can(service: Service, scheme: str) -> None:
    url = service.client.make_url("/")
    headers = {"Origin": f"{scheme}://{url.host}:{url.port}", "Sec-Fetch-Site": "same-origin"}
    response = await service.client.post("/jobs", json={"command": "true"}, headers=headers)
    assert response.status == 201


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5000", "10.0.0.1", "localhost.evil"]
)
async def test_another_name_is_refused(service: Service, host: str) -> None:
    response = await service.client.get("/jobs", headers={"Host": host})
    assert response.status == 403
    problem = await response.json()
    assert problem["type"] == "/docs/errors#unknown-host"
    assert "--allowed-hosts" in problem["detail"]


async def test_the_refusal_of_a_name_says_what_to_set(service: Service) -> None:
    response = await service.client.get("/jobs", headers={"Host": "Flux.example:5000"})
    detail = (await response.json())["detail"]
    assert "--allowed-hosts flux.example or FLUXAPI_ALLOWED_HOSTS=flux.example." in detail


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "[::1]:5000", "127.0.0.1"])
async def test_names_of_this_machine_are_known(service: Service, host: str) -> None:
    assert (await service.client.get("/jobs", headers={"Host": host})).status == 200


async def test_names_can_be_allowed(start: Start) -> None:
    named = await start(allowed_hosts=("Flux.example",))
    assert (await named.client.get("/", headers={"Host": "flux.example:80"})).status == 200
    open_to_all = await start(allowed_hosts=("*",))
    assert (await open_to_all.client.get("/", headers={"Host": "x.example"})).status == 200


async def test_addresses_are_known_where_it_listens_on_all(start: Start) -> None:
    service = await start(host="0.0.0.0", insecure=True)
    assert (await service.client.get("/", headers={"Host": "10.1.2.3:5000"})).status == 200
    assert (await service.client.get("/", headers={"Host": "evil.example"})).status == 403


async def test_a_very_long_number_is_refused_as_ever(service: Service) -> None:
    text = '{"command": "true", "num_tasks" : ' + "1" * 5000 + "}"
    response = await service.client.post("/v1/jobs", data=text, headers=JSON)
    assert response.status in {400, 422}
