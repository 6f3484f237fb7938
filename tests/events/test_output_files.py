"""Files that receive output, as sources of entries: whole, the tail, from any byte, live."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.errors import InstanceUnavailable, OutputChanged
from fluxapi.events.output import file_reader, file_source
from fluxapi.events.output import hub as hub_module
from fluxapi.events.output.entries import encode_entry, since
from fluxapi.events.output.file_reader import FileAccess
from fluxapi.events.output.hub import OutputHub
from fluxapi.events.output.viewer import Selection
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import Lines, OutputText
from fluxapi.instance.protocol import Last
from fluxapi.model.eventlog import Event
from fluxapi.model.output import file_base, source_of
from fluxapi.model.output_data import data_context
from fluxapi.process.file_piece import Piece, Wanted, read_piece
from fluxapi.process.replaced_threads import ReplacedThreads
from fluxapi.table.table import Table

from .output_files import HARD, JOB, Follower, Writer, bytes_of, notice_of, to_file
from .output_place import Line

pytestmark = pytest.mark.usefixtures("quick_files")

TIMEOUT = 30.0


@given(
    data=st.binary(max_size=400) | st.just(HARD),
    cut=st.integers(0, 400),
    size=st.integers(4, 50),
    by_line=st.booleans(),
)
def test_entries_hold_all_bytes(data: bytes, cut: int, size: int, by_line: bool) -> None:
    entries = file_source._entries
    whole, old = b"", file_source._ENTRY_BYTES
    file_source._ENTRY_BYTES = size
    try:
        at = 0
        while at < len(data):
            piece = data[at : at + max(cut, 4)]
            more = at + len(piece) < len(data)
            found = list(entries(piece, by_line=by_line, more=more))
            assert all(0 < len(part) <= size for part in found)
            whole += b"".join(found)
            assert len(whole) > at
            at = len(whole)
    finally:
        file_source._ENTRY_BYTES = old
    assert whole == data


def test_a_character_is_not_cut() -> None:
    data = "🥞".encode() * 40_000
    parts = list(file_source._entries(data, by_line=False, more=False))
    assert len(parts) > 1
    assert all(part.decode() for part in parts)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 8, 1000])
@pytest.mark.parametrize("end", [b"", b"\n"])
async def test_the_tail_is_that_of_the_file(writer: Writer, count: int, end: bytes) -> None:
    data = b"".join(b"line %d \xff\n" % n for n in range(9)) + b"last" + end
    (writer.folder / "out").write_bytes(data)
    source = await writer.source()
    found = await bytes_of(source.output(JOB, last=Last(count, lines=True)))
    assert found == b"".join(data.splitlines(keepends=True)[-count:] if count else [])


async def test_a_tail_is_bounded(writer: Writer) -> None:
    (writer.folder / "out").write_bytes(b"x" * 100_000)
    source = await writer.source()
    assert len(await bytes_of(source.output(JOB, last=Last(9, size=1000)))) == 1000


async def test_a_sparse_file_costs_no_more_than_what_is_read(writer: Writer) -> None:
    with (writer.folder / "out").open("wb") as file:
        file.truncate(10 << 30)
        file.seek(10 << 30)
        file.write(b"\nend\n")
    source = await writer.source()
    found = await bytes_of(source.output(JOB, last=Last(1, size=1 << 20)))
    assert found == b"end\n"
    read = 0
    async for batch in source.output(JOB):
        read += len(batch)
        if read > 20:
            break


@pytest.mark.parametrize("follow", [False, True])
async def test_a_reader_that_is_not_read_keeps_a_small_piece(
    follow: bool, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (writer.folder / "out").open("wb") as file:
        file.truncate(4 << 20)
    pieces: list[int] = []
    read = read_piece

    def noted(wanted: Wanted) -> Piece:
        piece = read(wanted)
        pieces.append(len(piece.data))
        return piece

    monkeypatch.setattr(file_reader, "read_piece", noted)
    source = await writer.source()
    async with aclosing(source.output(JOB, follow=follow)) as batches:
        await anext(batches)
        await anext(batches)
    assert 0 < max(pieces) <= 128 << 10


@pytest.mark.parametrize("offset", [0, 1, 3, 4, len(HARD) - 1, len(HARD)])
async def test_it_is_read_from_any_byte(writer: Writer, offset: int) -> None:
    (writer.folder / "out").write_bytes(HARD)
    source = await writer.source()
    first = source.base + 1 + offset
    assert await bytes_of(source.output(JOB, first=first)) == HARD[offset:]


async def test_indexes_ascend_and_name_their_source(writer: Writer) -> None:
    (writer.folder / "out").write_bytes(HARD * 9000)
    source = await writer.source()
    indexes = [batch.first async for batch in source.output(JOB)]
    assert indexes == sorted(set(indexes))
    assert {source_of(index) for index in indexes} == {1}
    assert indexes[0] == source.base == file_base(1)
    assert indexes[-1] == source.base + len(HARD) * 9000
    assert file_base(1024) + (1 << 42) < 1 << 53


async def test_a_growing_file_is_read_as_far_as_it_goes(writer: Writer) -> None:
    path = writer.folder / "out"
    path.write_bytes(b"x" * 3_000_000)
    source = await writer.source()
    size = 0
    async for batch in source.output(JOB):
        with path.open("ab") as file:
            file.write(b"more" * 100_000)
        size += len(batch.events) and len(str((batch.events[0].context or {}).get("data", "")))
    assert size == 3_000_000


@pytest.fixture
async def hub(writer: Writer) -> AsyncIterator[OutputHub]:
    hub = OutputHub(cast("Any", writer), cast("Table", writer.table), writer.files)
    yield hub
    await hub.aclose()


async def test_a_file_is_followed_to_the_end_of_the_job(writer: Writer, hub: OutputHub) -> None:
    follower = Follower(hub)
    with (writer.folder / "out").open("ab", buffering=0) as file:
        for text in (b"one\n", b"tw", b"o\xff", b"\xe2\x80", b"\xa8\n"):
            file.write(text)
            await follower.until(text)
        file.write(b"end")
    writer.end()
    assert (await follower.end())[0] == "finished"
    assert follower.line.data == (writer.folder / "out").read_bytes()


async def test_all_followers_share_one_reader(
    writer: Writer, hub: OutputHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    (writer.folder / "out").write_bytes(b"begin\n")
    reads = 0

    def counted(wanted: Any) -> Piece:
        nonlocal reads
        reads += 1
        return read_piece(wanted)

    followers = [Follower(hub) for _ in range(200)]
    for follower in followers:
        await follower.until(b"begin\n")
    monkeypatch.setattr(file_reader, "read_piece", counted)
    with (writer.folder / "out").open("ab") as file:
        file.write(b"x" * 500_000 + b"end\n")
    for follower in followers:
        await follower.until(b"end\n")
    # One watch reads the pieces, and looks for more now and then; not every follower does.
    assert reads < 200
    writer.end()
    for follower in followers:
        assert (await follower.end())[0] == "finished"
        assert len(follower.line.data) == 500_010


async def test_followers_that_leave_end_the_reader(writer: Writer, hub: OutputHub) -> None:
    (writer.folder / "out").write_bytes(b"begin\n")
    followers = [Follower(hub) for _ in range(3)]
    for follower in followers:
        await follower.until(b"begin\n")
    for follower in followers:
        follower.stop()
    await hub.aclose()
    assert not hub.writers
    assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("output ")]


async def test_a_follower_that_comes_late_gets_all(writer: Writer, hub: OutputHub) -> None:
    path = writer.folder / "out"
    early = Follower(hub)
    with path.open("ab", buffering=0) as file:
        for n in range(40):
            file.write(b"%d" % n * 40_000)
            file.write(b"\n%d-\n" % n)
            await early.until(b"\n%d-\n" % n)
        late, tail = Follower(hub), Follower(hub, tail=1)
        file.write(b"end\n")
        for follower in (early, late, tail):
            await follower.until(b"end\n")
    writer.end()
    for follower in (early, late):
        await follower.end()
        assert follower.line.data == path.read_bytes()
    assert tail.line.data.startswith((b"39-\n", b"end\n"))


@pytest.mark.parametrize("how", ["truncate", "replace", "delete", "link", "fifo"])
async def test_a_file_that_changes_under_its_followers(
    writer: Writer, hub: OutputHub, how: str
) -> None:
    path = writer.folder / "out"
    path.write_bytes(b"begin\n")
    follower = Follower(hub)
    await follower.until(b"begin\n")
    if how == "truncate":
        path.write_bytes(b"")
    else:
        path.unlink()
    if how == "replace":
        path.write_bytes(b"another file\n")
    elif how == "link":
        path.symlink_to("/etc/passwd")
    elif how == "fifo":
        os.mkfifo(path)
    reason, detail = await follower.end()
    assert reason == "changed"
    assert str(path) in detail
    assert follower.line.data == b"begin\n"


async def test_a_file_that_is_truncated_while_it_is_sent(writer: Writer) -> None:
    path = writer.folder / "out"
    path.write_bytes(b"x" * 3_000_000)
    batches = (await writer.source()).output(JOB)
    await anext(batches)
    await anext(batches)
    path.write_bytes(b"")
    with pytest.raises(OutputChanged, match="It has become shorter"):
        await bytes_of(batches)


async def test_a_file_that_comes_late_is_waited_for(writer: Writer, hub: OutputHub) -> None:
    (writer.folder / "out").unlink()
    sleep = asyncio.sleep

    async def appear(seconds: float) -> None:
        (writer.folder / "out").write_bytes(b"late\n")
        await sleep(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", appear)
        follower = Follower(hub)
        await follower.until(b"late\n")


async def test_an_unreadable_file_is_said(writer: Writer, hub: OutputHub) -> None:
    (writer.folder / "out").unlink()
    (writer.folder / "out").mkdir()
    notice = await notice_of((await writer.source()).output(JOB))
    assert notice["unread"] == "It is a directory."
    assert notice["streams"] == ["stdout", "stderr"]
    follower = Follower(hub)
    writer.end()
    assert (await follower.end())[0] == "finished"


async def test_a_file_system_that_does_not_answer(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any) -> Piece:
        raise asyncio.TimeoutError

    source = await writer.source()
    monkeypatch.setattr(ReplacedThreads, "run", silent)
    assert (await notice_of(source.output(JOB)))["unread"] == "Its file system does not answer."


async def test_a_file_that_cannot_be_read_for_now_may_be_read_again(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (writer.folder / "out").write_bytes(b"x" * 100)
    batches = (await writer.source()).output(JOB)
    await anext(batches)
    monkeypatch.setattr(file_reader, "read_piece", lambda _: Piece("failed", "Stale file handle."))
    with pytest.raises(InstanceUnavailable, match="Stale file handle"):
        await bytes_of(batches)


async def test_redirects_that_have_not_come_are_waited_for(tmp_path: Path) -> None:
    writer = Writer(tmp_path, stdout=to_file("a"), stderr=to_file("b"))
    assert await writer.files.sources(JOB, None, may_read=True) is None
    writer.redirect("a", "stdout")
    assert await writer.files.sources(JOB, None, may_read=True) is None
    writer.redirect("b", "stderr")
    found = await writer.files.sources(JOB, None, may_read=True) or []
    assert [(source.number, source.stream) for source in found] == [(1, "stdout"), (2, "stderr")]
    (only,) = await writer.files.sources(JOB, "stderr", may_read=True) or []
    assert (only.number, only.file.path) == (2, str(tmp_path / "b"))


async def test_a_job_that_writes_no_file_has_none(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    writer.entries.append(Event(1.0, "data", {"stream": "stdout", "data": "x"}))
    assert await writer.files.sources(JOB, None, may_read=True) == []


@pytest.mark.parametrize("position", range(11))
def test_an_entry_is_cut_to_what_a_reader_lacks(position: int) -> None:
    text = "ab\u00e9\nxyz\u2028"
    data, base = text.encode(), file_base(2)
    event = Event(1.0, "data", data_context("stdout", "0-3", data))
    entry = encode_entry(base + len(data), event)
    cut = since(entry, base + 1 + position)
    wire = OutputText(chunked=False, exact=True)
    assert wire.frame("output", b"", cut.body) == data[position:]
    assert (cut.index, cut.stream) == (entry.index, "stdout")


def test_an_entry_of_the_eventlog_is_never_cut() -> None:
    entry = encode_entry(5, Event(1.0, "data", data_context("stdout", 0, b"abc")))
    assert since(entry, 5) is entry


async def test_a_viewer_without_the_right_gets_names_only(writer: Writer, hub: OutputHub) -> None:
    (writer.folder / "out").write_bytes(b"a secret\n")
    line = Line()
    hub.view(JOB, Selection(), StreamWriter(line), Lines(chunked=False), lambda *_: None)
    while b'"unread"' not in line.data:
        line.news.clear()
        await asyncio.wait_for(line.news.wait(), TIMEOUT)
    assert b"secret" not in line.data
    assert b"needs the scope submit" in line.data


async def test_files_beyond_those_that_a_stream_follows_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_MAX_FILES", 1)
    writer = Writer(tmp_path, stdout=to_file("out"), stderr=to_file("err"))
    for name, stream in (("out", "stdout"), ("err", "stderr")):
        writer.redirect(name, stream)
        (tmp_path / name).write_bytes(f"text of {name}\n".encode())
    hub = OutputHub(cast("Any", writer), cast("Table", writer.table), writer.files)
    line, ended = Line(), asyncio.Event()
    wire = Lines(chunked=False)
    hub.view(JOB, Selection(files=True), StreamWriter(line), wire, lambda *_: ended.set())
    writer.end()
    await asyncio.wait_for(ended.wait(), TIMEOUT)
    assert b"text of out" in line.data
    assert b"text of err" not in line.data
    assert b"follows 1 of the 2 files of the job" in line.data
    # A viewer of that stream alone gets its file.
    only, over = Line(), asyncio.Event()
    hub.view(
        JOB, Selection(files=True, stream="stderr"), StreamWriter(only), wire, lambda *_: over.set()
    )
    await asyncio.wait_for(over.wait(), TIMEOUT)
    assert b"text of err" in only.data
    await hub.aclose()


def test_the_threads_of_an_access_are_its_own() -> None:
    one, other = FileAccess.of(0, object()), FileAccess.of(0, object())
    assert one.threads is not other.threads
    assert one.nodes is None
