"""HTTP proxies of the environment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fluxapi.client import AsyncClient, ConfigError, ConnectionFailed
from fluxapi.client.proxy import proxy_of

SITE = "https://cluster.example.org"
PROXY = "http://user:s3cret@proxy.example.org:3128"


@pytest.fixture(autouse=True)
def _none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("environ", "url", "proxy"),
    [
        ({}, SITE, None),
        ({"HTTPS_PROXY": PROXY}, SITE, PROXY),
        ({"https_proxy": PROXY}, SITE, PROXY),
        ({"ALL_PROXY": PROXY}, SITE, PROXY),
        ({"HTTPS_PROXY": "proxy:3128"}, SITE, "http://proxy:3128"),
        ({"HTTPS_PROXY": ""}, SITE, None),
        ({"HTTPS_PROXY": PROXY}, "http://cluster.example.org", None),
        ({"HTTP_PROXY": PROXY}, "http://cluster.example.org", PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "example.org"}, SITE, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, SITE, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "example.com"}, SITE, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "cluster.example.org:8443"}, SITE, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "cluster.example.org:8443"}, f"{SITE}:8443", None),
        ({"ALL_PROXY": PROXY}, "http://127.0.0.1:5000", None),
        ({"ALL_PROXY": PROXY}, "http://[::1]:5000", None),
        ({"ALL_PROXY": PROXY}, "http://localhost:5000", None),
    ],
)
def test_which_proxy(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == proxy


@pytest.mark.parametrize("proxy", ["socks5://user:s3cret@proxy:1080", "http://:s3cret@a..b"])
def test_another_kind_of_proxy_is_refused(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigError, match="NO_PROXY") as caught:
        AsyncClient(SITE)
    assert "s3cret" not in str(caught.value)


@asynccontextmanager
async def proxy(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Run a proxy that gives one answer; yield its address and the requests that it gets."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


async def test_a_request_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"nodes": ["there"]}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    async with proxy(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)) as (place, heads):
        monkeypatch.setenv("HTTP_PROXY", f"http://{place}")
        async with AsyncClient("http://cluster.example.org", retries=0) as flux:
            assert await flux.nodes() == ["there"]
    assert heads[0].startswith(b"GET http://cluster.example.org/v1/nodes HTTP/1.1\r\n")


async def test_https_is_tunneled_and_no_credentials_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as (place, heads):
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:s3cret@{place}")
        async with AsyncClient(SITE, user="ada", token="pancakes", retries=0) as flux:
            with pytest.raises(ConnectionFailed, match="answers with status 407") as caught:
                await flux.nodes()
    assert heads[0].startswith(b"CONNECT cluster.example.org:443 HTTP/1.1\r\n")
    assert b"\r\nAuthorization:" not in heads[0]
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "no-such-proxy.invalid:3128"])
async def test_a_proxy_that_is_away_is_named_as_the_reason(
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with proxy(b"") as (place, _):
        pass
    place = name or place
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:s3cret@{place}")
    async with AsyncClient(SITE, retries=0) as flux:
        with pytest.raises(ConnectionFailed, match="Cannot connect to the proxy") as caught:
            await flux.nodes()
    assert "s3cret" not in str(caught.value)
