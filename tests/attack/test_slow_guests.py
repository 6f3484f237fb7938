"""Guests of a Flux, who have outputs sent to them, and whose clients read them slowly or not."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any, cast

import msgspec

from fluxapi.instance.broker import eventlogs
from fluxapi.instance.broker.calls import Stream
from fluxapi.instance.broker.rpc import RpcThread
from fluxapi.instance.broker.streams import Streams
from fluxapi.model.eventlog import Event, encode_event

LINE = "x" * 9_999 + "\n"
LINES = 200
PER_BATCH = 10
LIMIT = 4 << 20


class Rpc:
    """Sends the whole output on each stream, as fast as it is received."""

    def __init__(self, count: int = LINES, per_batch: int = PER_BATCH) -> None:
        self.count = count
        self.per_batch = per_batch
        entry = encode_event(Event(1.0, "data", {"stream": "stdout", "data": LINE})) + b"\n"
        self.payload = msgspec.json.encode({"event": entry.decode()})
        self.streams: list[Stream] = []
        self.canceled: list[Stream] = []

    def stream(self, stream: Stream) -> None:
        self.streams.append(stream)
        calls: list[tuple[Callable[[Any], None], Any]] = []

        def post(function: Callable[[Any], None], argument: Any) -> None:
            calls.append((function, argument))

        for number in range(self.count):
            stream.answer(0, 0, self.payload, post)
            if number % self.per_batch == 0:
                stream.handed_over()
        stream.answer(0, errno.ENODATA, b"", post)
        self.deliver(calls)

    def deliver(self, calls: list[tuple[Callable[[Any], None], Any]]) -> None:
        for function, argument in calls:
            function(argument)

    def cancel(self, stream: Stream) -> None:
        self.canceled.append(stream)


class Later(Rpc):
    """Sends a batch in each pass of the event loop."""

    def deliver(self, calls: list[tuple[Callable[[Any], None], Any]]) -> None:
        if calls:
            function, argument = calls[0]
            function(argument)
            asyncio.get_running_loop().call_soon(self.deliver, calls[1:])


async def test_idle_readers_do_not_hold_up_one_that_reads() -> None:
    idle, prompt = Rpc(count=20), Later(per_batch=50)
    streams = Streams(cast("RpcThread", idle), limit=LIMIT)
    held = [eventlogs.so_far(streams, 7, 0, None) for _ in range(60)]
    for batches in held:
        await anext(batches)
    # A batch of the prompt reader has more than what waits for each of the others.
    assert LIMIT - 300_000 < streams._used <= LIMIT
    streams._rpc = cast("RpcThread", prompt)
    found = [len(batch) async for batch in eventlogs.so_far(streams, 8, 0, None)]
    assert sum(found) == LINES
    assert len(prompt.streams) == 1
    for batches in held:
        await batches.aclose()
    assert not streams._used


async def test_output_that_waits_for_slow_readers_is_bounded() -> None:
    rpc = Rpc()
    streams = Streams(cast("RpcThread", rpc), limit=LIMIT)
    begun = [eventlogs.so_far(streams, 7, 0, None) for _ in range(6)]
    first = [await anext(batches) for batches in begun]
    # Each has about two megabytes, and is begun once.
    assert len(rpc.streams) == 6
    waiting = [sum(map(len, batch)) for it in rpc.streams for batch in it._batches]
    assert LIMIT // 2 < sum(waiting) <= LIMIT
    assert any(not stream._batches for stream in rpc.streams)
    # No reader misses anything.
    for batches, batch in zip(begun, first, strict=True):
        index = batch.next
        async for more in batches:
            assert more.first == index
            index = more.next
        assert index == LINES
    assert not streams._used
    assert not streams._waiting


async def test_bytes_of_a_reader_that_has_left_are_free() -> None:
    rpc = Rpc()
    streams = Streams(cast("RpcThread", rpc), limit=LIMIT)
    batches = eventlogs.so_far(streams, 7, 0, None)
    await anext(batches)
    assert streams._used
    await batches.aclose()
    assert rpc.canceled == rpc.streams
    assert not streams._used


async def test_a_stream_that_was_dropped_takes_no_more() -> None:
    stream = Stream(b"a.b", b"{}")
    stream.drop()
    stream._take([b"late"])
    assert await asyncio.wait_for(stream.next_batch(), 5) is None
    assert stream.overflowed
