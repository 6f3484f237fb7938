"""Outputs of few bytes that stand for many lines, entries or bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest

from fluxapi.events.output.entries import encode_entry
from fluxapi.events.output.tails import Tails
from fluxapi.events.output.viewer import Selection, Viewer
from fluxapi.events.output.watch import Watch
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import OutputText
from fluxapi.handlers import output_forms as forms
from fluxapi.instance.broker import eventlogs
from fluxapi.instance.broker.output import OutputReader
from fluxapi.model.eventlog import Event
from fluxapi.model.output import Last, OutputBatch
from fluxapi.model.output_lines import LineReader, Part
from fluxapi.process.admission import AdmissionLimiter
from tests.instance.broker.test_output import JOB, Kvs, entry, reader

ENTRIES = 20_000
REPEAT = 1 << 20

Form = Callable[[forms.Search], AsyncIterator[bytes]]

FORMS: dict[str, Form] = {
    "document": lambda source: forms.document(source, "f1", None, None),
    "tail": lambda source: forms.document(source, "f1", None, 3),
    "text": lambda source: forms.text(source, None, None),
    "bytes": lambda source: forms.written_bytes(source, None, None),
    "entries": lambda source: forms.entries(source, None, None),
    "labeled lines": lambda source: forms.labeled_lines(source, "f1", None, None),
    "labeled entries": lambda source: forms.labeled_entries(source, "f1", None, None),
}


def repeated(data: str) -> Event:
    return Event(1.0, "data", {"stream": "stdout", "rank": "0", "data": data, "repeat": REPEAT})


async def batches(*events: Event) -> AsyncIterator[OutputBatch]:
    yield OutputBatch(0, list(events))


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("data", ["\n", "x"], ids=["lines", "bytes"])
async def test_a_repeated_entry_is_sent_in_pieces(name: str, data: str) -> None:
    source = forms.Search(batches(*[repeated(data)] * 4))
    async for piece in FORMS[name](source):
        assert len(piece) <= REPEAT * (3 if name == "tail" else 1) + (1 << 17)


@pytest.mark.parametrize("data", ["\n", "x"], ids=["lines", "bytes"])
def test_lines_are_made_in_steps(data: str) -> None:
    event = Event(1.0, "data", {"stream": "stdout", "rank": "0", "data": data * REPEAT})
    lines = forms.Lines()
    for part in lines.parts([event]):
        assert len(part) <= forms._STEP_BYTES + 1
    assert sum(map(len, lines.end())) in {0, REPEAT}


def test_unfinished_lines_of_very_many_tasks_are_bounded_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forms, "_MAX_UNFINISHED_BYTES", 1000)
    lines = forms.Lines()
    for rank in range(99):
        context = {"stream": "stdout", "rank": f"{rank}", "data": "x", "repeat": 60}
        lines.take([Event(1.0, "data", context)])
    assert 900 < sum(map(len, lines.end())) <= 1000
    piece = [Event(1.0, "data", {"stream": "stdout", "rank": "0", "data": "x" * 600})]
    assert [lines.take(piece), lines.take(piece)] == [[], [b"x" * 1200]]


async def test_unfinished_lines_are_sent_in_pieces() -> None:
    writers = [
        Event(1.0, "data", {"stream": "stdout", "rank": f"{rank}", "data": "x"})
        for rank in range(ENTRIES)
    ]
    pieces = [piece async for piece in forms.text(forms.Search(batches(*writers)), None, ENTRIES)]
    assert b"".join(pieces) == b"x" * ENTRIES
    assert max(map(len, pieces)) <= forms._MAX_EVENTS


def test_unfinished_lines_of_other_tasks_are_passed_over_one_by_one() -> None:
    lines = LineReader()
    for rank in range(99):
        entry = Event(1.0, "data", {"stream": "stdout", "rank": f"{rank}", "data": "x"})
        assert not list(lines.take(rank, entry, None))
    found = list(lines.rest(Part(task=7)))
    assert len(found) == 99
    assert [line.rank for line in found if line is not None] == ["7"]


@pytest.mark.parametrize("line", [b"", b"{}", b"[" * 9], ids=["empty", "object", "open"])
@pytest.mark.parametrize("last", [None, Last(ENTRIES)], ids=["all", "tail"])
async def test_very_small_entries_are_decoded_in_steps(
    line: bytes, last: Last | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = 0

    class Slice:
        async def share(self) -> None:
            nonlocal shares
            shares += 1

    for module in ("eventlogs", "output"):
        monkeypatch.setattr(f"fluxapi.instance.broker.{module}.TimeSlice", Slice)
    found: OutputReader = reader(Kvs((line + b"\n") * ENTRIES))
    count = 0
    async for batch in found.so_far(JOB, last=last):
        count += len(batch)
    assert count
    assert shares >= count


async def test_each_entry_of_a_guest_is_decoded_in_steps() -> None:
    assert len(await eventlogs.decode_each([b""] * ENTRIES)) == ENTRIES


async def test_small_entries_are_encoded_in_small_batches() -> None:
    source = forms.Search(batches(*[entry("x\n")] * ENTRIES))
    found = [batch async for batch in source]
    assert max(map(len, found)) <= forms._MAX_EVENTS
    assert [batch.first for batch in found] == list(range(0, ENTRIES, forms._MAX_EVENTS))


class Writer:
    """Records the size of each write."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def write(self, data: bytes) -> None:
        self.sizes.append(len(data))

    async def drained(self) -> None:
        """Have room."""


async def test_a_viewer_writes_repeated_entries_one_by_one() -> None:
    writer = Writer()
    viewer = Viewer(
        cast("Watch", None),
        Selection(),
        0,
        cast("StreamWriter", writer),
        OutputText(),
        tails=Tails().reader(),
        mark=lambda _: b"",
        resumed=AdmissionLimiter(),
    )
    await viewer._write([encode_entry(index, repeated("x")) for index in range(8)])
    assert len(writer.sizes) == 8
    assert max(writer.sizes) <= REPEAT + 64
    assert viewer._position == 8
