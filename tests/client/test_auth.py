"""Credentials reach the service that they belong to, and no other."""

from __future__ import annotations

import asyncio
import pickle
import time
from pathlib import Path

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from fluxapi.client import AsyncClient, ClientError, ConfigError, Unauthorized
from tests.handlers.fake import FakeInstance

from .conftest import Serve

USER, TOKEN = "alice", "correct-horse"
GUARDED = {"require_auth": True, "user": USER, "token": TOKEN}


@pytest.fixture
async def guarded(serve: Serve, instance: FakeInstance) -> str:
    """Run a service that requires credentials."""
    return await serve(instance, **GUARDED)


async def test_user_and_token(guarded: str) -> None:
    async with AsyncClient(guarded, user=USER, token=TOKEN) as flux:
        id = await flux.submit("true")
        async with flux.events(since="0") as stream:
            assert (await stream.__anext__()).id == id


async def test_the_environment(guarded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXAPI_URL", guarded)
    monkeypatch.setenv("FLUX_USER", USER)
    monkeypatch.setenv("FLUX_TOKEN", TOKEN)
    async with AsyncClient() as flux:
        assert await flux.nodes()


@pytest.mark.parametrize("given", [{}, {"user": USER, "token": "guess"}, {"access_token": "guess"}])
async def test_refused(guarded: str, given: dict[str, str]) -> None:
    async with AsyncClient(guarded, **given) as flux:  # type: ignore[arg-type] # texts all
        with pytest.raises(Unauthorized, match="FLUX_USER and FLUX_TOKEN") as raised:
            await flux.nodes()
    told = str(raised.value) + repr(raised.value) + repr(pickle.dumps(raised.value))
    assert "guess" not in told
    assert raised.value.__context__ is None


async def test_a_token_that_is_not_sent_belongs_to_another_address(
    guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXAPI_URL", "http://other.example:5000/")
    monkeypatch.setenv("FLUX_TOKEN", TOKEN)
    told = f"because it belongs to http://other.example:5000. If it is a token for {guarded}, set"
    for user in (None, USER):
        async with AsyncClient(guarded, user=user) as flux:
            for ask in (flux.nodes, flux.create_token):
                with pytest.raises(Unauthorized, match=told) as raised:
                    await ask()
                assert "FLUX_TOKEN" not in str(raised.value)
    async with AsyncClient(guarded, access_token="wrong") as flux:
        with pytest.raises(Unauthorized, match="FLUX_USER and FLUX_TOKEN"):
            await flux.nodes()


async def test_an_access_token(guarded: str) -> None:
    async with AsyncClient(guarded, user=USER, token=TOKEN) as flux:
        made = await flux.create_token()
    assert made.expires > time.time()
    assert made.token not in repr(made)
    async with AsyncClient(guarded, access_token=made.token) as flux:
        assert await flux.nodes()
        with pytest.raises(Unauthorized, match="user and token"):
            await flux.create_token()


async def test_an_access_token_is_renewed_once_for_all(guarded: str, serve: Serve) -> None:
    # Signed by another service, as those of one that has begun anew are.
    other = await serve(FakeInstance(), **GUARDED)
    async with AsyncClient(other, user=USER, token=TOKEN) as flux:
        old = await flux.create_token()
    async with AsyncClient(guarded, user=USER, token=TOKEN, access_token=old.token) as flux:
        await asyncio.gather(*(flux.nodes() for _ in range(20)))
        credentials = flux._transport.credentials
        new = await credentials.header()
        await flux.nodes()
        assert new == await credentials.header() != f"Bearer {old.token}"


@pytest.fixture
def token_file(guarded: str, tmp_path: Path, nowhere: Path) -> Path:
    """Write a file with an outdated token, which the config file names."""
    token = tmp_path / "token"
    nowhere.mkdir()
    (nowhere / "config.toml").write_text(
        f'[default]\nurl = "{guarded}"\nuser = "{USER}"\ntoken_file = "{token}"\n'
    )
    token.touch(0o600)
    token.write_text("outdated\n")
    return token


async def test_a_token_file_is_read_again(token_file: Path) -> None:
    async with AsyncClient() as flux:
        with pytest.raises(Unauthorized):
            await flux.nodes()
        await asyncio.to_thread(token_file.write_text, f"{TOKEN}\n")
        assert await flux.nodes()


async def test_a_source_that_may_be_a_coroutine(guarded: str) -> None:
    async with AsyncClient(guarded, user=USER, token=TOKEN) as flux:
        made = await flux.create_token()

    async def source() -> str:
        return made.token

    async with AsyncClient(guarded, access_token=source) as flux:
        assert await flux.nodes()


async def test_no_secret_where_it_can_be_seen(aiohttp_server: AiohttpServer) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(str(request.url))
        return web.Response(status=500)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    url = str((await aiohttp_server(app)).make_url(""))
    async with AsyncClient(url, user=USER, token=TOKEN, access_token="bearer-text") as flux:
        for part in (flux, flux._transport, flux._transport.credentials):
            assert TOKEN not in repr(part)
            assert "bearer-text" not in repr(part)
        with pytest.raises(ClientError) as raised:
            await flux.nodes()
        stream = flux.events()
        with pytest.raises(ClientError):
            await stream.__anext__()
    assert TOKEN not in repr(raised.value)
    assert seen
    assert not [url for url in seen if TOKEN in url or "bearer-text" in url]


@pytest.mark.parametrize("given", [{"user": "a:b", "token": "x"}, {"user": "a", "token": "x\n"}])
def test_credentials_that_no_header_can_carry(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        AsyncClient(**given)  # type: ignore[arg-type] # texts all
