"""Nodes of nested instances, which answer as they like."""

from __future__ import annotations

from typing import Any, cast

import pytest

from fluxapi.instance.broker import node_files
from fluxapi.instance.broker.node_files import NodeFiles
from fluxapi.process.file_piece import Piece, Wanted


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
