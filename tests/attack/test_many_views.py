"""Thousands of outputs that are followed, and whose readers leave at once: each costs itself."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import WSMessage, WSMsgType

from fluxapi.events.channel import websocket
from fluxapi.events.output.viewer import Selection
from fluxapi.events.transport.connections import Connections
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.process.admission import AdmissionLimiter
from fluxapi.process.cancellations import Cancellations
from tests.events.output_place import JOB, NDJSON, Line, Place

from .passes import Passes

MANY = 300


class Unlooked(dict[Any, Any]):
    """A dictionary whose members are found by their keys only."""

    def values(self) -> Any:
        raise AssertionError("It looks at all of them.")

    items = __iter__ = values


@pytest.fixture
async def place() -> Place:
    return Place()


async def passes(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_the_ends_of_many_tasks_take_many_passes() -> None:
    counted, canceled = Passes(), Cancellations()
    tasks = [asyncio.create_task(asyncio.Event().wait()) for _ in range(MANY)]
    await asyncio.sleep(0)
    for task in tasks:
        task.add_done_callback(counted.note)
        canceled.add(cast("asyncio.Task[None]", task))
    await canceled.wait()
    assert all(task.cancelled() for task in tasks)
    assert counted.most <= 32


def _ignore(reason: str, detail: str = "") -> None:
    pass


async def test_a_view_that_begins_or_ends_looks_at_no_other(place: Place) -> None:
    place.outputs._watches = Unlooked()
    writer = StreamWriter(Line())
    stops = [
        place.outputs.view(job, Selection(), writer, NDJSON, _ignore) for job in range(JOB, JOB + 9)
    ]
    assert len(place.outputs._watches) == 9
    for stop in stops:
        stop()
    assert not len(place.outputs._watches)
    await place.outputs.aclose()


async def test_a_view_that_has_ended_writes_nothing_though_its_tasks_go_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = place.view()
    place.write("one\n")
    await reader.until("one\n")
    held: list[asyncio.Task[None]] = []
    monkeypatch.setattr(place.outputs._canceled, "add", held.append)
    other = place.view()
    await other.until("one\n")
    reader.stop()
    place.write("two\n")
    await other.until("two\n")
    await passes(10)
    assert reader.text == "one\n"
    other.stop()
    for task in held:
        task.cancel()


async def test_a_view_is_freed_when_it_ends(place: Place) -> None:
    gc.collect()
    gc.disable()
    try:
        reader = place.view()
        place.write("one\n")
        await reader.until("one\n")
        (watch,) = place.outputs._watches.values()
        kept: list[weakref.ref[Any]] = [weakref.ref(watch)]
        del watch
        (held,) = place.outputs.writers.values()
        kept += [weakref.ref(viewer) for viewer in held[0].viewers]
        held = []
        reader.stop()
        del reader
        await place.outputs._canceled.wait()
        await passes(5)
        assert [ref() for ref in kept] == [None, None]
    finally:
        gc.enable()


class Messages:
    """A WebSocket on which messages have arrived."""

    compress = 0

    def __init__(self, *texts: str) -> None:
        self._left = [WSMessage(WSMsgType.TEXT, text, None) for text in texts]

    async def receive(self) -> WSMessage:
        return self._left.pop() if self._left else WSMessage(WSMsgType.CLOSED, None, None)


@pytest.mark.parametrize(("size", "most"), [(9, 16), (websocket._LONG_CHARS, 1)])
async def test_messages_on_many_sockets_are_answered_a_few_at_a_time(
    size: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, turns = Passes(), AdmissionLimiter()
    monkeypatch.setattr(websocket._Socket, "_take", counted.note)
    none: Any = SimpleNamespace()
    sockets = []
    for _ in range(MANY):
        messages: Any = Messages("x" * size)
        writer = StreamWriter(Line())
        sockets.append(websocket._Socket(messages, writer, none, none, none, base="", files=False))
    await asyncio.gather(*(socket.run(turns) for socket in sockets))
    assert sum(counted.done.values()) == MANY
    assert counted.most <= most


async def test_few_connections_that_are_lost_end_in_one_pass() -> None:
    counted, connections = Passes(), Connections(MANY)
    ends: list[Callable[[], Awaitable[None]]] = []
    for _ in range(MANY):
        writer = StreamWriter(Line())
        writer.lost = True

        async def end(writer: StreamWriter = writer) -> None:
            await connections.left(writer)
            counted.note()

        ends.append(end)
    await asyncio.gather(*(end() for end in ends))
    assert counted.most <= 4
