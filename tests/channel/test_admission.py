"""Admission to streams: origins, hosts, tickets, tokens that expire, and limits."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from fluxapi.security.credentials import Credentials
from fluxapi.settings import Settings
from tests.running import Service, service

from .conftest import EMBEDDED
from .reader import Events, Reader
from .site import Site
from .wires import WIRES, Refusal

pytestmark = pytest.mark.slow

USER, TOKEN, SECRET = "alice", "wonderland", "a secret of at least thirty-two bytes"
BASIC = {"Authorization": aiohttp.encode_basic_auth(USER, TOKEN)}


@pytest.fixture(scope="module")
def guarded() -> Iterator[Service]:
    with service(
        EMBEDDED,
        FLUX_USER=USER,
        FLUX_TOKEN=TOKEN,
        FLUX_SECRET_KEY=SECRET,
        FLUX_REQUIRE_AUTH="true",
    ) as running:
        yield running


@pytest.fixture
async def owner() -> AsyncIterator[aiohttp.ClientSession]:
    """Return a client that sends credentials with each request."""
    async with aiohttp.ClientSession(headers=BASIC) as session:
        yield session


def token(seconds: int) -> str:
    """Return an access token of the guarded service that expires so soon."""
    settings = Settings(user=USER, token=TOKEN, require_auth=True, secret_key=SECRET)
    credentials = Credentials(settings)
    credentials.lifetime = seconds
    return credentials.issue()[0]


async def ticket(session: aiohttp.ClientSession, url: str, **headers: str) -> str:
    async with session.post(f"{url}/v1/ticket", headers=headers) as answer:
        assert answer.status == 200
        text: str = (await answer.json())["ticket"]
        return text


@contextlib.asynccontextmanager
async def bearer(text: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {text}"}) as session:
        yield session


async def upgrade(session: aiohttp.ClientSession, url: str, **headers: str) -> int:
    """Return the status that answers an upgrade."""
    try:
        async with session.ws_connect(f"{url}/v1/events/ws", headers=headers):
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


@pytest.mark.parametrize("name", ["http://evil.example", "null", "file://"])
async def test_a_page_of_another_site_opens_no_socket(embedded_site: Site, name: str) -> None:
    assert await upgrade(embedded_site.session, embedded_site.url, Origin=name) == 403


async def test_a_page_of_its_own_opens_a_socket(embedded_site: Site) -> None:
    url = embedded_site.url
    assert await upgrade(embedded_site.session, url, Origin=url) == 101


async def test_a_page_of_another_port_opens_no_socket(embedded_site: Site) -> None:
    other = "http://127.0.0.1:1"
    assert await upgrade(embedded_site.session, embedded_site.url, Origin=other) == 403


async def test_an_unknown_host_opens_nothing(embedded_site: Site) -> None:
    headers = {"Host": "rebound.example"}
    assert await upgrade(embedded_site.session, embedded_site.url, **headers) == 403
    async with embedded_site.session.get(f"{embedded_site.url}/v1/events", headers=headers) as it:
        assert it.status == 403


@pytest.mark.parametrize("wire", WIRES)
async def test_a_stranger_gets_no_stream(
    guarded: Service, session: aiohttp.ClientSession, wire: str
) -> None:
    with pytest.raises(Refusal) as caught:
        async with Reader(session, guarded.url, wire, Events()):
            pass
    assert caught.value.status == 401


async def test_a_ticket_opens_one_stream(
    guarded: Service, session: aiohttp.ClientSession, owner: aiohttp.ClientSession
) -> None:
    url = f"{guarded.url}/v1/events?ticket={await ticket(owner, guarded.url)}"
    async with session.get(url) as first:
        assert first.status == 200
        async with session.get(url) as second:
            assert second.status == 401


async def test_a_ticket_opens_one_socket(
    guarded: Service, session: aiohttp.ClientSession, owner: aiohttp.ClientSession
) -> None:
    url = f"{guarded.url}/v1/events/ws?ticket={await ticket(owner, guarded.url)}"
    async with session.ws_connect(url) as first:
        await first.send_json({"type": "subscribe", "sub": "a", "stream": "events"})
        assert (await first.receive_json())["type"] == "subscribed"
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(url)
    assert caught.value.status == 401


async def test_a_ticket_opens_nothing_else(
    guarded: Service, session: aiohttp.ClientSession, owner: aiohttp.ClientSession
) -> None:
    text = await ticket(owner, guarded.url)
    async with session.get(f"{guarded.url}/v1/stats?ticket={text}") as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    ("wire", "code", "end"),
    [
        ("sse", 0, "expired"),
        ("lines", 0, "expired"),
        ("socket", 4401, None),
        ("deflate", 4401, None),
    ],
)
async def test_a_token_that_ends_ends_its_stream(
    guarded: Service, wire: str, code: int, end: str | None
) -> None:
    events = Events()
    async with bearer(token(2)) as session, Reader(session, guarded.url, wire, events) as reader:
        assert await reader.until_cut() == code
    assert events.end == end


async def test_a_ticket_is_no_better_than_its_token(
    guarded: Service, session: aiohttp.ClientSession
) -> None:
    text = await ticket(session, guarded.url, Authorization=f"Bearer {token(2)}")
    async with session.ws_connect(f"{guarded.url}/v1/events/ws?ticket={text}") as socket:
        assert (await socket.receive()).data == 4401


async def test_a_new_token_keeps_the_socket(guarded: Service) -> None:
    short, new = token(2), token(600)
    async with bearer(short) as session:
        renewed = await session.ws_connect(f"{guarded.url}/v1/events/ws")
        ending = await session.ws_connect(f"{guarded.url}/v1/events/ws")
        await renewed.send_json({"type": "auth", "token": new})
        answer = await renewed.receive_json()
        assert answer["type"] == "auth"
        assert answer["expires"] > time.time() + 500
        # The first stream has ended when the other one is closed.
        assert (await ending.receive()).data == 4401
        await renewed.send_json({"type": "subscribe", "sub": "a", "stream": "events"})
        assert (await renewed.receive_json())["type"] == "subscribed"
        await renewed.close()


async def test_a_bad_token_changes_nothing(guarded: Service, owner: aiohttp.ClientSession) -> None:
    async with owner.ws_connect(f"{guarded.url}/v1/events/ws") as socket:
        await socket.send_json({"type": "auth", "token": "nonsense"})
        answer = await socket.receive_json()
        assert (answer["type"], answer["status"]) == ("error", 401)
        await socket.send_json({"type": "subscribe", "sub": "a", "stream": "events"})
        assert (await socket.receive_json())["type"] == "subscribed"


async def test_there_is_room_for_so_many_streams(session: aiohttp.ClientSession) -> None:
    with service(EMBEDDED, f"--max-streams={len(WIRES)}") as running:
        site = Site(running, session, None)
        async with contextlib.AsyncExitStack() as stack:
            for wire in WIRES:
                reader = await stack.enter_async_context(site.read(wire, Events()))
                await reader.until_mark()
            for wire in WIRES:
                with pytest.raises(Refusal) as caught:
                    await stack.enter_async_context(site.read(wire, Events()))
                assert caught.value.status == 503
            async with session.get(f"{site.url}/v1/events") as answer:
                assert answer.content_type == "application/problem+json"
                assert (await answer.json())["type"] == "/docs/errors#too-many-streams"
        # Those who left made room, once the service has noticed.
        for wire in WIRES:
            while True:
                with contextlib.suppress(Refusal):
                    async with site.read(wire, Events()) as reader:
                        await reader.until_mark()
                    break
