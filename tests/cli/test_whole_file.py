"""Files that a command writes, which take the place of others only once they are complete."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fluxapi.cli.exit_codes import Failure
from fluxapi.cli.whole_file import write_whole


async def pieces(*given: bytes | Exception) -> AsyncIterator[bytes]:
    for piece in given:
        if isinstance(piece, Exception):
            raise piece
        yield piece


def names(folder: Path) -> list[str]:
    return [it.name for it in folder.iterdir()]


async def test_a_file_takes_its_name_once_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "file"
    await write_whole(str(path), pieces(b"old"))
    for missing in (pieces(RuntimeError()), pieces(b"new", RuntimeError())):
        with pytest.raises(RuntimeError):
            await write_whole(str(path), missing)
        assert path.read_bytes() == b"old"
    await write_whole(str(path), pieces(b"new", b"er"))
    assert path.read_bytes() == b"newer"
    await write_whole(str(path), pieces())
    assert path.read_bytes() == b""
    assert names(tmp_path) == ["file"]


async def test_a_private_file_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch(0o600)
    await write_whole(str(path), pieces(b"new"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"new"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
async def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.chown(path, 12345, 23456)
    await write_whole(str(path), pieces(b"new"))
    found = path.stat()
    assert (found.st_uid, found.st_gid) == (12345, 23456)


async def test_a_link_stays(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    link = tmp_path / "link"
    link.symlink_to("folder/file")
    for content in (b"first", b"second"):
        await write_whole(str(link), pieces(content))
        assert link.is_symlink()
        assert (folder / "file").read_bytes() == content
    assert names(folder) == ["file"]


async def test_a_named_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    await write_whole(str(pipe), pieces(b"one", b"two"))
    assert pipe.is_fifo()
    reader.join()
    assert found == [b"onetwo"]


@pytest.mark.parametrize("place", ["/dev/full", "{folder}/none/file", "{folder}"])
async def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, place: str) -> None:
    path = place.format(folder=tmp_path)
    with pytest.raises(Failure, match=path):
        await write_whole(path, pieces(b"content"))
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.EIO])
async def test_a_disk_without_room_for_another_file_costs_no_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    opened = Path.open

    def without_room(it: Path, mode: str = "r", **options: Any) -> Any:
        if mode == "xb":
            raise OSError(number, os.strerror(number), str(it))
        return opened(it, mode, **options)

    monkeypatch.setattr(Path, "open", without_room)
    with pytest.raises(Failure, match=os.strerror(number)):
        await write_whole(str(path), pieces(b"new"))
    assert path.read_bytes() == b"old"
