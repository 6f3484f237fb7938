"""The output log of a job, read from any entry on and from its end."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fluxapi.instance.embedded import log_reader
from fluxapi.instance.embedded.log_reader import LogReader
from fluxapi.instance.embedded.output import OutputLog
from fluxapi.model.eventlog import Event
from fluxapi.model.output import Last, OutputBatch
from fluxapi.model.output_data import data_context

from .harness import Site, shell

ENTRIES = 2000
Indexed = list[tuple[int, str]]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "_BLOCK_SHIFT", 10)
    monkeypatch.setattr(log_reader, "_PIECE_BYTES", 1 << 9)
    monkeypatch.setattr(log_reader, "_DECODED_BYTES", 1 << 9)


class Written:
    """A log of which a part is in its file, and what was loaded of that."""

    def __init__(self, folder: Path, keep: int = 1 << 16) -> None:
        self.log = OutputLog(folder / "log.jsonl", keep)
        self.loaded = 0

    def write(self, count: int) -> None:
        chosen = random.Random(count)  # noqa: S311 - the same each time
        for number in range(count):
            stream = chosen.choice(["stdout", "stderr"])
            text = f"{number}\n".rjust(chosen.randrange(1, 200))
            self.log.write("data", data_context(stream, 0, text.encode()))

    def flush(self) -> None:
        data = self.log.take()
        with self.log.path.open("ab") as file:
            file.write(data)
        self.log.put(len(data))

    async def _load(self, log: OutputLog, offset: int, size: int) -> bytes:
        with log.path.open("rb") as file:
            file.seek(offset)
            data = file.read(min(size, log.flushed - offset))
        self.loaded += len(data)
        return data

    def reader(self) -> LogReader:
        return LogReader(self.log, self._load)

    async def since(self, first: int) -> Indexed:
        reader = self.reader()
        await reader.begin(first)
        return await rest(reader)

    async def tail(self, last: Last) -> tuple[Indexed, OutputBatch]:
        found: Indexed = []
        batch = OutputBatch(0, [])
        async for batch in self.reader().tail(last):
            found += indexed(batch)
        return found, batch


def indexed(batch: OutputBatch) -> Indexed:
    return list(enumerate(map(text, batch), batch.first))


def text(event: Event) -> str:
    return str((event.context or {}).get("data", event.name)).strip()


async def rest(reader: LogReader) -> Indexed:
    found: Indexed = []
    while (batch := await reader.piece()) is not None:
        found += indexed(batch)
    return found


@pytest.fixture(params=["in its file", "in memory", "in both"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Written:
    written = Written(tmp_path, keep=1 << 12)
    written.write(ENTRIES)
    if request.param != "in memory":
        written.flush()
    if request.param == "in its file":
        written.log.end()
    if request.param == "in both":
        written.log.write("data", data_context("stdout", 0, b"new"))
    return written


@pytest.mark.slow
async def test_an_entry_has_one_index_wherever_a_reader_begins(written: Written) -> None:
    whole = await written.since(0)
    assert [text for _, text in whole][:ENTRIES] == [str(number) for number in range(ENTRIES)]
    indexes = [index for index, _ in whole]
    assert indexes == sorted(set(indexes))
    for at in (0, 1, 7, 500, 1234, len(whole) - 1):
        assert await written.since(whole[at][0]) == whole[at:]
        assert await written.since(whole[at][0] + 1) == whole[at + 1 :]
    assert await written.since(indexes[-1] + 1) == []
    assert await written.since(1 << 60) == []


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 3, 100, ENTRIES * 2])
async def test_the_end_is_that_of_a_reader_from_the_beginning(written: Written, count: int) -> None:
    whole = await written.since(0)
    found, end = await written.tail(Last(count))
    assert found == whole[len(whole) - min(count, len(whole)) :]
    assert not end.cut
    assert end.next > whole[-1][0]


async def test_only_the_end_is_read(tmp_path: Path) -> None:
    written = Written(tmp_path)
    written.write(ENTRIES)
    written.flush()
    written.log.end()
    await written.tail(Last(3))
    assert 0 < written.loaded < written.log.size / 20
    written.loaded = 0
    await written.since((written.log.size // 2 >> 10) << 10)
    assert written.loaded < written.log.size * 0.8


async def test_the_end_of_one_stream(written: Written) -> None:
    found, _ = await written.tail(Last(50, "stderr"))
    whole, _ = await written.tail(Last(ENTRIES, "stderr"))
    assert found == whole[-50:]
    assert len(whole) < ENTRIES


async def test_a_search_is_bounded_and_reports_its_progress(written: Written) -> None:
    progress = [batch.searched async for batch in written.reader().tail(Last(10, "none"))]
    assert progress == sorted(progress)
    assert progress[-1] == written.log.size
    found, end = await written.tail(Last(ENTRIES, search=5000))
    assert end.cut
    assert 5000 <= end.searched < 5000 + 2048
    assert 0 < len(found) < ENTRIES
    found, end = await written.tail(Last(ENTRIES, size=5000))
    assert 0 < len(found) < 10
    assert not end.cut


async def test_a_reader_goes_on_after_the_end(written: Written) -> None:
    reader = written.reader()
    batches = [batch async for batch in reader.tail(Last(1))]
    assert reader.next == batches[-1].next
    if written.log.ended:
        return
    written.write(30)
    assert await rest(reader) == (await written.since(0))[-30:]


@pytest.mark.parametrize("half", [b'{"timestamp":1.0,"na', b"x" * 5000])
async def test_half_an_entry_at_the_end_is_left_out(tmp_path: Path, half: bytes) -> None:
    written = Written(tmp_path)
    written.write(100)
    written.flush()
    with written.log.path.open("ab") as file:
        file.write(half)
    written.log.recover()
    assert len(await written.since(0)) == 100
    found, _ = await written.tail(Last(2))
    assert [text for _, text in found] == ["98", "99"]


@pytest.mark.parametrize("content", [b"", b"\n" * 5000, b"x\n" * 5000, b"x" * 5000, b"\xff\n"])
async def test_a_file_that_a_job_has_written_is_no_error(tmp_path: Path, content: bytes) -> None:
    written = Written(tmp_path)
    written.write(100)
    written.flush()
    written.log.end()
    written.log.path.write_bytes(content)
    whole = await written.since(0)
    found, _ = await written.tail(Last(ENTRIES, size=100_000))
    assert {text for _, text in [*whole, *found]} <= {"invalid"}
    assert len(found) <= 200


async def test_the_end_of_a_long_output_of_a_job(site: Site) -> None:
    jobid = await site.run(shell("seq 1 100000"))
    batches = [batch async for batch in site.instance.output(jobid, last=Last(1, "stdout"))]
    data = [text(event) for batch in batches for event in batch if event.name == "data"]
    assert data[0].endswith("100000")
    assert max(batch.searched for batch in batches) < 1 << 18


async def test_few_entries_are_decoded_at_once_and_each_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "_DECODED_BYTES", 1 << 7)
    monkeypatch.setattr(log_reader, "_MORE_BYTES", 1 << 3)
    monkeypatch.setattr(log_reader, "_BLOCK_SHIFT", 20)
    written = Written(tmp_path)
    # Many entries have more bytes than are decoded at once, and others fewer.
    written.write(1000)
    written.flush()
    reader, sizes, found = written.reader(), [], []
    await reader.begin(0)
    while (piece := await reader.piece()) is not None:
        sizes.append(len(piece))
        found += list(map(text, piece))
    assert [int(it) for it in found if it] == list(range(1000))
    assert max(sizes) <= 2
    assert written.loaded < 8 * written.log.size
