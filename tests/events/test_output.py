"""Viewers of output and the watch that they share, without sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fluxapi.errors import InstanceUnavailable, JobNotFound
from fluxapi.events.buffer import EventBuffer
from fluxapi.events.cursor import new_epoch
from fluxapi.events.event_log import EventLog
from fluxapi.events.heartbeat import BOOKMARK_INTERVAL_S, Heartbeat
from fluxapi.events.hub import Hub
from fluxapi.events.output import viewer as output_viewer
from fluxapi.events.output.entries import encode_entry
from fluxapi.events.output.watch import Watch
from fluxapi.events.slow_consumer_reaper import STALL_TIMEOUT_S, SlowConsumerReaper
from fluxapi.events.transport.wire import OutputText, ServerSentEvents
from fluxapi.model.eventlog import Event
from fluxapi.model.output import OutputBatch, written
from fluxapi.table.table import Table

from .output_place import JOB, NDJSON, TIMEOUT, Place


def data(text: str, index: int = 1, **context: Any) -> dict[str, Any]:
    event = Event(1.0, "data", {"stream": "stdout", "rank": "0", "data": text, **context})
    body: dict[str, Any] = json.loads(b"{" + encode_entry(index, event).body)
    return body


def test_an_entry_says_where_it_is_and_what_was_written_when() -> None:
    assert data("hi\n", 7) == {
        "index": 7,
        "timestamp": 1.0,
        "stream": "stdout",
        "rank": "0",
        "data": "hi\n",
    }


def test_entries_other_than_data_have_a_name() -> None:
    event = Event(2.0, "redirect", {"stream": "stderr", "rank": "0", "path": "/x"})
    body = json.loads(b"{" + encode_entry(1, event).body)
    assert (body["name"], body["stream"], body["path"]) == ("redirect", "stderr", "/x")


def test_an_entry_cannot_pass_for_another() -> None:
    event = Event(2.0, "log", {"index": 99, "sub": "x", "type": "end", "message": "m"})
    body = json.loads(b"{" + encode_entry(3, event).body)
    assert body == {"index": 3, "timestamp": 2.0, "name": "log", "message": "m"}


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"data": "a"}, b"a"),
        ({"data": "/w==", "encoding": "base64"}, b"\xff"),
        ({"data": "ab", "repeat": 3}, b"ababab"),
        ({"data": "ab", "repeat": 10**12}, b"ab"),
        ({"eof": True}, b""),
    ],
)
def test_the_bytes_of_an_entry(context: dict[str, Any], expected: bytes) -> None:
    assert written(context) == expected


@pytest.mark.parametrize(("exact", "expected"), [(True, b"\xff"), (False, "\ufffd".encode())])
def test_text_is_text_and_bytes_are_bytes(*, exact: bool, expected: bytes) -> None:
    body = json.dumps(data("/w==", encoding="base64")).encode()[1:]
    assert OutputText(chunked=False, exact=exact).frame("output", b"", body) == expected


async def test_history_then_live_then_the_end(place: Place) -> None:
    place.write("old\n")
    reader = place.view()
    await reader.until("old\n")
    place.write("new\n")
    await reader.until("new\n")
    place.finish()
    assert await reader.end() == "finished"
    assert reader.indexes == [1, 2]


async def test_ten_viewers_make_one_watch(place: Place) -> None:
    place.write("a\n", "b\n")
    readers = [place.view() for _ in range(10)]
    place.finish()
    assert {await reader.end() for reader in readers} == {"finished"}
    assert [reader.text for reader in readers] == ["a\nb\n"] * 10
    assert place.instance.watches[JOB] == 1


async def test_the_watch_ends_with_its_last_viewer(place: Place) -> None:
    readers = [place.view(), place.view()]
    await asyncio.wait_for(place.instance.until_watched(JOB, 1), TIMEOUT)
    readers[0].stop()
    place.write("still\n")
    await readers[1].until("still\n")
    readers[1].stop()
    await asyncio.wait_for(place.instance.until_watched(JOB, 0), TIMEOUT)


async def test_a_viewer_that_left_gets_nothing(place: Place) -> None:
    reader, other = place.view(), place.view()
    reader.stop()
    place.finish()
    assert await other.end() == "no-output"
    assert not reader.ended.done()


async def test_only_one_stream(place: Place) -> None:
    place.write("out\n")
    place.write("err\n", stream="stderr")
    reader = place.view(stream="stderr")
    place.finish()
    await reader.end()
    assert reader.text == "err\n"


@pytest.mark.parametrize(("tail", "text"), [(0, ""), (1, "c\n"), (2, "b\nc\n"), (9, "a\nb\nc\n")])
@pytest.mark.parametrize("is_watched", [False, True])
async def test_tail(place: Place, tail: int, text: str, *, is_watched: bool) -> None:
    place.write("a\n", "b\n", "c\n")
    if is_watched:
        await place.view(tail=3).until("c\n")
    place.write("x\n", stream="stderr")
    reader = place.view(tail=tail, stream="stdout")
    await asyncio.wait_for(_nothing_waits(place), TIMEOUT)
    place.finish()
    assert await reader.end() == "finished"
    assert reader.text == text
    # The window tells where the tail begins.
    assert place.instance.reads[JOB] == 0


@pytest.mark.parametrize(("interval", "count"), [(0.0, 2), (1e9, 1)])
async def test_a_search_reports_its_progress_and_its_early_end(
    place: Place, monkeypatch: pytest.MonkeyPatch, interval: float, count: int
) -> None:
    async def search(*_: Any, **options: Any) -> AsyncIterator[OutputBatch]:
        if options.get("follow"):
            yield OutputBatch(9, [])
            return
        yield OutputBatch(8, [], searched=500)
        yield OutputBatch(9, [], searched=1000, cut=True)

    monkeypatch.setattr(output_viewer, "_PROGRESS_INTERVAL_S", interval)
    monkeypatch.setattr(Watch, "tail", lambda *_: None)
    monkeypatch.setattr(place.instance, "output", search)
    reader = place.view(tail=2, stream="stderr")
    text = place.view(OutputText(chunked=False), tail=2, stream="stderr")
    await reader.end()
    await text.end()
    found = [message for message in reader.messages if message["type"] == "progress"]
    assert len(found) == count
    assert (found[-1]["searched"], found[-1]["cut"]) == (1000, True)
    assert b"only the last 1000 bytes of the output were searched" in text.line.data


async def _nothing_waits(place: Place) -> None:
    """Wait until a new viewer has got everything; earlier viewers have, too, by then."""
    place.instance.feed(JOB, {"stream": "stderr", "data": "now\n"})
    last = place.view()
    await last.until("now\n")
    last.stop()


async def test_tail_0_is_only_what_comes(place: Place) -> None:
    place.write("old\n")
    reader = place.view(tail=0)
    await asyncio.wait_for(_nothing_waits(place), TIMEOUT)
    place.write("new\n")
    await reader.until("new\n")
    assert "old" not in reader.text


@pytest.mark.parametrize(("first", "indexes"), [(0, [1, 2, 3]), (2, [2, 3]), (4, []), (99, [])])
async def test_from_an_index_on(place: Place, first: int, indexes: list[int]) -> None:
    place.write("a\n", "b\n", "c\n")
    place.finish()
    reader = place.view(first=first)
    assert await reader.end() == "finished"
    assert reader.indexes == indexes


async def test_server_sent_events_have_the_index_as_id(place: Place) -> None:
    place.write("a\n")
    place.finish()
    reader = place.view(ServerSentEvents(chunked=False))
    await reader.end()
    assert reader.line.data.startswith(b"id: 1\nevent: output\ndata: {")


async def test_a_job_that_never_wrote_has_no_output(place: Place) -> None:
    reader = place.view()
    place.finish()
    assert await reader.end() == "no-output"


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (InstanceUnavailable("The broker is away."), ("lost", "The broker is away.")),
        (JobNotFound("There is no such job."), ("purged", "")),
        (RuntimeError("a bug"), ("failed", "")),
    ],
)
async def test_a_failure_ends_every_viewer(
    place: Place, error: Exception, end: tuple[str, str]
) -> None:
    place.write("a\n")
    readers = [place.view(), place.view()]
    for reader in readers:
        await reader.until("a\n")
    place.finish(error)
    assert [await asyncio.wait_for(reader.ended, TIMEOUT) for reader in readers] == [end, end]
    assert not place.outputs.writers


async def test_a_job_that_is_forgotten_meanwhile(place: Place) -> None:
    place.write("a\n")
    reader = place.view()
    await reader.until("a\n")
    place.table.ids.clear()
    place.finish()
    assert await reader.end() == "purged"


async def test_after_a_loss_the_next_viewer_tries_again(place: Place) -> None:
    reader = place.view()
    slow = place.view()
    slow.writer.pause_writing()
    place.finish(InstanceUnavailable("The broker is away."))
    assert await reader.end() == "lost"
    place.instance._broken.clear()
    place.write("again\n")
    await place.view().until("again\n")
    slow.writer.resume_writing()
    assert await slow.end() == "lost"


async def test_a_lost_connection_takes_its_viewer_along(place: Place) -> None:
    reader = place.view()
    reader.writer.pause_writing()
    await asyncio.wait_for(place.instance.until_watched(JOB, 1), TIMEOUT)
    reader.writer.connection_lost(None)
    await asyncio.wait_for(place.instance.until_watched(JOB, 0), TIMEOUT)
    assert not place.outputs.writers


async def test_a_heartbeat_is_a_comment_of_server_sent_events(place: Place) -> None:
    readers = [place.view(wire) for wire in (ServerSentEvents(chunked=False), NDJSON)]
    place.outputs.beat()
    assert [reader.line.data for reader in readers] == [b": \n\n", b""]


async def test_a_full_socket_gets_no_heartbeat(place: Place) -> None:
    reader = place.view(ServerSentEvents(chunked=False))
    reader.writer.pause_writing()
    place.outputs.beat()
    assert reader.line.data == b""


async def test_a_viewer_that_takes_nothing_is_disconnected(place: Place) -> None:
    reaper = SlowConsumerReaper(place.outputs)
    stuck, fine = place.view(), place.view()
    stuck.writer.pause_writing()
    for second in range(int(STALL_TIMEOUT_S)):
        reaper.check(float(second))
    assert not stuck.ended.done()
    reaper.check(STALL_TIMEOUT_S)
    assert await stuck.end() == "stalled"
    assert not fine.ended.done()


async def test_each_viewer_gets_a_heartbeat_per_interval(place: Place) -> None:
    heartbeat = Heartbeat(Hub(Table(), EventLog(EventBuffer(new_epoch("0" * 8)))), place.outputs)
    reader = place.view(ServerSentEvents(chunked=False))
    for _ in range(2 * BOOKMARK_INTERVAL_S):
        list(heartbeat.beat())
    assert reader.line.data == b": \n\n" * 2


@pytest.mark.parametrize("text", ["f99", "nonsense", "x" * 100])
async def test_an_unknown_job_is_not_found(place: Place, text: str) -> None:
    with pytest.raises(JobNotFound):
        place.outputs.find(text)


async def test_a_known_job_is_found_in_any_form(place: Place) -> None:
    assert place.outputs.find(hex(JOB)) == JOB
