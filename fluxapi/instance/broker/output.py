"""The output eventlog of a job (RFC 24), as far as it goes or followed to its end.

``job-info.eventlog-watch`` (flux-core, src/modules/job-info/guest_watch.c) finds it wherever it is:
in the guest namespace of a running job, or in the main one afterwards. It waits for a job that has
not begun, so that case is told from the job's own eventlog first.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from fluxapi.errors import NotFound
from fluxapi.model.eventlog import Event, decode_eventlog

from .calls import Stream
from .rpc import RpcThread

__all__ = ["watch"]

_WAITCREATE = 1
_SENTINEL = 2
_TOPIC = b"job-info.eventlog-watch"


class _Entry(msgspec.Struct):
    event: str


_entry_decoder = msgspec.json.Decoder(_Entry)


async def watch(
    rpc: RpcThread, jobid: int, eventlog: str, *, follow: bool
) -> AsyncGenerator[list[Event], None]:
    """The output of a job whose main eventlog is ``eventlog``, in batches.

    A reader that is slower than the job loses nothing and costs no more memory than one stream may
    hold: the watch is then given up and begun anew where it was.
    """
    if not follow and not any(event.name == "start" for event in decode_eventlog(eventlog)):
        return
    seen = 0
    while True:
        payload: dict[str, Any] = {
            "id": jobid,
            "path": "guest.output",
            "flags": _WAITCREATE if follow else _SENTINEL,
        }
        stream = Stream(_TOPIC, msgspec.json.encode(payload), jobid=jobid)
        skip = seen
        async with contextlib.aclosing(_batches(rpc, stream)) as batches:
            async for batch in batches:
                fresh = batch[skip:]
                skip -= len(batch) - len(fresh)
                if fresh:
                    seen += len(fresh)
                    yield fresh
        if not stream.overflowed:
            return


async def _batches(rpc: RpcThread, stream: Stream) -> AsyncGenerator[list[Event], None]:
    """The entries of one watch, to its end or the sentinel of what there was at first."""
    rpc.stream(stream)
    try:
        while (batch := await stream.next_batch()) is not None:
            entries = [_entry_decoder.decode(payload) for payload in batch if payload]
            yield [event for entry in entries for event in decode_eventlog(entry.event)]
            if len(entries) < len(batch):
                return
    except NotFound:
        # The job is known: there is no output (yet).
        return
    finally:
        rpc.cancel(stream)
