"""The other side of a connection: its user on a Unix socket, and whether its headers count."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import uvloop
from aiohttp import web
from multidict import CIMultiDict

from fluxapi.http.peer import forwarded, is_among, is_secure, is_trusted, peer_uid
from fluxapi.http.server import Runner
from fluxapi.http.site import Site
from fluxapi.http.unix_socket import bind
from fluxapi.settings import Peer

NETWORK = ipaddress.ip_network("10.0.0.0/8")
V6 = ipaddress.ip_network("fd00::/8")


def request(address: object, **headers: str) -> Any:
    """Return the parts of a request that are looked at, from a connection with this address."""
    transport = SimpleNamespace(get_extra_info=lambda _name: address)
    return SimpleNamespace(transport=transport, headers=CIMultiDict(headers), secure=False)


@pytest.mark.parametrize(
    ("address", "peers", "found"),
    [
        (("10.1.2.3", 1), (NETWORK,), True),
        (("11.1.2.3", 1), (NETWORK,), False),
        (("::ffff:10.1.2.3", 1, 0, 0), (NETWORK,), True),
        (("fd00::1", 1, 0, 0), (NETWORK, V6), True),
        (("fe80::1%eth0", 1, 0, 0), (V6,), False),
        (("127.0.0.1", 1), (NETWORK, "unix"), False),
        (("", 0), (NETWORK,), False),
        ("", ("unix",), True),
        ("", (NETWORK,), False),
        (None, ("unix",), True),
        (("10.1.2.3", 1), (), False),
    ],
)
def test_peers_that_are_named(address: object, peers: tuple[Peer, ...], found: bool) -> None:
    assert is_among(request(address), peers) is found


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        (("127.0.0.1", 1), True),
        (("::1", 1, 0, 0), True),
        ("", True),
        (("10.1.2.3", 1), True),
        (("192.0.2.1", 1), False),
        (("::ffff:192.0.2.1", 1, 0, 0), False),
        (("fe80::1%lo", 1, 0, 0), False),
    ],
)
def test_headers_count_from_here_and_from_named_peers(address: object, trusted: bool) -> None:
    sent = request(address, **{"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/a"})
    assert is_trusted(sent, (NETWORK,)) is trusted
    assert is_secure(sent, (NETWORK,)) is trusted
    assert forwarded(sent, "X-Forwarded-Prefix", (NETWORK,)) == ("/a" if trusted else None)


def test_a_connection_that_is_gone_is_trusted_by_nobody() -> None:
    gone = SimpleNamespace(transport=None, headers=CIMultiDict(), secure=False)
    assert not is_trusted(gone, ("unix",))  # type: ignore[arg-type]
    assert peer_uid(gone) is None  # type: ignore[arg-type]


_GET = """
import http.client, os, socket, sys
os.setuid(int(sys.argv[2]))
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
connection.request("GET", "/")
print(connection.getresponse().read().decode())
"""


@pytest.mark.parametrize("uid", [os.getuid(), 12345])
def test_the_user_of_a_unix_socket_is_known_on_the_loop_of_the_service(uid: int) -> None:
    if uid != os.getuid() and os.getuid() != 0:
        pytest.skip("only root can become another user")

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=str(peer_uid(request)))

    async def ask() -> tuple[str, str]:
        app = web.Application()
        app.router.add_get("/", answer)
        runner = Runner(app, access_log=None, handle_signals=False)
        await runner.setup()
        sock, remove = bind(Path(f"/tmp/fluxapi-{os.getpid()}-{uid}"), 0o666, None)  # noqa: S108 - sticky, and open to all users
        await Site(runner, sock, None).start()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = next(it[1] for it in runner.addresses if isinstance(it, tuple))
        done = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _GET, sock.getsockname(), str(uid), stdout=subprocess.PIPE
        )
        text, _ = await done.communicate()
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/") as over_tcp,
        ):
            found = await over_tcp.text()
        await runner.cleanup()
        remove()
        return text.decode().strip(), found

    loop = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(ask()) == (str(uid), "None")
    finally:
        loop.close()
