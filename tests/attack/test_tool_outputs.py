"""Many messages of MCP that read outputs, whose clients leave or not: few are read at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from fluxapi.errors import Unauthorized
from fluxapi.handlers import mcp
from fluxapi.http import keys
from fluxapi.http.work_turns import Taker, WorkTurns
from fluxapi.mcp.port import Refused
from fluxapi.table.table import Table
from tests.handlers.conftest import Service, service, start
from tests.mcp.sessions import needs_sdk

__all__ = ["service", "start"]

MANY = 20
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


class Reading:
    """A job whose output is read until the test says that it has ended."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.may_end = asyncio.Event()

    async def document(self, *_: object) -> AsyncIterator[bytes]:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.may_end.wait()
            yield b'{"Output": ["x"]}'
        finally:
            self.now -= 1


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    found = Reading()
    monkeypatch.setattr("fluxapi.handlers.mcp.forms.document", found.document)
    return found


def still_valid(_: object) -> None:
    """Accept the credentials of each request again."""


def ended(_: object) -> None:
    raise Unauthorized("The token has ended.")


def jobs(
    turns: WorkTurns,
    *,
    has_left: bool = False,
    check: Callable[[object], None] = still_valid,
) -> mcp._SessionJobs:
    principal = SimpleNamespace(may=lambda _: False, grants=(), client="", user="")
    files = SimpleNamespace(so_far=lambda *_, **__: None)
    session = SimpleNamespace(job=lambda _: SimpleNamespace(id=1), files=files, path="")

    class Request(dict[Any, Any]):
        def __init__(self) -> None:
            super().__init__({keys.SESSION: session, keys.PRINCIPAL: principal})
            credentials = SimpleNamespace(check_still_valid=check)
            self.app = {keys.TOOL_OUTPUTS: turns, keys.CREDENTIALS: credentials}
            self.remote = "192.0.2.1"
            self.transport = SimpleNamespace(is_closing=lambda: has_left)

    request: Any = Request()
    return mcp._SessionJobs(request)


async def test_few_outputs_are_read_at_the_same_time(reading: Reading) -> None:
    turns = WorkTurns(4, MANY)
    tasks = [asyncio.create_task(jobs(turns).output("f1", 9, None)) for _ in range(MANY)]
    for _ in range(MANY):
        await asyncio.sleep(0)
    assert reading.most == 2
    reading.may_end.set()
    assert [it.text for it in await asyncio.gather(*tasks)] == ["x"] * MANY
    assert reading.most == 2
    assert turns.used == 0


async def test_none_is_read_for_a_client_that_has_left(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.handlers.sending._CHECK_INTERVAL_S", 0)
    turns, other = WorkTurns(1, MANY), Taker("another")
    await turns.take(other, 1)
    with pytest.raises(Refused, match="has left"):
        await jobs(turns, has_left=True).output("f1", 9, None)
    assert reading.most == 0
    # It is not counted, either.
    turns.give_back(other, 1)
    reading.may_end.set()
    assert (await jobs(turns).output("f1", 9, None)).text == "x"


async def test_nothing_is_shown_after_the_end_of_the_token(reading: Reading) -> None:
    reading.may_end.set()
    with pytest.raises(Refused, match="token has ended"):
        await jobs(WorkTurns(1, MANY), check=ended).output("f1", 9, None)


async def test_no_jobs_are_listed_after_the_end_of_the_token() -> None:
    async def rows(_: object) -> list[bytes]:
        return [b"{}"]

    listed, table = jobs(WorkTurns(1, MANY), check=ended), Table()
    session: Any = SimpleNamespace(table=table, observer=SimpleNamespace(rows=rows))
    listed._session = session
    with pytest.raises(Refused, match="token has ended"):
        await listed.find({"limit": 9})


@needs_sdk
async def test_a_request_is_freed_though_the_sdk_keeps_its_objects(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[mcp._SessionJobs] = []
    made = mcp._SessionJobs

    def keep(request: Any) -> mcp._SessionJobs:
        kept.append(made(request))
        return kept[-1]

    monkeypatch.setattr(mcp, "_SessionJobs", keep)
    response = await service.client.post("/v1/mcp", json=PING)
    assert response.status == 200
    assert [vars(it) for it in kept] == [{}]


@pytest.fixture
def sdk_http() -> Any:
    """Import the SDK before the service, on whose event loop nothing may block."""
    return import_module("fluxapi.mcp.http")


@needs_sdk
async def test_garbage_of_the_sdk_is_collected(
    sdk_http: Any, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[int] = []
    monkeypatch.setattr("fluxapi.mcp.http.gc.collect", collected.append)
    for _ in range(sdk_http._MESSAGES_PER_COLLECTION):
        response = await service.client.post("/v1/mcp", json=PING)
        assert response.status == 200
    assert collected == [0]
