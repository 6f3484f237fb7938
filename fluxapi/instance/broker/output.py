"""Reads the output eventlog of a job (RFC 24) from the KVS, in part or live.

``kvs.lookup`` with FLUX_KVS_TREEOBJ (flux-core, src/modules/kvs/kvs.c) lists the blobs of the
eventlog in order, so its tail can be read from the last ones. The guest directory of a running job
is a link to its namespace (RFC 16), which the lookup follows. ``job-info`` is not involved and can
answer other requests.

The index of an entry combines the number of its blob and its place in the blob, so it does not
depend on earlier blobs. Only the instance owner may read blobs; others use :mod:`.eventlogs`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator
from weakref import WeakValueDictionary

import msgspec

from fluxapi.errors import FluxRefused, Forbidden, NotFound
from fluxapi.model.eventlog import Event
from fluxapi.model.output import WEIGHT_BYTES, Last, OutputBatch, decode_entry, is_of, runs_from_end
from fluxapi.process.timeout import within
from fluxapi.process.timeslice import TimeSlice

from . import eventlogs, shell_log
from .blobs import Blobs
from .calls import Stream
from .kvs_lookup import look_up
from .references import References
from .rpc import RpcThread
from .shared_lookups import SharedLookups
from .streams import Streams

__all__ = ["OutputReader"]

_log = logging.getLogger(__name__)

Batches = AsyncGenerator[OutputBatch, None]

_WATCH_TREEOBJ_FULL = 4 | 16 | 64
"""FLUX_KVS_WATCH, _TREEOBJ and _WATCH_FULL: every commit to a namespace is reported."""

_BLOB_SHIFT = 24
"""Bits of an index for the place in a blob."""

_MAX_PLACE = (1 << _BLOB_SHIFT) - 1

_PIECE_BYTES = 64 << 10
"""Bytes that are searched at once, without blocking the event loop for long."""

_DECODED_BYTES = 16 << 10
"""Bytes that are decoded at once. A reader keeps the entries, which may take ten times as much,
until its client has received them.
"""

_DATA_OF = b'"name":"data","context":{"stream":"%b"'
"""The part of an entry that names its stream, as Flux writes it."""

_COUNT_BYTES = 1 << 20
"""Bytes in which newlines are counted at once."""

_MAX_CACHE_BYTES = 32 << 20
"""Bytes of cached lists of references, of jobs that have ended."""

_MAX_AHEAD = 2
"""Blobs that are loaded in advance while the previous one is searched."""

_AHEAD_BYTES = 256 << 10
_MAX_SMALL_AHEAD = 32
"""Blobs that are loaded in advance: as many as have about these bytes together."""

_MAX_SEARCHED_BLOBS = 1 << 18
"""Blobs that are searched for a tail. A job may list millions of empty ones, each of which takes as
long as a small one.
"""

_LOOKUP_SHARE = 20
"""A list is looked up again after this many times the time that the last lookup took."""

_MAX_PAUSE_S = 10.0

_OUTPUT = "guest.output"
"""Name of an output eventlog in the directory of a job (RFC 16)."""


class _Piece:
    """The entries of a part of a blob, which its readers share."""

    __slots__ = ("__weakref__", "events")

    def __init__(self, events: list[Event]) -> None:
        self.events = events


class OutputReader:
    """A reader of the outputs of all jobs of an instance, on its own connection.

    The output may be large, and other responses must not queue behind it.
    """

    def __init__(self, rpc: RpcThread) -> None:
        self._rpc = rpc
        self._streams = Streams(rpc)
        self._blobs = Blobs(rpc)
        self._lookups = SharedLookups(rpc, _OUTPUT)
        self._ended: OrderedDict[int, References] = OrderedDict()
        self._size = 0
        self._refused = False
        self._pieces: WeakValueDictionary[tuple[bytes, int, int], _Piece] = WeakValueDictionary()

    async def close(self) -> None:
        """Cancel the lookups and loads in flight."""
        await self._lookups.close()
        await self._blobs.close()

    async def so_far(
        self, jobid: int, *, first: int = 0, last: Last | None = None, ended: bool = False
    ) -> Batches:
        """Yield the present output of a job that has started; it is complete if *ended*."""
        if not self._refused:
            try:
                references = await self._references(jobid, ended=ended)
            except Forbidden as error:
                self._refused = True
                _log.warning("output is read through job-info, more slowly: %s", error.detail)
        if self._refused:
            batches = eventlogs.so_far(self._streams, jobid, first, last)
        elif last is not None:
            batches = self._tail(references, last)
        else:
            batches = self._from(references, first)
        async with contextlib.aclosing(batches) as found:
            async for batch in found:
                yield batch

    async def follow(
        self, jobid: int, *, first: int = 0, last: Last | None = None, begun: bool
    ) -> Batches:
        """Yield the output of a job to its end; wait for one that has not *begun*."""
        position = first
        if begun:
            async for batch in self.so_far(jobid, first=first, last=last):
                position = batch.next
                if batch.events:
                    yield batch
        yield OutputBatch(position, [])
        if self._refused:
            batches = eventlogs.follow(self._streams, jobid, position)
        else:
            batches = self._live(jobid, position)
        async with contextlib.aclosing(batches) as found:
            async for batch in found:
                yield batch

    async def shell_log(self, jobid: int) -> bytes:
        """Return the eventlog of a job's shell; raise as :func:`.shell_log.joined` does."""
        references = await look_up(self._rpc, jobid, shell_log.NAME)
        async with contextlib.aclosing(self._blobs_from(references, 0)) as blobs:
            return await shell_log.joined(blobs)

    async def _live(self, jobid: int, position: int) -> Batches:
        """Yield the output of a job from *position* to its end."""
        if await eventlogs.has_started(self._streams, jobid):
            # Its namespace exists, and the job writes no more once it is gone.
            async with contextlib.aclosing(self._commits(jobid)) as commits:
                async for _ in commits:
                    asked = time.monotonic()
                    references = await self._references(jobid)
                    pause = (time.monotonic() - asked) * _LOOKUP_SHARE
                    async for batch in self._from(references, position):
                        position = batch.next
                        yield batch
                    if references.size > _PIECE_BYTES:
                        await asyncio.sleep(min(pause, _MAX_PAUSE_S))
        async for batch in self._from(await self._references(jobid), position):
            yield batch

    async def _commits(self, jobid: int) -> AsyncGenerator[None, None]:
        """Yield once at first and after each commit to a job's namespace, until it is removed."""
        payload = msgspec.json.encode(
            {"key": ".", "namespace": f"job-{jobid}", "flags": _WATCH_TREEOBJ_FULL}
        )
        root: int | None = None
        while True:
            stream = Stream(
                b"kvs-watch.lookup", payload, jobid=jobid, cancel_topic=b"kvs-watch.cancel"
            )
            try:
                with self._streams.open(stream):
                    while (
                        batch := await within(eventlogs.MAX_SILENCE_S, stream.next_batch())
                    ) is not None:
                        # The first answer of another watch is usually known.
                        before, root = root, hash(batch[-1])
                        if root != before:
                            yield
            except asyncio.TimeoutError:
                continue
            except (FluxRefused, NotFound):
                return
            if not stream.overflowed:
                return

    async def _references(self, jobid: int, *, ended: bool = False) -> References:
        """Return the blobs of an output, none if it does not exist."""
        kept = self._ended.get(jobid) if ended else None
        if kept is not None:
            self._ended.move_to_end(jobid)
            return kept
        try:
            found = await self._lookups.find(jobid)
        except NotFound:
            return References()
        if ended and len(found) and jobid not in self._ended:
            self._ended[jobid] = found
            self._size += found.size
            while self._size > _MAX_CACHE_BYTES and len(self._ended) > 1:
                self._size -= self._ended.popitem(last=False)[1].size
        return found

    async def _load(self, references: References, number: int) -> bytes:
        if references.inline is not None:
            return references.inline
        return await self._blobs.load(references[number])

    async def _from(self, references: References, first: int) -> Batches:
        """Yield the entries from an index on, and load only their blobs."""
        number, skip = divmod(first, _MAX_PLACE + 1)
        turn = TimeSlice()
        async with contextlib.aclosing(self._blobs_from(references, number)) as blobs:
            async for blob in blobs:
                index = (number << _BLOB_SHIFT) + skip
                name = references.inline or references[number]
                async for begin, end in _pieces(blob, skip, turn):
                    key = (name, begin, end)
                    piece = self._pieces.get(key)
                    if piece is None:
                        piece = _Piece(await _decoded(blob[begin:end], turn))
                        self._pieces[key] = piece
                    rest = ((number + 1) << _BLOB_SHIFT) - index
                    yield OutputBatch(index, piece.events[:rest])
                    index += len(piece.events)
                number, skip = number + 1, 0
                yield OutputBatch(number << _BLOB_SHIFT, [])

    async def _blobs_from(self, references: References, number: int) -> AsyncGenerator[bytes, None]:
        """Yield the blobs from a number on; while they are small, the next ones are loaded, too.

        A job that writes a line now and then has a blob for each line.
        """
        ahead: deque[asyncio.Task[bytes]] = deque()
        most = 1
        try:
            while ahead or number < len(references):
                while number < len(references) and len(ahead) < most:
                    loading = self._load(references, number)
                    ahead.append(asyncio.create_task(loading, name="blob ahead"))
                    number += 1
                blob = await ahead[0]
                yield blob
                ahead.popleft()
                most = min(_AHEAD_BYTES // max(len(blob), 1), 2 * most, _MAX_SMALL_AHEAD) or 1
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _blobs_from_end(self, references: References) -> AsyncGenerator[bytes, None]:
        """Yield the blobs from the last to the first.

        After the first few, the next blobs are loaded in advance.
        """
        ahead: deque[asyncio.Task[bytes]] = deque()
        number = len(references) - 1
        try:
            for taken in range(len(references)):
                while number >= 0 and len(ahead) < max(min(taken, _MAX_AHEAD), 1):
                    loading = self._load(references, number)
                    ahead.append(asyncio.create_task(loading, name="blob ahead"))
                    number -= 1
                yield await ahead[0]
                ahead.popleft()
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _tail(self, references: References, last: Last) -> Batches:
        """Yield the tail of an output, and load only its blobs."""
        runs: list[OutputBatch] = []
        left, room, searched = last.count, last.size, 0
        number = len(references)
        end = max(number - _MAX_SEARCHED_BLOBS, 0)
        turn = TimeSlice()
        async with contextlib.aclosing(self._blobs_from_end(references)) as blobs:
            while number > end and left > 0 and room > 0 and searched < last.search:
                number -= 1
                blob = await anext(blobs)
                found: list[tuple[int, Event]] = []
                async with contextlib.aclosing(_backwards(blob, last.stream)) as lines:
                    async for place, line in lines:
                        await turn.share()
                        if place > _MAX_PLACE:
                            continue
                        event = decode_entry(line)
                        if event.name == "data" and not is_of(event, last.stream):
                            continue
                        room -= len(line) + WEIGHT_BYTES
                        if room <= 0 and (runs or found):
                            break
                        found.append((place, event))
                        left -= last.weight(event)
                        if left <= 0:
                            break
                searched += len(blob)
                # A disconnected reader ends the search here.
                yield OutputBatch(number << _BLOB_SHIFT, [], searched)
                runs += runs_from_end(number << _BLOB_SHIFT, found)
        for run in reversed(runs):
            yield run
        cut = bool(number) and left > 0 and room > 0
        yield OutputBatch(len(references) << _BLOB_SHIFT, [], searched, cut=cut)


async def _pieces(blob: bytes, skip: int, turn: TimeSlice) -> AsyncGenerator[tuple[int, int], None]:
    """Yield the bounds of small parts of whole lines, without the first *skip*, in time slices."""
    at = 0
    while skip and at < len(blob):
        end = at + _COUNT_BYTES
        found = blob.count(b"\n", at, end)
        if found < skip:
            skip, at = skip - found, end
        while skip and found >= skip:
            at, skip, found = blob.find(b"\n", at) + 1, skip - 1, found - 1
        await turn.share()
    while at < len(blob):
        end = blob.rfind(b"\n", at, at + _DECODED_BYTES) + 1
        end = end or blob.find(b"\n", at) + 1 or len(blob)
        yield at, end
        at = end
        await turn.share()


async def _decoded(part: bytes, turn: TimeSlice) -> list[Event]:
    lines = part.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return await eventlogs.decode_each(lines, turn)


async def _backwards(blob: bytes, stream: str | None) -> AsyncGenerator[tuple[int, bytes], None]:
    """Yield the lines of a blob from the last to the first, each with its place.

    Lines with data of streams other than *stream* may be left out.
    """
    end, counted, newlines = len(blob), 0, 0
    while end:
        begin = blob.rfind(b"\n", 0, max(end - _PIECE_BYTES, 0)) + 1
        piece = blob[begin:end]
        if stream is None or not _is_of_others(piece, stream.encode()):
            # Counting newlines is slow, so count only if a line is yielded.
            if counted:
                newlines -= await _newlines(blob, end, counted)
            else:
                newlines = await _newlines(blob, 0, end)
            counted = end
            place = newlines + (not piece.endswith(b"\n"))
            lines = piece.removesuffix(b"\n").split(b"\n")
            for number, line in zip(range(place - 1, -1, -1), reversed(lines), strict=False):
                yield number, line
        end = begin
        await asyncio.sleep(0)


async def _newlines(blob: bytes, begin: int, end: int) -> int:
    count = 0
    for at in range(begin, end, _COUNT_BYTES):
        count += blob.count(b"\n", at, min(at + _COUNT_BYTES, end))
        await asyncio.sleep(0)
    return count


def _is_of_others(piece: bytes, stream: bytes) -> bool:
    """Return whether all entries contain data of the other stream, in the format of Flux."""
    other = b"stdout" if stream == b"stderr" else b"stderr"
    # Counted between two entries, so that the numbers differ for any other line.
    return (
        piece.startswith(b"{")
        and piece.endswith(b"}\n")
        and piece.count(_DATA_OF % other) == piece.count(b"}\n{") + 1
    )
