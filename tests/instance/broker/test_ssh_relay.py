"""The socket through which libflux reaches ssh."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import Any

import pytest

from fluxapi.instance.broker import ssh_relay
from fluxapi.instance.broker.ssh_relay import SshDoor


async def test_a_door_goes_on_after_a_lack_of_descriptors(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ssh_relay, "ACCEPT_PAUSE_S", 0)
    loop = asyncio.get_running_loop()
    accept, failures = loop.sock_accept, [OSError(errno.EMFILE, os.strerror(errno.EMFILE))]

    async def accept_late(listener: Any) -> Any:
        if failures:
            raise failures.pop()
        return await accept(listener)

    monkeypatch.setattr(loop, "sock_accept", accept_late)
    door = SshDoor(["cat"])
    await door.open()
    try:
        reader, writer = await asyncio.open_unix_connection(door.uri.removeprefix("local://"))
        writer.write(b"x")
        assert await asyncio.wait_for(reader.readexactly(1), 60) == b"x"
        writer.close()
    finally:
        await door.close()
    assert "cannot accept a connection of libflux: Too many open files" in caplog.text


async def test_a_program_that_cannot_be_started_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    door = SshDoor(["/no/ssh"])
    await door.open()
    try:
        reader, writer = await asyncio.open_unix_connection(door.uri.removeprefix("local://"))
        assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()
    finally:
        await door.close()
    assert "cannot connect to a nested instance: /no/ssh: No such file" in caplog.text
