"""Clients that request pages and leave: nobody works for them any longer."""

from __future__ import annotations

import asyncio
import gc
import weakref
from functools import partial
from typing import Any

import pytest

from fluxapi.http import endpoints
from fluxapi.process.timeslice import TimeSlice, stop_after_client
from fluxapi.web import docs, slices
from fluxapi.web.slices import text_of

from .wire import PATIENCE_S, connect, serving


async def test_a_page_is_not_rendered_for_a_client_that_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = asyncio.Event()
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def render(*args: Any) -> str:
        begun.set()
        try:
            text = await text_of(*args)
        except ConnectionResetError:
            ended.set_result("stopped")
            raise
        ended.set_result("rendered")
        return text

    monkeypatch.setattr(docs, "text_of", render)
    monkeypatch.setattr(slices, "TimeSlice", partial(TimeSlice, 0))
    async with serving() as port:
        async with connect(port) as wire:
            await wire.send(b"GET /docs/reference HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await begun.wait()
        assert await asyncio.wait_for(ended, PATIENCE_S) == "stopped"


async def test_a_request_is_freed_without_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks: list[weakref.ref[Any]] = []

    def note(has_left: Any) -> None:
        tasks.append(weakref.ref(asyncio.current_task()))
        stop_after_client(has_left)

    monkeypatch.setattr(endpoints, "stop_after_client", note)
    gc.disable()
    try:
        async with serving() as port, connect(port) as wire:
            for _ in range(3):
                await wire.send(b"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = await wire.answer()
                assert answer is not None
                assert answer.status == 200
            # The last one may not be done yet.
            assert [task() for task in tasks[:2]] == [None, None]
    finally:
        gc.enable()


async def test_only_the_task_of_the_request_ends() -> None:
    async def loop() -> str:
        await TimeSlice(0).share()
        return "done"

    async def request() -> str:
        stop_after_client(lambda: True)
        # It may work for others, too.
        assert await asyncio.create_task(loop()) == "done"
        return await loop()

    with pytest.raises(ConnectionResetError):
        await asyncio.create_task(request())
    assert await loop() == "done"
