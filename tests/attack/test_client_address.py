"""Addresses that one machine has many of, and users that share one: limits count them right."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from fluxapi.security.clients import client_of
from tests.handlers.conftest import Start, start
from tests.security.test_credentials import AUTH, basic

__all__ = ["start"]


def request(remote: str | None, transport: object = None) -> Any:
    return SimpleNamespace(remote=remote, transport=transport)


@pytest.mark.parametrize(
    ("remote", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("127.0.0.1", "this machine"),
        ("127.9.9.9", "this machine"),
        ("::1", "this machine"),
        ("::ffff:127.0.0.1", "this machine"),
        (None, "this machine"),
    ],
)
def test_the_client_at_an_address(remote: str | None, client: str) -> None:
    assert client_of(request(remote)) == client


def test_users_of_a_unix_socket_are_different_clients() -> None:
    here, there = socket.socketpair()
    with here, there:
        transport = SimpleNamespace(get_extra_info=lambda _name: here)
        assert client_of(request("", transport)) == f"user {os.getuid()}"


async def test_other_addresses_of_this_machine_give_no_more_guesses(start: Start) -> None:
    service = await start(**AUTH)
    url = service.client.make_url("/v1/jobs")
    statuses = []
    for number in range(31):
        connector = aiohttp.TCPConnector(local_addr=(f"127.0.1.{number + 1}", 0))
        async with aiohttp.ClientSession(connector=connector) as session:
            headers = basic(token="guess")
            async with session.get(url, headers=headers) as answer:
                statuses.append(answer.status)
    assert statuses == [401] * 30 + [429]
