"""The window of output that the viewers of a watch share."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from fluxapi.events.output import watch
from fluxapi.events.output.entries import PIECE_BYTES
from fluxapi.events.output.viewer import Selection
from fluxapi.events.output.watch import Watch, Windows
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.table.table import Table

from .output_place import JOB, NDJSON, TIMEOUT, Line, Place


@pytest.fixture
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_MAX_ENTRIES", 16)


def numbered(first: int, last: int) -> list[str]:
    return [f"{number}\n" for number in range(first, last)]


@pytest.mark.usefixtures("small_window")
async def test_entries_before_the_window_are_read_again(place: Place) -> None:
    place.write(*numbered(0, 1000))
    first = place.view()
    await first.until("999\n")
    late = place.view()
    place.finish()
    assert (await first.end(), await late.end()) == ("finished", "finished")
    assert first.text == late.text == "".join(numbered(0, 1000))


@pytest.mark.usefixtures("small_window")
async def test_a_slow_viewer_holds_nobody_up_and_loses_nothing(place: Place) -> None:
    slow, fast = place.view(), place.view()
    place.write("begin\n")
    await slow.until("begin\n")
    slow.writer.pause_writing()
    for start in range(0, 1000, 10):
        place.write(*numbered(start, start + 10))
    await fast.until("999\n")
    assert slow.text == "begin\n"
    slow.writer.resume_writing()
    place.finish()
    assert (await slow.end(), await fast.end()) == ("finished", "finished")
    assert slow.text == fast.text == "begin\n" + "".join(numbered(0, 1000))


@pytest.mark.usefixtures("small_window")
async def test_one_that_has_caught_up_shares_the_watch_again(place: Place) -> None:
    place.write(*numbered(0, 100))
    first = place.view()
    await first.until("99\n")
    late = place.view()
    await late.until("99\n")
    await asyncio.wait_for(place.instance.until_watched(JOB, 1), TIMEOUT)
    place.write("live\n")
    await late.until("live\n")
    assert place.instance.watched[JOB] == 1


async def test_the_window_is_bounded(place: Place) -> None:
    reader = place.view()
    text = "x" * 1000
    place.write(*[text] * 2000, "last\n")
    await reader.until("last\n")
    (shared,) = place.outputs._watches.values()
    assert sum(len(entry.body) for entry in shared.entries) <= watch.WINDOW_BYTES
    assert shared.next - shared.first == len(shared.entries)


async def test_many_windows_share_what_there_is(place: Place) -> None:
    watches = [
        place.outputs.view(n, Selection(), StreamWriter(Line()), NDJSON, _ignore)
        for n in range(200)
    ]
    limits = {shared.windows.limit for shared in place.outputs._watches.values()}
    assert limits == {(64 << 20) // 200}
    for stop in watches:
        stop()
    assert not place.outputs._watches


def _ignore(reason: str, detail: str = "") -> None:
    pass


async def test_one_entry_larger_than_the_window_comes_through(place: Place) -> None:
    reader = place.view()
    place.write("x" * (watch.WINDOW_BYTES + PIECE_BYTES), "after\n")
    await reader.until("after\n")
    place.finish()
    assert await reader.end() == "finished"


async def test_the_window_is_cut_where_it_may_be(place: Place) -> None:
    shared = Watch(place.instance, cast("Table", place.table), JOB)
    shared.windows = cast("Windows", SimpleNamespace(limit=2000))
    place.write(*["y" * 100] * 50)
    place.finish()
    shared.start()
    while shared.end is None:
        await shared.changed()
    assert 1 < len(shared.entries) < 10
    assert shared.entries[-1].index == shared.next - 1
