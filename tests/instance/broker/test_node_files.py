"""Files on the nodes of a real Flux, read through the brokers there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fluxapi.errors import FluxRefused
from fluxapi.instance.broker import BrokerInstance, node_files
from fluxapi.process.file_piece import MAX_PIECE_BYTES, Piece, Wanted, read_piece
from tests.running import needs_flux

pytestmark = needs_flux


@pytest.fixture
async def instance(flux_uri: str) -> AsyncIterator[BrokerInstance]:
    instance = BrokerInstance(flux_uri)
    await instance.start()
    yield instance
    await instance.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "out ü 'quoted'"
    path.write_bytes(bytes(range(256)) * 8192)
    return path


def wanted(path: Path | str, offset: int = 0, length: int = MAX_PIECE_BYTES) -> Wanted:
    return Wanted(str(path), os.geteuid(), offset, length, "")


@pytest.mark.parametrize("rank", [0, 3])
async def test_a_node_reads_what_the_service_would(
    instance: BrokerInstance, path: Path, rank: int
) -> None:
    for offset, length in ((0, MAX_PIECE_BYTES), (77, 3), (2_000_000, MAX_PIECE_BYTES), (0, 0)):
        asked = wanted(path, offset, length)
        piece = await instance.read_file(rank, asked)
        assert piece == read_piece(asked)
        assert not piece.problem


async def test_a_node_refuses_what_the_service_would(
    instance: BrokerInstance, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for name in ("pipe", "link", "none", "."):
        asked = wanted(tmp_path / name)
        assert await instance.read_file(1, asked) == read_piece(asked)
    assert (await instance.read_file(1, wanted("/proc/self/environ"))).problem


async def test_a_rank_that_does_not_exist(instance: BrokerInstance, path: Path) -> None:
    assert (await instance.read_file(99, wanted(path))).problem


async def test_a_node_without_python_says_so(
    instance: BrokerInstance, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_files, "_SHELL", "echo no python here >&2; exit 1")
    piece = await instance.read_file(0, wanted(path))
    assert piece.problem.endswith("has failed: no python here.")


async def test_flux_brings_a_python_where_there_is_no_other(
    instance: BrokerInstance, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_files, "_SHELL", 'exec flux python -I -S -c "$0" "$@"')
    assert (await instance.read_file(0, wanted(path, 0, 3))).data == b"\0\1\2"


async def test_a_node_that_does_not_answer_is_not_waited_for(
    flux_uri: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_files, "_SHELL", "exec sleep 600")
    instance = BrokerInstance(flux_uri, rpc_timeout=2)
    await instance.start()
    try:
        piece = await instance.read_file(2, wanted(path))
        assert piece == Piece("failed", "Its node has not answered in time.")
        monkeypatch.undo()
        assert (await instance.read_file(2, wanted(path, 0, 1))).data == b"\0"
    finally:
        await instance.close()


async def test_a_broker_that_refuses_is_no_error(
    instance: BrokerInstance, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: object) -> Piece:
        raise FluxRefused("Request requires owner credentials")

    monkeypatch.setattr(node_files._Process, "run", refuse)
    piece = await instance.read_file(0, wanted(path))
    assert (piece.kind, piece.data) == ("refused", b"")
