"""The client on a Unix socket, and on HTTPS with an authority of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from fluxapi.app import create_app
from fluxapi.client import AsyncClient, Client, ClientError, ConfigError, read_config
from fluxapi.http.listen import open_all
from fluxapi.http.server import Runner
from fluxapi.http.site import Site
from fluxapi.http.tls import Certificate
from fluxapi.settings import Address, Settings
from tests.certificates import make_certificate, needs_openssl
from tests.handlers.fake import FakeInstance
from tests.running import clean_environment, service


async def served(settings: Settings) -> tuple[Runner, str]:
    """Return the runner of a service on the one address of the settings, and that address."""
    runner = Runner(create_app(settings, FakeInstance(), stop=lambda: None), access_log=None)
    await runner.setup()
    (listener,) = open_all(settings, {})
    certificate = Certificate.of(settings)
    context = certificate.context if certificate and listener.is_encrypted else None
    await Site(runner, listener.socket, context).start()
    return runner, listener.url


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    runner, url = await served(Settings(listen=(Address(path=tmp_path / "flux.sock"),)))
    yield url
    await runner.cleanup()


async def test_requests_and_streams_go_through_the_socket(url: str) -> None:
    assert url.startswith("unix:/")
    async with AsyncClient(url) as client:
        assert client.url == url
        jobid = await client.submit("true")
        assert (await client.get(jobid)).id == jobid
        async for change in client.watch():
            assert change is not None
            break


async def test_a_redirect_leads_to_no_other_service(tmp_path: Path) -> None:
    async def redirect(request: web.Request) -> web.Response:
        place = request.match_info["place"]
        where = {"f1": "/v1/jobs/x/jobspec", "f2": "http://localhost:5000/", "f3": "http://evil/"}
        return web.Response(status=307, headers={"Location": where[place]})

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"version": 1})

    app = web.Application()
    app.router.add_get("/v1/jobs/{place:f1|f2|f3}/jobspec", redirect)
    app.router.add_get("/v1/jobs/x/jobspec", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, tmp_path / "s").start()
    try:
        async with AsyncClient(f"unix:{tmp_path}/s", user="ada", token="secret") as client:
            assert await client.jobspec("f1") == {"version": 1}
            for place in ("f2", "f3"):
                with pytest.raises(ClientError, match="would receive your credentials"):
                    await client.jobspec(place)
    finally:
        await runner.cleanup()


async def test_a_path_without_a_listener_is_named(tmp_path: Path) -> None:
    async with AsyncClient(f"unix:{tmp_path}/none", retries=0) as client:
        with pytest.raises(ClientError, match=f"Cannot connect to unix:{tmp_path}/none: No such"):
            await client.info()


@pytest.mark.parametrize("url", ["unix:", "unix:relative", "unix://host/path", "unix:/a\0b"])
def test_a_path_must_be_absolute(url: str) -> None:
    with pytest.raises(ConfigError, match="absolute path"):
        read_config(url)


def test_forms_of_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert read_config("unix:///run/flux.sock").url == "unix:/run/flux.sock"
    assert read_config("unix:~/flux.sock").socket == "/home/ada/flux.sock"
    assert read_config("http://a").socket is None


def test_credentials_of_one_socket_go_to_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXAPI_URL", "unix:/run/one.sock")
    monkeypatch.setenv("FLUX_USER", "ada")
    monkeypatch.setenv("FLUX_TOKEN", "secret")
    assert read_config().token == "secret"
    assert read_config("unix:///run/one.sock").token == "secret"
    for other in ("unix:/run/two.sock", "http://localhost", "http://127.0.0.1:5000"):
        assert read_config(other).token is None


@needs_openssl
async def test_an_authority_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = make_certificate(tmp_path)
    settings = Settings(listen=(Address("127.0.0.1", 0),), tls_cert=cert, tls_key=key)
    runner, url = await served(settings)
    try:
        async with AsyncClient(url, retries=0) as client:
            with pytest.raises(ClientError, match=r"is not trusted.*--ca-file"):
                await client.info()
        async with AsyncClient(url.replace("https:", "http:"), retries=0) as client:
            with pytest.raises(ClientError, match="uses TLS, use https://"):
                await client.info()
        async with AsyncClient(url, ca_file=cert) as client:
            await client.info()
        monkeypatch.setenv("FLUXAPI_CA_FILE", str(cert))
        async with AsyncClient(url) as client:
            await client.info()
        async with AsyncClient(url, ca_file=tmp_path / "none") as client:
            with pytest.raises(ConfigError, match="Cannot read the CA file"):
                await client.info()
        async with AsyncClient(url, ca_file=key) as client:
            with pytest.raises(ConfigError, match="Cannot read the CA file"):
                await client.info()
    finally:
        await runner.cleanup()


def connections_to(url: str) -> int:
    loop: Any = asyncio.get_running_loop()
    places = [it.get_extra_info("peername") for it in loop._transports.values() if it._sock]
    return [place[1] for place in places].count(URL(url).port)


@needs_openssl
async def test_a_stream_that_was_left_is_closed_at_once(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    settings = Settings(listen=(Address("127.0.0.1", 0),), tls_cert=cert, tls_key=key)
    runner, url = await served(settings)
    try:
        async with AsyncClient(url, ca_file=cert) as client:
            await client.submit("true")
            before = connections_to(url)
            changes = client.watch()
            await anext(changes)
            await changes.aclose()
            await asyncio.sleep(0)
            assert connections_to(url) == before
    finally:
        await runner.cleanup()


@pytest.mark.slow
def test_the_command_line_and_the_synchronous_client_on_a_socket(tmp_path: Path) -> None:
    path = tmp_path / "flux.sock"
    with service("--instance=embedded", "--listen", f"unix:{path}") as running:
        with Client(running.url) as client:
            assert client.wait(client.submit("true")).result == "COMPLETED"
        done = subprocess.run(
            [sys.executable, "-m", "fluxapi", "submit", "--watch", "echo", "hello"],
            env=clean_environment(FLUXAPI_URL=running.url), capture_output=True, text=True,
            timeout=60, check=True,
        )  # fmt: skip
        assert "hello\n" in done.stdout
