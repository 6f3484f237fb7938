"""Nodes of nested instances, which answer as they like."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from fluxapi.instance.broker import node_files
from fluxapi.instance.broker.node_files import NodeFiles
from fluxapi.process.file_piece import Piece, Wanted
from fluxapi.process.turn_queue import current_client, work_for


class Rpc:
    def cancel(self, _stream: object) -> None:
        pass


@pytest.mark.parametrize(("length", "data"), [(2, b"ab"), (0, b""), (-3, b"")])
async def test_no_more_of_a_file_is_taken_than_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, length: int, data: bytes
) -> None:
    async def run(_: object) -> Piece:
        return Piece(size=5, data=b"abcdefgh")

    monkeypatch.setattr(node_files._Process, "run", run)
    files = NodeFiles(cast("Any", Rpc()), 10.0)
    piece = await files.read(0, Wanted("/file", 0, 0, length, ""))
    assert piece == Piece(size=5, data=data)


async def test_files_that_are_not_read_in_time_delay_no_other_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[str] = []

    async def run(_: object) -> Piece:
        begun.append(current_client())
        if begun[-1] == "of many":
            await asyncio.Event().wait()
        return Piece(size=1, data=b"a")

    async def read(client: str) -> Piece:
        work_for(client)
        return await files.read(0, Wanted("/file", 0, 0, 1, ""))

    monkeypatch.setattr(node_files._Process, "run", run)
    files = NodeFiles(cast("Any", Rpc()), 60.0)
    many = [asyncio.create_task(read("of many")) for _ in range(20)]
    while not begun:  # noqa: ASYNC110 - one pass of the loop each
        await asyncio.sleep(0)
    try:
        assert await asyncio.wait_for(asyncio.create_task(read("another")), 5)
        assert begun.count("of many") < 4
    finally:
        for one in many:
            one.cancel()
        await asyncio.gather(*many, return_exceptions=True)
