"""Senders that are known without a token: users of a Unix socket, and users that a proxy names."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from fluxapi.errors import SettingsError
from fluxapi.http import peer
from fluxapi.settings import Settings
from fluxapi.settings.parse import peers
from tests.handlers.conftest import Start, start

from .test_credentials import AUTH, basic, bearer

__all__ = ["start"]

BODY = {"command": "true"}
ComeFrom = Callable[[int], None]
NAMED = {**AUTH, "trust_user_header": "X-Remote-User", "trust_from": peers("127.0.0.1")}


@pytest.fixture
def come_from(monkeypatch: pytest.MonkeyPatch) -> ComeFrom:
    """Return a function that has all requests come over a Unix socket from a user."""
    return lambda uid: monkeypatch.setattr(peer, "peer_uid", lambda _request: uid)


@pytest.mark.parametrize("is_on", [True, False])
async def test_the_owner_needs_no_token_on_a_unix_socket(
    start: Start, come_from: ComeFrom, is_on: bool
) -> None:
    service = await start(**(AUTH if is_on else {}))
    come_from(os.getuid())
    assert (await service.client.get("/v1/tokens")).status == 200
    assert (await service.client.post("/v1/jobs", json=BODY)).status == 201


@pytest.mark.parametrize("is_on", [True, False])
async def test_another_user_of_a_unix_socket_needs_a_token_even_if_authentication_is_off(
    start: Start, come_from: ComeFrom, is_on: bool
) -> None:
    service = await start(**(AUTH if is_on else {}))
    headers = basic() if is_on else {}
    response = await service.client.post("/v1/tokens", json={"name": "a"}, headers=headers)
    made = await response.json()
    come_from(os.getuid() + 1)
    assert (await service.client.get("/v1/jobs")).status == 401
    assert (await service.client.post("/v1/jobs", json=BODY)).status == 401
    assert (await service.client.get("/v1/health")).status == 200
    assert (await service.client.get("/v1/jobs", headers=bearer(made["token"]))).status == 200
    page = await service.client.get("/", headers={"Accept": "text/html"})
    assert (page.status, "<form" in await page.text()) == (401, True)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via"])
async def test_a_request_that_a_proxy_of_the_owner_passes_on_is_not_the_owners(
    start: Start, come_from: ComeFrom, header: str
) -> None:
    service = await start(**AUTH)
    come_from(os.getuid())
    assert (await service.client.get("/v1/jobs", headers={header: "x"})).status == 401
    headers = {header: "x", **basic()}
    assert (await service.client.get("/v1/jobs", headers=headers)).status == 200


@pytest.mark.parametrize("name", ["flux.example.org", "flux.example.org:8443"])
async def test_a_proxy_of_the_owner_that_adds_no_header_is_known_by_its_host(
    start: Start, come_from: ComeFrom, name: str
) -> None:
    service = await start(**AUTH, allowed_hosts=("flux.example.org",))
    come_from(os.getuid())
    public = {"Host": name}
    assert (await service.client.get("/v1/jobs", headers=public)).status == 401
    assert (await service.client.post("/v1/jobs", json=BODY, headers=public)).status == 401
    assert (await service.client.get("/v1/jobs", headers={**public, **basic()})).status == 200
    local = {"Host": "localhost:5000"}
    assert (await service.client.get("/v1/jobs", headers=local)).status == 200


async def test_a_token_counts_for_the_owner_of_a_unix_socket_too(
    start: Start, come_from: ComeFrom
) -> None:
    service = await start(**AUTH)
    response = await service.client.post("/v1/tokens", json={"name": "a"}, headers=basic())
    made = await response.json()
    come_from(os.getuid())
    headers = bearer(made["token"])
    assert (await service.client.post("/v1/jobs", json=BODY, headers=headers)).status == 403


async def test_a_proxy_names_the_owner(start: Start) -> None:
    service = await start(**{**NAMED, "user": "ada"})
    headers = {"X-Remote-User": "ada"}
    assert (await service.client.post("/v1/jobs", json=BODY, headers=headers)).status == 201
    # The proxy may pass on the credentials that it has checked itself.
    both = {**headers, **basic("ada", "password of the proxy")}
    assert (await service.client.get("/v1/jobs", headers=both)).status == 200


@pytest.mark.parametrize(
    ("right", "read", "write"),
    [("none", 403, 403), ("view", 200, 403), ("submit", 200, 201)],
)
async def test_others_that_a_proxy_names_have_the_right_of_the_setting(
    start: Start, right: str, read: int, write: int
) -> None:
    service = await start(**{**NAMED, "user": "ada", "trust_user_right": right})
    headers = {"X-Remote-User": "bob"}
    assert (await service.client.get("/v1/jobs", headers=headers)).status == read
    assert (await service.client.post("/v1/jobs", json=BODY, headers=headers)).status == write
    page = await service.client.get("/", headers={**headers, "Accept": "text/html"})
    assert ('data-user="bob"' in await page.text()) == (read == 200)


async def test_nobody_else_names_a_user(start: Start) -> None:
    service = await start(**{**NAMED, "user": "ada", "trust_from": peers("192.0.2.1,unix")})
    headers = {"X-Remote-User": "ada"}
    assert (await service.client.get("/v1/jobs", headers=headers)).status == 401


async def test_this_machine_is_not_trusted_by_itself_to_name_a_user(start: Start) -> None:
    # X-Forwarded headers of this machine count for links; that is no reason to believe a name.
    service = await start(**{**NAMED, "user": "ada", "trust_from": peers("10.0.0.0/8")})
    headers = {"X-Remote-User": "ada", "X-Forwarded-For": "10.0.0.1"}
    assert (await service.client.get("/v1/jobs", headers=headers)).status == 401


@pytest.mark.parametrize("values", [["ada", "bob"], ["bob", "ada"], [""], [" "], ["a" * 300]])
async def test_a_header_that_names_not_one_user_names_none(start: Start, values: list[str]) -> None:
    service = await start(**{**NAMED, "user": "ada", "trust_user_right": "admin"})
    headers = [("X-Remote-User", value) for value in values]
    response = await service.client.get("/v1/jobs", headers=headers)
    assert response.status == 401


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u0085", "\u2028"])
async def test_a_name_with_a_blank_is_another_name(start: Start, blank: str) -> None:
    service = await start(**{**NAMED, "user": "ada", "trust_user_right": "view"})
    for name in (f"ada{blank}", f"{blank}ada"):
        headers = {"X-Remote-User": name}
        assert (await service.client.post("/v1/jobs", json=BODY, headers=headers)).status == 401


async def test_a_bearer_token_counts_more_than_the_name(start: Start) -> None:
    service = await start(**{**NAMED, "user": "ada"})
    headers = {"X-Remote-User": "ada"}
    response = await service.client.post("/v1/tokens", json={"name": "a"}, headers=headers)
    both = {**headers, **bearer((await response.json())["token"])}
    assert (await service.client.post("/v1/jobs", json=BODY, headers=both)).status == 403
    both = {**headers, **bearer("nonsense")}
    assert (await service.client.get("/v1/jobs", headers=both)).status == 401


async def test_a_page_of_another_site_does_not_use_the_name(start: Start) -> None:
    service = await start(**{**NAMED, "user": "ada"})
    headers = {"X-Remote-User": "ada", "Origin": "http://evil.example"}
    assert (await service.client.post("/v1/jobs", json=BODY, headers=headers)).status == 403


@pytest.mark.parametrize("change", [{"require_auth": False}, {"trust_from": ()}])
def test_a_header_needs_authentication_and_the_proxies_that_may_send_it(
    change: dict[str, object],
) -> None:
    with pytest.raises(SettingsError, match="--trust-user-header needs"):
        Settings(**{**NAMED, **change})


async def test_with_a_header_no_token_is_needed(start: Start) -> None:
    service = await start(
        require_auth=True, trust_user_header="X-User", trust_from=peers("127.0.0.1")
    )
    assert (await service.client.get("/v1/jobs", headers={"X-User": "nobody"})).status == 403
    for headers in (basic("", ""), {"Authorization": "Basic Og=="}, {}):
        assert (await service.client.get("/v1/jobs", headers=headers)).status == 401
