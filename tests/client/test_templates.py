"""The methods of the client for templates."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fluxapi.client import AsyncClient, Client, NotFound
from tests.handlers.fake import FakeInstance

from .conftest import Serve


async def test_the_life_of_a_template(serve: Serve, instance: FakeInstance, tmp_path: Path) -> None:
    async with AsyncClient(await serve(instance, statedir=tmp_path)) as flux:
        entry = await flux.save_template("a b", {"command": ["true"]}, description="x", copies=2)
        assert await flux.templates() == [entry]
        found = await flux.template("a b")
        assert (found.job, found.copies, found.cc) == ({"command": ["true"]}, 2, None)
        assert await flux.delete_template("a b") == entry
        with pytest.raises(NotFound):
            await flux.template("a b")


async def test_the_synchronous_client(serve: Serve, instance: FakeInstance, tmp_path: Path) -> None:
    url = await serve(instance, statedir=tmp_path)

    def run() -> None:
        with Client(url) as flux:
            entry = flux.save_template("a", {"command": ["true"]}, cc="0-3")
            assert flux.templates() == [entry]

    await asyncio.to_thread(run)


async def test_a_job_is_checked(serve: Serve, instance: FakeInstance) -> None:
    async with AsyncClient(await serve(instance)) as flux:
        found = await flux.check({"command": ["true"], "queue": "nope"})
        assert (found.valid, found.size["tasks"]) == (True, 1)
        (finding,) = found.findings
        assert (finding.pointer, finding.outcome) == ("/queue", "refused")
        assert (finding.code, finding.params["queue"]) == ("unknown_queue", "nope")
        assert (await flux.check({"command": []})).errors[0][0] == "/command"
    assert instance.submitted == []
