"""Webhooks by the client: created, listed, tested, rotated and removed."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from fluxapi.client import AsyncClient, Client, Conflict, Invalid, NotFound
from tests.handlers.fake import FakeInstance
from tests.webhooks.receiver import receiving

from .conftest import Serve


async def test_the_life_of_a_webhook(serve: Serve, instance: FakeInstance) -> None:
    url = await serve(instance, webhook_allow=("127.0.0.1",))
    async with receiving() as receiver, AsyncClient(url) as flux:
        made = await flux.create_webhook(
            receiver.url, name="mine", kinds=["job"], filter={"event": ["clean"]}
        )
        assert made.secret not in repr(made)
        assert made.kept is False
        assert await flux.webhooks() == [made.webhook]
        assert await flux.webhook("mine") == made.webhook
        tested = await flux.check_webhook("mine")
        assert (tested.delivered, tested.status) == (True, 204)
        rotated = await flux.rotate_webhook("mine")
        assert rotated.secret != made.secret
        assert (await flux.enable_webhook("mine")).enabled
        assert await flux.dead_letters("mine") == []
        assert await flux.retry_webhook("mine") == 0
        with pytest.raises(Conflict, match="mine"):
            await flux.create_webhook(receiver.url, name="mine")
        with pytest.raises(Invalid, match="not a public address"):
            await flux.create_webhook("https://10.0.0.1/")
        assert (await flux.remove_webhook(made.webhook.id)).name == "mine"
        with pytest.raises(NotFound):
            await flux.webhook("mine")


async def test_dead_letters_are_paged(
    serve: Serve, instance: FakeInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.client.methods.webhooks._PAGE_SIZE", 2)
    url = await serve(instance, webhook_allow=("127.0.0.1",))
    async with receiving() as receiver, AsyncClient(url) as flux:

        async def gone(_request: web.Request) -> web.Response:
            return web.Response(status=410)

        receiver.answer = gone
        await flux.create_webhook(receiver.url, name="mine")
        await flux.submit("true")
        while len(letters := await flux.dead_letters("mine")) < 4:
            pass
        numbers = [it.number for it in letters]
        assert numbers == sorted(numbers, reverse=True)
        assert (await flux.webhook("mine")).enabled is False
        await flux.enable_webhook("mine")
        receiver.answer = None
        assert await flux.retry_webhook("mine", numbers[:1]) == 1
        assert await flux.retry_webhook("mine") == 3


async def test_the_synchronous_client(serve: Serve, instance: FakeInstance) -> None:
    url = await serve(instance, webhook_allow=("127.0.0.1",))

    def run() -> None:
        with Client(url) as flux:
            made = flux.create_webhook("https://hooks.example.org/x", name="mine")
            assert flux.webhooks() == [made.webhook]

    await asyncio.to_thread(run)
