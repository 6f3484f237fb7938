"""Reads eventlogs through ``job-info``, which guests may use, but which serves one at a time.

``job-info.eventlog-watch`` (flux-core, src/modules/job-info/guest_watch.c) finds an eventlog that
the job's shell writes: in the guest namespace of a running job, for which it waits, or in the
primary namespace later. It sends each entry separately, about 25,000 per second, from the first
one on, and answers no other lookups meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable

import msgspec

from fluxapi.errors import NotFound
from fluxapi.model.eventlog import Event
from fluxapi.model.output import Last, OutputBatch, Tail, decode_entry
from fluxapi.process.timeout import within
from fluxapi.process.timeslice import TimeSlice

from .calls import Stream
from .streams import Streams

__all__ = ["MAX_SILENCE_S", "decode_each", "follow", "has_started", "so_far"]

Batches = AsyncGenerator[OutputBatch, None]

MAX_SILENCE_S = 60.0
"""Time without news after which a watch begins anew: when Flux loads kvs-watch again, it drops the
watches of others without an answer."""

_TO_THE_END = 0
_INITIAL_SENTINEL = 2
_OUTPUT = "guest.output"
_SHELL = "guest.exec.eventlog"
_MAIN = "eventlog"
_TOPIC = b"job-info.eventlog-watch"


class _Entry(msgspec.Struct):
    event: str


_entry_decoder = msgspec.json.Decoder(_Entry)


async def so_far(streams: Streams, jobid: int, first: int, last: Last | None) -> Batches:
    """Yield the present output of a job that has started."""
    tail = Tail(last) if last is not None else None
    async with contextlib.aclosing(_watch(streams, jobid, _OUTPUT, _INITIAL_SENTINEL)) as batches:
        async for batch in batches:
            if tail is not None:
                tail.take(batch)
            elif batch.next > first:
                yield _from(batch, first)
    if tail is not None:
        for batch in tail.batches():
            yield batch


async def follow(streams: Streams, jobid: int, first: int) -> Batches:
    """Yield the output of a job from an index to its end; wait for a job that has not started."""
    begun = False
    async with contextlib.aclosing(_watch(streams, jobid, _OUTPUT, _TO_THE_END)) as batches:
        async for batch in batches:
            begun = True
            if batch.next > first:
                yield _from(batch, first)
    if begun or not await _has(streams, jobid, _SHELL, "shell.init"):
        return
    # The shell had not created the eventlog yet. (Flux can wait for its creation, but would wait
    # forever if the job ends before.)
    async with contextlib.aclosing(_watch(streams, jobid, _OUTPUT, _TO_THE_END)) as batches:
        async for batch in batches:
            if batch.next > first:
                yield _from(batch, first)


async def has_started(streams: Streams, jobid: int) -> bool:
    """Wait until the shells of a job have started; return false if the job ended before.

    Only the job manager writes the events that tell this. A job may write a line into the eventlog
    of its shell that ``job-info`` cannot send, after which it sends nothing, not even the end.
    """
    return await _has(streams, jobid, _MAIN, "start")


async def _has(streams: Streams, jobid: int, path: str, name: str) -> bool:
    """Wait for an event of this name; return false if the job ended without it."""
    watch = _watch(streams, jobid, path, _TO_THE_END, MAX_SILENCE_S)
    async with contextlib.aclosing(watch) as batches:
        async for batch in batches:
            if any(event.name == name for event in batch):
                return True
    return False


def _from(batch: OutputBatch, first: int) -> OutputBatch:
    skipped = max(first - batch.first, 0)
    return OutputBatch(batch.first + skipped, batch.events[skipped:]) if skipped else batch


async def _watch(
    streams: Streams, jobid: int, path: str, flags: int, silence: float | None = None
) -> Batches:
    """Yield one eventlog in batches, or nothing if it does not exist.

    A reader that is slower than the job loses no entries and needs no more memory than the limit of
    one stream, and all readers no more than that of all streams: beyond a limit the watch restarts
    and skips the entries that were read. (Flux cannot start in the middle, so it sends them again.)
    A watch of a short eventlog also restarts after *silence*.
    """
    payload = msgspec.json.encode({"id": jobid, "path": path, "flags": flags})
    seen = 0
    while True:
        stream = Stream(_TOPIC, payload, jobid=jobid, skip=seen)
        try:
            with streams.open(stream):
                async for batch in _batches(stream, seen, silence):
                    seen = batch.next
                    yield batch
        except asyncio.TimeoutError:
            continue
        except NotFound:
            # The caller knows that the job exists, so it has no such eventlog (yet).
            return
        if not stream.overflowed:
            return


async def _batches(stream: Stream, first: int, silence: float | None) -> Batches:
    """Yield the entries of one watch, to its end or to the sentinel after the initial entries."""
    while (payloads := await within(silence, stream.next_batch())) is not None:
        # Each response contains one entry; an empty one is the sentinel.
        entries = [_entry_decoder.decode(payload).event for payload in payloads if payload]
        lines = "".join(entries).encode("utf-8", "replace").split(b"\n")
        events = await decode_each([line for line in lines if line])
        if events:
            yield OutputBatch(first, events)
        first += len(events)
        if len(entries) < len(payloads):
            return


async def decode_each(lines: Iterable[bytes], turn: TimeSlice | None = None) -> list[Event]:
    """Decode the entries of an output eventlog, in time slices: each may be invalid, and slow."""
    turn = turn or TimeSlice()
    events: list[Event] = []
    for line in lines:
        await turn.share()
        events.append(decode_entry(line))
    return events
