"""One client takes as much as it can get: others are still served."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from fluxapi.archive.archive import Archive
from fluxapi.archive.figures import FiguresQuery
from fluxapi.handlers import history
from fluxapi.http import keys
from fluxapi.security import sign_ins
from fluxapi.settings.parse import peers
from tests.handlers.conftest import Service, Start, start

__all__ = ["start"]

USER, TOKEN = "ada", "not-so-secret"
OWNER = {"Authorization": f"Basic {b64encode(f'{USER}:{TOKEN}'.encode()).decode()}"}
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
FIGURES = "/v1/history/figures"


async def _started(start: Start, **settings: Any) -> tuple[Service, str]:
    """Return a service, and a token that may only view."""
    service = await start(user=USER, token=TOKEN, require_auth=True, **settings)
    new = {"name": "guest", "scope": "view"}
    async with service.client.post("/v1/tokens", json=new, headers=OWNER) as made:
        token: str = (await made.json())["token"]
    return service, token


def _guest(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_client_with_all_streams_leaves_some_to_others(start: Start) -> None:
    service, token = await _started(start, max_streams=20)
    streams = []
    for _ in range(30):
        answer = await service.client.get("/v1/events", headers=_guest(token))
        streams.append(answer)
    assert sorted(it.status for it in streams) == [200] * 18 + [503] * 12
    answer = await service.client.get("/v1/events", headers=OWNER)
    assert answer.status == 200
    for one in (*streams, answer):
        one.close()


async def test_a_user_whom_a_proxy_names_with_all_streams_leaves_some_to_others(
    start: Start,
) -> None:
    service = await start(
        user=USER,
        require_auth=True,
        trust_user_header="X-Remote-User",
        trust_user_right="view",
        trust_from=peers("127.0.0.1"),
        max_streams=20,
    )
    users = ["mallory"] * 30 + ["bob", USER]
    streams = [
        await service.client.get("/v1/events", headers={"X-Remote-User": user}) for user in users
    ]
    assert [it.status for it in streams] == [200] * 18 + [503] * 12 + [200] * 2
    for one in streams:
        one.close()


async def test_many_logins_with_a_token_end_no_other(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_ins, "_MAX_SIGN_INS", 5)
    service, token = await _started(start)

    async def log_in(**fields: str) -> str:
        service.client.session.cookie_jar.clear()
        answer = await service.client.post("/ui/login", json=fields, headers=OWN_PAGE)
        assert answer.status == 200
        [cookie] = answer.cookies.values()
        service.client.session.cookie_jar.clear()
        return f"{cookie.key}={cookie.value}"

    cookie = await log_in(user=USER, token=TOKEN)
    for _ in range(8):
        await log_in(token=token)
    answer = await service.client.get("/v1/stats", headers={"Cookie": cookie})
    assert answer.status == 200


def _archive_of(service: Service) -> Archive:
    server = service.client.server
    assert isinstance(server, TestServer)
    archive = server.app[keys.ARCHIVE]
    assert archive is not None
    return archive


async def test_a_client_with_many_figures_leaves_room_to_others(
    start: Start, tmp_path: Path
) -> None:
    service, token = await _started(start, statedir=tmp_path)
    archive = _archive_of(service)
    async with archive.figures_turn.held():
        asked = [
            asyncio.ensure_future(service.client.get(FIGURES, headers=_guest(token)))
            for _ in range(100)
        ]
        for _, done in zip(range(84), asyncio.as_completed(asked), strict=False):
            assert (await done).status == 503
        other = asyncio.ensure_future(service.client.get(FIGURES, headers=OWNER))
        await asyncio.wait([other], timeout=0.5)
        assert not other.done()
    assert (await other).status == 200
    assert sorted(it.status for it in await asyncio.gather(*asked)) == [200] * 16 + [503] * 84


async def test_the_figures_of_another_client_come_next(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, token = await _started(start, statedir=tmp_path)
    archive = _archive_of(service)
    computed: list[str | None] = []

    def compute(_: Any, query: FiguresQuery) -> dict[str, Any]:
        computed.append(query.by)
        return {}

    turns, asked_for = archive.figures_turn, asyncio.Semaphore(0)
    take = turns.take

    def noted() -> Awaitable[str]:
        asked_for.release()
        return take()

    monkeypatch.setattr(history, "read_figures", compute)
    monkeypatch.setattr(turns, "take", noted)
    held = await take()
    asked = [
        asyncio.ensure_future(service.client.get(f"{FIGURES}?by=name", headers=_guest(token)))
        for _ in range(9)
    ]
    for _ in asked:
        await asked_for.acquire()
    asked.append(asyncio.ensure_future(service.client.get(f"{FIGURES}?by=user", headers=OWNER)))
    await asked_for.acquire()
    turns.give_back(held)
    assert {it.status for it in await asyncio.gather(*asked)} == {200}
    # Another one may have begun to wait before it.
    assert computed.index("user") <= 2
