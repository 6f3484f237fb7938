"""Clients that read whole past outputs slowly: few bytes are kept for all of them."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fluxapi.archive import stored_records
from fluxapi.archive.outputs import stored_output
from fluxapi.archive.stored_output import OutputState, StoredOutput
from fluxapi.events.output.tails import Tails
from fluxapi.handlers import output_forms as forms
from fluxapi.model.eventlog import Event, encode_event
from fluxapi.process import kept_bytes
from fluxapi.process.kept_bytes import Kept, KeptBytes
from tests.archive.test_handlers import Site
from tests.handlers.conftest import Start, start

__all__ = ["start"]

LINES = 1000


def whole() -> StoredOutput:
    """Return an output of about a megabyte, as the history stores it."""
    entries = [
        Event(1.0, "data", {"stream": "stdout", "rank": "0", "data": f"{number:999}\n"})
        for number in range(LINES)
    ]
    return StoredOutput([(0, b"".join(encode_event(entry) + b"\n" for entry in entries))])


def test_entries_are_decoded_in_pieces_and_kept_no_more() -> None:
    output = whole()
    size = output.size
    drained = output.drain()
    _, first = next(drained)
    assert output.size == 0
    assert first < 40_000
    pieces = [first, *(part for _, part in drained)]
    assert sum(pieces) == size
    assert len(pieces) > 20
    batches = list(whole().batches())
    assert [batch.first for batch in batches[1:]] == [batch.next for batch in batches[:-1]]
    assert batches[-1].next == LINES


def test_the_entry_in_place_of_those_left_out_has_the_next_index() -> None:
    first, text = whole().head[0]
    cut = StoredOutput([(first, text)], [(LINES * 2, text)], omitted=1000)
    [gap] = [batch for batch in cut.batches() if batch.gap]
    assert gap.first == LINES
    assert sum(len(batch) for batch in cut.batches()) == 2 * LINES + 1


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_bytes, "_LOOK_INTERVAL_S", 0.0)


@pytest.mark.usefixtures("looks")
@pytest.mark.parametrize("form", [forms.text, forms.written_bytes, forms.entries])
async def test_readers_of_nothing_give_way(form: Any) -> None:
    tails = Tails(max_bytes=3 << 20)
    ended: list[int] = []
    held = []
    for number in range(6):
        reader = tails.reader("slow", partial(ended.append, number), kind="past")
        found = stored_output(whole(), sending=reader.sending)
        pieces = form(forms.Search(found, reader=reader), None, None)
        assert await anext(pieces)
        held.append(pieces)
    for _ in range(50):
        await asyncio.sleep(0)
    assert ended[:3] == [0, 1, 2]
    assert len(ended) < 6
    for pieces in held:
        await pieces.aclose()


async def test_the_unread_part_of_a_past_output_is_counted(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(await start(statedir=tmp_path))
    await site.fill()

    async def read(*_: object) -> tuple[OutputState, StoredOutput]:
        return OutputState.STORED, whole()

    counted: list[int] = []
    add = KeptBytes.add

    def note(self: KeptBytes, kept: Kept, reader: Any) -> None:
        counted.append(kept.size)
        add(self, kept, reader)

    monkeypatch.setattr(stored_records, "read_output", read)
    monkeypatch.setattr(KeptBytes, "add", note)
    headers = {"Accept": "text/plain"}
    async with site.service.client.get(f"/v1/jobs/{site.purged}/output", headers=headers) as answer:
        text = await answer.text()
    assert text.count("\n") == LINES
    assert whole().size in counted
