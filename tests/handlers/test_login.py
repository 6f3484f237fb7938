"""Login and logout at a browser: the cookie, what it admits, and what it does not."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import hdrs

from fluxapi.http import keys
from fluxapi.web.login import next_page
from tests.security.test_credentials import AUTH, basic, bearer

from .conftest import Service, Start
from .test_tokens import create

PAGE = {"Accept": "text/html"}
PAIR = {"user": "älice", "token": "s3cret:✓"}


@pytest.fixture
async def service(start: Start) -> Service:
    return await start(**AUTH)


def own(service: Service) -> dict[str, str]:
    """Return the header of a request that a page of the service sends."""
    return {"Origin": str(service.client.make_url("/")).rstrip("/")}


async def log_in(service: Service, headers: dict[str, str] | None = None, **more: str) -> Any:
    headers = {**own(service), **(headers or {})}
    return await service.client.post(
        "/ui/login", data={**PAIR, **more}, headers=headers, allow_redirects=False
    )


async def cookie(service: Service, **more: str) -> str:
    """Log in, and return the Cookie header that the browser would send then."""
    response = await log_in(service, PAGE, **more)
    assert response.status == 303, await response.text()
    service.client.session.cookie_jar.clear()
    return str(response.headers["Set-Cookie"].partition(";")[0])


async def test_the_cookie_opens_what_the_token_does(service: Service) -> None:
    headers = {"Cookie": await cookie(service)}
    assert (await service.client.get("/v1/jobs", headers=headers)).status == 200
    page = await service.client.get("/", headers={**headers, **PAGE})
    assert (page.status, page.content_type) == (200, "text/html")
    text = await page.text()
    assert 'data-right="admin" data-signed-in' in text
    body = {"command": "true"}
    headers |= own(service)
    assert (await service.client.post("/v1/jobs", json=body, headers=headers)).status == 201


async def test_the_cookie_is_for_this_service_and_no_script(service: Service) -> None:
    response = await log_in(service)
    name, *attributes = response.headers["Set-Cookie"].split("; ")
    assert name.startswith("fluxapi-")
    assert set(attributes) == {"HttpOnly", "Path=/", "SameSite=Lax"}
    assert (await response.json())["scope"] == "admin"


async def test_over_tls_the_cookie_is_for_tls_and_this_host(start: Start) -> None:
    service = await start(**AUTH, allowed_hosts=("flux.example",))
    headers = {"Host": "flux.example", "Origin": "https://flux.example"}
    response = await log_in(service, headers)
    name, *attributes = response.headers["Set-Cookie"].split("; ")
    assert name.startswith("__Host-fluxapi-")
    assert set(attributes) == {"HttpOnly", "Path=/", "SameSite=Lax", "Secure"}


async def test_two_services_of_one_host_have_two_cookies(start: Start) -> None:
    one, two = await start(**AUTH), await start(**AUTH)
    first, second = await cookie(one), await cookie(two)
    assert first.partition("=")[0] != second.partition("=")[0]
    both = {"Cookie": f"{first}; {second}"}
    assert (await one.client.get("/v1/jobs", headers=both)).status == 200
    assert (await two.client.get("/v1/jobs", headers=both)).status == 200
    assert (await two.client.get("/v1/jobs", headers={"Cookie": first})).status == 401


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"token": "no-such-token"}, 401),
        ({"user": "bob"}, 401),
        ({"token": "once_made-up"}, 401),
        ({"token": "fluxapi_made-up"}, 401),
        ({"more": "x"}, 422),
    ],
)
async def test_a_failed_login_is_a_page(
    service: Service, fields: dict[str, str], status: int
) -> None:
    response = await log_in(service, PAGE, **{"next": "/ui/nodes", **fields})
    assert (response.status, response.content_type) == (status, "text/html")
    assert hdrs.SET_COOKIE not in response.headers
    text = await response.text()
    if status == 401:
        assert response.headers.getall("WWW-Authenticate") == ['Bearer realm="fluxapi"']
        assert 'value="/ui/nodes"' in text
        # The form keeps the name that was typed, and tells no other.
        typed = {**PAIR, **fields}["user"]
        assert f'value="{typed}"' in text
        assert "älice" not in text.replace(typed, "")
    assert fields.get("token", "no-such-token") not in text


async def test_a_page_without_credentials_is_the_login_page_and_leads_back(
    service: Service,
) -> None:
    response = await service.client.get("/?state=RUN&name=%3C", headers=PAGE)
    assert (response.status, response.content_type) == (401, "text/html")
    text = await response.text()
    assert '<input type="hidden" name="next" value="/?state=RUN&amp;name=%3C">' in text
    response = await log_in(service, PAGE, next="/?state=RUN&name=%3C")
    assert response.headers["Location"] == "../?state=RUN&name=%3C"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "ui/nodes",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/ui\\..\\",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "/ui/..//evil.example",
        "/..//evil.example",
        "/../other",
        "/ui/%2e%2E/../x",
        "/.%2e/other",
        "/ui/..",
        "/ü",
        "/" + "x" * 3000,
    ],
)
def test_it_leads_nowhere_else(text: str | None) -> None:
    assert next_page(text) == "/"


@pytest.mark.parametrize("text", ["/", "/ui/jobs/f1", "/?a=//b&c=..", "/docs/x.y#z", "/ui/..%2fx"])
def test_it_leads_to_pages_of_its_own(text: str) -> None:
    assert next_page(text) == text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "own"}, 403),
        ({"Origin": "own"}, 201),
    ],
)
async def test_with_a_cookie_only_its_own_pages_change_something(
    service: Service, headers: dict[str, str], status: int
) -> None:
    headers = dict(headers)
    if headers.get("Origin") == "own":
        headers |= own(service)
    headers["Cookie"] = await cookie(service)
    body = {"command": "true"}
    response = await service.client.post("/v1/jobs", json=body, headers=headers)
    assert response.status == status
    try:
        async with service.client.ws_connect("/v1/events/ws", headers=headers):
            opened = 201
    except aiohttp.WSServerHandshakeError as error:
        opened = error.status
    assert opened == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 401),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, 401),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        ({}, 200),
    ],
)
async def test_with_a_cookie_only_its_own_pages_read(
    service: Service, headers: dict[str, str], status: int
) -> None:
    headers = {**headers, "Cookie": await cookie(service)}
    async with service.client.get("/v1/events", headers=headers) as response:
        assert response.status == status


async def test_a_cookie_that_somebody_else_has_set_does_not_log_in_or_out(
    service: Service,
) -> None:
    mine = await cookie(service)
    name = mine.partition("=")[0]
    tossed = {"Cookie": f"{name}=made-up; {mine}; {name}=other"}
    assert (await service.client.get("/v1/jobs", headers=tossed)).status == 200
    other = await cookie(service)
    both = {"Cookie": f"{other}; {mine}"}
    assert (await service.client.get("/v1/jobs", headers=both)).status == 401


async def test_a_login_has_a_new_value_and_ends_the_one_before(service: Service) -> None:
    first = await cookie(service)
    response = await log_in(service, {**PAGE, "Cookie": first})
    second = response.headers["Set-Cookie"].partition(";")[0]
    service.client.session.cookie_jar.clear()
    assert second != first
    assert (await service.client.get("/v1/jobs", headers={"Cookie": first})).status == 401
    assert (await service.client.get("/v1/jobs", headers={"Cookie": second})).status == 200


async def test_a_value_that_was_chosen_before_the_login_stays_invalid(service: Service) -> None:
    chosen = (await cookie(service)).partition("=")[0] + "=chosen-by-somebody-else"
    response = await log_in(service, {**PAGE, "Cookie": chosen})
    assert "chosen" not in response.headers["Set-Cookie"]
    service.client.session.cookie_jar.clear()
    assert (await service.client.get("/v1/jobs", headers={"Cookie": chosen})).status == 401


async def test_a_login_from_a_page_of_another_site_is_refused(service: Service) -> None:
    response = await log_in(service, {"Origin": "http://evil.example"})
    assert response.status == 403
    assert hdrs.SET_COOKIE not in response.headers


async def test_logging_out_ends_the_login_on_both_sides(service: Service) -> None:
    headers = {"Cookie": await cookie(service), **own(service)}
    page = await service.client.get("/ui/logout", headers={**headers, **PAGE})
    assert page.status == 200
    assert 'method="post" action="../ui/logout">' in await page.text()
    async with service.client.ws_connect("/v1/events/ws", headers=headers) as socket:
        response = await service.client.post(
            "/ui/logout", headers={**headers, **PAGE}, allow_redirects=False
        )
        assert (response.status, response.headers["Location"]) == (303, "../ui/login")
        assert "Max-Age=0" in response.headers["Set-Cookie"]
        assert (await asyncio.wait_for(socket.receive(), 10)).data == 4401
    assert (await service.client.get("/v1/jobs", headers=headers)).status == 401


@pytest.mark.parametrize("origin", [None, "http://evil.example"])
async def test_another_site_logs_nobody_out(service: Service, origin: str | None) -> None:
    headers = {"Cookie": await cookie(service), **({"Origin": origin} if origin else {})}
    assert (await service.client.post("/ui/logout", headers=headers)).status == 403
    assert (
        await service.client.get("/v1/jobs", headers={"Cookie": headers["Cookie"]})
    ).status == 200


async def test_a_revoked_token_ends_its_logins_and_their_streams(service: Service) -> None:
    made = await create(service, scope="operate")
    headers = {"Cookie": await cookie(service, token=made["token"]), **own(service)}
    assert (await service.client.post("/v1/jobs", json={}, headers=headers)).status == 403
    async with service.client.ws_connect("/v1/events/ws", headers=headers) as socket:
        await service.client.delete("/v1/tokens/laptop", headers=basic())
        assert (await asyncio.wait_for(socket.receive(), 10)).data == 4401
    assert (await service.client.get("/v1/jobs", headers=headers)).status == 401


async def test_a_ticket_ends_with_its_login(service: Service) -> None:
    headers = {"Cookie": await cookie(service), **own(service)}
    response = await service.client.post("/v1/ticket", headers=headers)
    ticket = (await response.json())["ticket"]
    await service.client.post("/ui/logout", headers=headers)
    assert (await service.client.get(f"/v1/events?ticket={ticket}")).status == 401


async def test_a_shared_link_takes_no_rights_from_the_owner(service: Service) -> None:
    owner = await cookie(service)
    made = await create(service)
    response = await log_in(
        service, {**PAGE, "Cookie": owner}, token=made["token"], next="/ui/jobs/f1"
    )
    assert (response.status, response.headers["Location"]) == (303, "../ui/jobs/f1")
    assert hdrs.SET_COOKIE not in response.headers
    viewer = await cookie(service, token=made["token"])
    response = await log_in(service, {**PAGE, "Cookie": viewer})
    assert hdrs.SET_COOKIE in response.headers


async def test_a_one_time_code_logs_the_owner_in_once(service: Service) -> None:
    app = service.client.app
    assert app is not None
    code = app[keys.CREDENTIALS].codes.issue()
    headers = {"Cookie": await cookie(service, user="", token=code), **own(service)}
    assert (await service.client.get("/v1/tokens", headers=headers)).status == 200
    service.client.session.cookie_jar.clear()
    assert (await log_in(service, PAGE, user="", token=code)).status == 401
    for headers in (basic(token=code), bearer(code)):
        assert (await service.client.get("/v1/jobs", headers=headers)).status == 401


async def test_guesses_of_one_peer_are_limited(service: Service) -> None:
    made = await create(service)
    statuses = [(await log_in(service, PAGE, token="guess")).status for _ in range(31)]
    assert statuses == [401] * 30 + [429]
    page = await log_in(service, PAGE)
    assert (page.status, page.content_type) == (429, "text/html")
    assert int(page.headers["Retry-After"]) >= 1
    response = await service.client.get("/v1/jobs", headers=basic())
    assert (response.status, response.content_type) == (429, "application/problem+json")
    assert int(response.headers["Retry-After"]) >= 1
    # Nobody guesses a token of 256 bits, so it opens as before.
    assert (await service.client.get("/v1/jobs", headers=bearer(made["token"]))).status == 200
    assert (await log_in(service, PAGE, token=made["token"])).status == 303


async def test_with_auth_off_nobody_logs_in_or_out(start: Start) -> None:
    service = await start()
    page = await service.client.get("/ui/login", headers=PAGE)
    assert (page.status, "Authentication is off" in await page.text()) == (200, True)
    assert (await log_in(service)).status == 409
    assert (await service.client.post("/ui/logout")).status == 409


async def test_no_cookie_or_token_is_logged(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    made = await create(service)
    value = (await cookie(service, token=made["token"])).partition("=")[2]
    await service.client.get("/v1/jobs", headers={"Cookie": f"x={value}"})
    assert value not in caplog.text
    assert made["token"] not in caplog.text
