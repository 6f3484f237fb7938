"""The output eventlog of a job (RFC 24), as far as it goes or followed to its end.

``job-info.eventlog-watch`` (flux-core, src/modules/job-info/guest_watch.c) finds an eventlog that
the job's shell writes wherever it is: in the guest namespace of a running job, which it waits for,
or in the main one afterwards. It sends each entry by itself, about 25,000 a second.

``kvs-watch.lookup`` (src/modules/kvs-watch/kvs-watch.c) with FLUX_KVS_STREAM sends what is there as
it is stored, many entries in a response, and so takes a twentieth of that. The guest directory of a
running job is a link to its namespace (RFC 16), which the lookup follows.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterator

import msgspec

from fluxapi.errors import FluxRefused, NotFound
from fluxapi.model.eventlog import Event, decode_eventlog

from .calls import Stream
from .rpc import RpcThread

__all__ = ["follow", "so_far"]

Batches = AsyncGenerator[list[Event], None]

_TO_THE_END = 0
_INITIAL_SENTINEL = 2
_KVS_STREAM = 512
_KVS_TOPIC = b"kvs-watch.lookup"
_LINES = 1024
"""Entries of a batch at most: nobody waits long while they are decoded."""
_OUTPUT = "guest.output"
_SHELL = "guest.exec.eventlog"
_TOPIC = b"job-info.eventlog-watch"


class _Entry(msgspec.Struct):
    event: str


class _Value(msgspec.Struct):
    """A treeobj of type val (RFC 11): msgspec decodes the base64."""

    data: bytes


class _Found(msgspec.Struct):
    val: _Value


_entry_decoder = msgspec.json.Decoder(_Entry)
_found_decoder = msgspec.json.Decoder(_Found)


async def so_far(rpc: RpcThread, jobid: int) -> Batches:
    """What a job that has begun wrote until now."""
    begun = False
    try:
        async with contextlib.aclosing(_stored(rpc, jobid)) as batches:
            async for batch in batches:
                begun = True
                yield batch
    except FluxRefused:
        # Of a Flux that cannot send it so; or the namespace was just being moved.
        if begun:
            raise
        async with contextlib.aclosing(_watch(rpc, jobid, _OUTPUT, _INITIAL_SENTINEL)) as batches:
            async for batch in batches:
                yield batch


async def _stored(rpc: RpcThread, jobid: int) -> Batches:
    """The eventlog from the KVS in batches, nothing when it does not exist.

    As in :func:`_watch`, a slow reader begins the lookup anew, without what it has read.
    """
    payload = msgspec.json.encode(
        {"key": _key(jobid), "namespace": "primary", "flags": _KVS_STREAM}
    )
    seen = 0
    while True:
        stream = Stream(_KVS_TOPIC, payload, jobid=jobid, skip=seen)
        rpc.stream(stream)
        try:
            while (responses := await stream.next_batch()) is not None:
                for response in responses:
                    seen += 1
                    for text in _cut(_found_decoder.decode(response).val.data):
                        yield decode_eventlog(text)
        except NotFound:
            return
        finally:
            rpc.cancel(stream)
        if not stream.overflowed:
            return


def _key(jobid: int) -> str:
    """The name of the output eventlog in the primary namespace (RFC 16)."""
    digits = f"{jobid:016x}"
    return ".".join(["job", *(digits[at : at + 4] for at in range(0, 16, 4)), _OUTPUT])


def _cut(text: bytes) -> Iterator[bytes]:
    """Whole lines, not too many at once: a job's shell appends whole entries."""
    lines = text.split(b"\n")
    for at in range(0, len(lines), _LINES):
        yield b"\n".join(lines[at : at + _LINES])


async def follow(rpc: RpcThread, jobid: int) -> Batches:
    """What a job writes, to its end; waits for a job that has not begun."""
    begun = False
    async with contextlib.aclosing(_watch(rpc, jobid, _OUTPUT, _TO_THE_END)) as batches:
        async for batch in batches:
            begun = True
            yield batch
    if begun or not await _has_initialized(rpc, jobid):
        return
    # The shell had not made the eventlog yet. (To have Flux wait for its creation would wait
    # forever where a job ends before.)
    async with contextlib.aclosing(_watch(rpc, jobid, _OUTPUT, _TO_THE_END)) as batches:
        async for batch in batches:
            yield batch


async def _has_initialized(rpc: RpcThread, jobid: int) -> bool:
    """Wait until the job's shell has made the output eventlog; false if it ended before."""
    async with contextlib.aclosing(_watch(rpc, jobid, _SHELL, _TO_THE_END)) as batches:
        async for batch in batches:
            if any(event.name == "shell.init" for event in batch):
                return True
    return False


async def _watch(rpc: RpcThread, jobid: int, path: str, flags: int) -> Batches:
    """One eventlog in batches, nothing when it does not exist.

    A reader that is slower than the job loses nothing and costs no more memory than one stream may
    hold: the watch is then given up and begun anew, without what was read. (Flux has no way to
    begin in the middle, so it sends that again.)
    """
    payload = msgspec.json.encode({"id": jobid, "path": path, "flags": flags})
    seen = 0
    while True:
        stream = Stream(_TOPIC, payload, jobid=jobid, skip=seen)
        async with contextlib.aclosing(_batches(rpc, stream)) as batches:
            async for batch in batches:
                seen += len(batch)
                yield batch
        if not stream.overflowed:
            return


async def _batches(rpc: RpcThread, stream: Stream) -> Batches:
    """The entries of one watch, to its end or the sentinel of what there was at first."""
    rpc.stream(stream)
    try:
        while (batch := await stream.next_batch()) is not None:
            # Each response holds one entry; an empty one is the sentinel.
            entries = [_entry_decoder.decode(payload).event for payload in batch if payload]
            yield decode_eventlog("".join(entries))
            if len(entries) < len(batch):
                return
    except NotFound:
        # The caller knows that the job exists: it has no such eventlog (yet).
        return
    finally:
        rpc.cancel(stream)
