from __future__ import annotations

import base64
import time
from typing import Any

import jwt
import pytest

from tests.handlers.conftest import Service, Start, start

__all__ = ["start"]

SECRET = "a secret that is long enough for it"
AUTH: dict[str, Any] = {
    "require_auth": True,
    "user": "älice",
    "token": "s3cret:✓",
    "secret_key": SECRET,
}


def basic(user: str = "älice", token: str = "s3cret:✓") -> dict[str, str]:  # noqa: S107 - a test's
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def service(start: Start) -> Service:
    return await start(**AUTH)


async def access_token(service: Service) -> str:
    response = await service.client.post("/token", headers=basic())
    assert response.status == 200
    token: str = (await response.json())["access_token"]
    return token


@pytest.mark.parametrize(
    "path", ["/", "/v1/jobs", "/jobs/f1", "/nodes", "/metrics", "/ready", "/docs", "/openapi.json"]
)
async def test_nothing_is_open(service: Service, path: str) -> None:
    response = await service.client.get(path)
    assert response.status == 401
    assert response.headers.getall("WWW-Authenticate") == [
        'Basic realm="fluxapi", charset="UTF-8"',
        'Bearer realm="fluxapi"',
    ]


async def test_unknown_paths_require_credentials(service: Service) -> None:
    assert (await service.client.get("/nothing")).status == 401


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
async def test_health_is_open(service: Service, path: str) -> None:
    assert (await service.client.get(path)).status == 200


async def test_basic_lets_in(service: Service) -> None:
    assert (await service.client.get("/jobs", headers=basic())).status == 200


@pytest.mark.parametrize(
    "header",
    [
        basic(user="bob")["Authorization"],
        basic(token="wrong")["Authorization"],
        basic(user="", token="")["Authorization"],
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xff").decode(),
        "Basic " + base64.b64encode(b"nocolon").decode(),
        "Digest x",
        "Bearer",
        "Bearer x.y.z",
    ],
)
async def test_anything_else_does_not(service: Service, header: str) -> None:
    response = await service.client.get("/jobs", headers={"Authorization": header})
    assert response.status == 401


async def test_a_bearer_token_lets_in(service: Service) -> None:
    token = await access_token(service)
    for _ in range(2):
        assert (await service.client.get("/jobs", headers=bearer(token))).status == 200


async def test_the_body_may_carry_the_credentials(service: Service) -> None:
    good, bad = ({"user": "älice", "token": token} for token in ("s3cret:✓", "wrong"))
    assert (await service.client.post("/token", json=good)).status == 200
    assert (await service.client.post("/token", json=bad)).status == 401


async def test_a_token_needs_credentials(service: Service) -> None:
    assert (await service.client.post("/token")).status == 401


async def test_a_token_does_not_get_another_token(service: Service) -> None:
    token = await access_token(service)
    assert (await service.client.post("/token", headers=bearer(token))).status == 401


async def test_a_token_ends(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    then = time.time() - 601 * 60
    with monkeypatch.context() as patch:
        patch.setattr("fluxapi.security.credentials.time.time", lambda: then)
        token = await access_token(service)
    assert (await service.client.get("/jobs", headers=bearer(token))).status == 401


async def test_a_token_outlives_a_restart_with_the_same_secret(
    service: Service, start: Start
) -> None:
    other = await start(**AUTH)
    token = await access_token(service)
    assert (await other.client.get("/jobs", headers=bearer(token))).status == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "älice", "aud": "fluxapi", "iss": "fluxapi", "iat": 0, "exp": 2**33},
        {"user": "älice", "pass": "s3cret:✓", "scope": "token"},
    ],
)
async def test_the_shared_secret_alone_makes_no_access_token(
    service: Service, claims: dict[str, Any]
) -> None:
    token = jwt.encode(claims, SECRET, "HS256")
    assert (await service.client.get("/jobs", headers=bearer(token))).status == 401


async def test_an_unsigned_token_is_refused(service: Service) -> None:
    claims = {"user": "älice", "pass": "s3cret:✓", "scope": "token"}
    no_key: Any = None
    token = jwt.encode(claims, no_key, "none")
    assert (await service.client.post("/token", headers=bearer(token))).status == 401


@pytest.mark.parametrize(("method", "path"), [("GET", "/jobs"), ("POST", "/token")])
async def test_a_token_of_many_levels_is_invalid(
    service: Service, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    def decode(*_args: object, **_options: object) -> object:
        # So do releases before 2.14 for such a header.
        raise RecursionError

    monkeypatch.setattr(jwt, "decode", decode)
    levels = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 1500 + b"]" * 1500 + b"}").decode()
    response = await service.client.request(method, path, headers=bearer(f"{levels}.e30.AA"))
    assert response.status == 401


LOGIN = {"user": "älice", "pass": "s3cret:✓", "scope": "token"}


async def test_the_login_token_of_older_clients(service: Service) -> None:
    response = await service.client.post(
        "/v1/token", headers=bearer(jwt.encode(LOGIN, SECRET, "HS256"))
    )
    body = await response.json()
    assert response.status == 200
    assert body["token_type"] == "Bearer"
    headers = bearer(body["access_token"])
    assert (await service.client.get("/v1/jobs", headers=headers)).status == 200


@pytest.mark.parametrize("change", [{"pass": "x"}, {"user": "bob"}, {"scope": "x"}, {"pass": 3}])
async def test_a_wrong_login_token(service: Service, change: dict[str, Any]) -> None:
    token = jwt.encode(LOGIN | change, SECRET, "HS256")
    assert (await service.client.post("/token", headers=bearer(token))).status == 401


@pytest.mark.parametrize("secret", [SECRET, None])
async def test_an_access_token_is_not_exchanged(start: Start, secret: str | None) -> None:
    service = await start(**AUTH | {"secret_key": secret})
    body = await (await service.client.post("/token", headers=basic())).json()
    for token in (body["access_token"], "fluxapi_1234"):
        response = await service.client.post("/token", headers=bearer(token))
        assert response.status == 401
        assert "cannot be exchanged" in (await response.json())["detail"]


async def test_a_short_secret_still_works_for_them(start: Start) -> None:
    service = await start(**AUTH | {"secret_key": "short"})
    with pytest.warns(UserWarning, match="below the minimum"):
        token = jwt.encode(LOGIN, "short", "HS256")
    assert (await service.client.post("/token", headers=bearer(token))).status == 200


async def test_without_a_shared_secret_a_login_token_gets_the_reason(start: Start) -> None:
    service = await start(**AUTH | {"secret_key": None})
    response = await service.client.post(
        "/token", headers=bearer(jwt.encode(LOGIN, SECRET, "HS256"))
    )
    assert response.status == 401
    assert "FLUX_SECRET_KEY" in (await response.json())["detail"]


async def test_with_auth_off_there_is_no_token(start: Start) -> None:
    service = await start()
    assert (await service.client.post("/token")).status == 409


@pytest.mark.parametrize("headers", [{}, basic()])
async def test_logging_out_refuses_whatever_came_and_has_no_browser_ask(
    service: Service, headers: dict[str, str]
) -> None:
    response = await service.client.get("/ui/logout", headers={"Accept": "text/html", **headers})
    assert (response.status, response.content_type) == (401, "text/html")
    assert response.headers.getall("WWW-Authenticate") == ['Bearer realm="fluxapi"']


async def test_a_script_that_is_refused_has_no_browser_ask(service: Service) -> None:
    response = await service.client.post("/v1/ticket", headers={"X-Requested-With": "fetch"})
    assert response.status == 401
    assert response.headers.getall("WWW-Authenticate") == ['Bearer realm="fluxapi"']


async def test_with_auth_off_nobody_is_logged_out(start: Start) -> None:
    service = await start()
    response = await service.client.get("/ui/logout", headers={"Accept": "text/html"})
    assert response.status == 409


async def test_a_browser_with_wrong_credentials_gets_a_page(service: Service) -> None:
    headers = {**basic(token="wrong"), "Accept": "text/html"}
    response = await service.client.get("/", headers=headers)
    assert (response.status, response.content_type) == (401, "text/html")
    # Basic would have the browser open its own dialog above the page.
    assert response.headers.getall("WWW-Authenticate") == ['Bearer realm="fluxapi"']
    text = await response.text()
    assert "The user name or the token is wrong." in text
    # A stranger is told nothing of the instance and of its user.
    assert "älice" not in text
    assert 'class="top"' not in text
