"""One stream of the job manager's journal, on a handle of its own that the event loop reads.

``job-manager.events-journal`` (flux-core, src/modules/job-manager/journal.c) sends the whole
backlog at once, and the broker's queue for a slow reader is unbounded, so the reader takes messages
as fast as the table folds them, some at a time. The stream includes the ``job-purge-inactive``
event, since the journal does not report purges.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import deque
from typing import Any

import msgspec

from fluxapi.errors import FluxapiError, InstanceUnavailable
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import Purged, decode_journal

from . import handles, refusal
from .normalize import Normalizer
from .wire import Connection

__all__ = ["JournalReader"]

_log = logging.getLogger(__name__)

_MAX_BATCH_MESSAGES = 64
_MAX_BATCH_S = 0.002
"""Time in which the messages of one batch are decoded; they are folded after that."""

_MIN_INTERVAL_S = 0.002
"""Time between two looks at a stream that was read to its end. The first message after a pause is
taken at once. The messages of a busy journal are taken together, since each batch has a price."""

_SUBSCRIBE = 1
_JOURNAL = 2
_FIRST_FENCE = 3
_PURGED = 0

_Fence = asyncio.Future[None]


class _PurgeEvent(msgspec.Struct):
    jobs: list[int]


_purge_decoder = msgspec.json.Decoder(_PurgeEvent)


class JournalReader:
    """A reader of the journal from its beginning; ``timeout`` limits the connection."""

    def __init__(self, bindings: Any, uri: str | None, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._bindings = bindings
        self._uri = uri
        self._timeout = timeout
        self._connection: Connection | None = None
        self._normalizer = Normalizer()
        self._waiter: asyncio.Future[None] | None = None
        """The wait for a message, if there is one."""
        self._has_more = True
        """True while there may be messages that have arrived and were not read."""
        self._read_at = 0.0
        self._tags = itertools.count(_FIRST_FENCE)
        self._fences: set[_Fence] = set()
        self._wanted: deque[_Fence] = deque()
        """Fences whose requests are not sent yet."""
        self._asked: dict[int, _Fence] = {}
        self._reached: list[_Fence] = []
        """Fences that are passed once the last batch is processed."""
        self._error: FluxapiError | None = None

    async def open(self) -> None:
        """Connect and ask for the journal; raise ``InstanceUnavailable``."""
        try:
            connection = await handles.open(self._bindings, self._uri, self._timeout)
        except OSError as problem:
            self._end(refusal.lost(problem.strerror or str(problem)))
            raise self._error or refusal.lost(str(problem)) from None
        if self._error is not None:
            await handles.close(connection, self._timeout)
            raise self._error
        self._connection = connection
        try:
            connection.request(b"event.subscribe", b'{"topic":"job-purge-inactive"}', _SUBSCRIBE)
            connection.request(
                b"job-manager.events-journal", b'{"full":true}', _JOURNAL, streaming=True
            )
        except OSError as problem:
            self._end(refusal.lost(problem.strerror or str(problem)))

    async def next_batch(self) -> ChangeBatch:
        """Return the next messages, in order; raise ``InstanceUnavailable`` if the stream is lost.

        A call means that the previous batch has been processed.
        """
        for fence in self._reached:
            if not fence.done():
                fence.set_result(None)
        self._reached = []
        if self._has_more:
            # A long backlog must not block the event loop.
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(max(self._read_at + _MIN_INTERVAL_S - time.monotonic(), 0.0))
        while True:
            if self._error is not None:
                raise self._error
            batch = self._read()
            if batch or self._reached:
                return batch
            if not self._has_more and self._error is None:
                await self._until_readable()

    async def pass_fence(self) -> None:
        """Wait until all messages that the job manager sent before this call are processed.

        Responses on one connection are in order, so the response to a request that is sent now
        follows these messages. Raises ``InstanceUnavailable`` if the stream is lost.
        """
        if self._error is not None:
            raise self._error
        fence: _Fence = self._loop.create_future()
        self._fences.add(fence)
        fence.add_done_callback(self._fences.discard)
        self._wanted.append(fence)
        self._wake()
        await fence

    async def close(self, timeout: float) -> None:
        """Cancel the stream and close the handle within *timeout* seconds."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._cancel(connection)
        self._end(self._error or refusal.lost("it was closed"))
        if connection is not None:
            await handles.close(connection, timeout)

    def _cancel(self, connection: Connection) -> None:
        body = b'{"matchtag":%d}' % _JOURNAL
        try:
            if self._error is None and connection.flush():
                connection.request(b"job-manager.events-journal-cancel", body, 0)
        except OSError:
            return  # The broker is gone, and so is the stream.

    async def _until_readable(self) -> None:
        """Wait for a message, a wanted fence or the end."""
        connection = self._connection
        if connection is None:
            return
        waiter = self._waiter = self._loop.create_future()
        # The loop watches only during this wait, and is not woken while messages may collect.
        self._loop.add_reader(connection.descriptor, self._wake)
        try:
            await waiter
        finally:
            self._waiter = None
            self._loop.remove_reader(connection.descriptor)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _read(self) -> ChangeBatch:
        """Return the messages of one batch that have arrived; end when the stream has ended."""
        batch: ChangeBatch = []
        connection = self._connection
        if connection is None:
            return batch
        try:
            self._ask_for_fences(connection)
            self._take(connection, batch)
            self._has_more = connection.is_ready()
        except OSError as problem:
            self._end(refusal.lost(problem.strerror or str(problem)))
        except msgspec.MsgspecError as problem:
            self._end(InstanceUnavailable(f"The journal contains an invalid entry: {problem}."))
        except Exception:  # noqa: BLE001 - the consumer knows only errors of the instance
            _log.exception("The reader of the Flux journal failed.")
            self._end(refusal.lost("an internal error"))
        self._read_at = time.monotonic()
        return batch

    def _ask_for_fences(self, connection: Connection) -> None:
        while self._wanted and connection.flush():
            tag = next(self._tags)
            self._asked[tag] = self._wanted.popleft()
            connection.request(b"job-manager.getinfo", b"{}", tag)

    def _take(self, connection: Connection, batch: ChangeBatch) -> None:
        if not connection.flush():
            return
        until = time.monotonic() + _MAX_BATCH_S
        while len(batch) < _MAX_BATCH_MESSAGES and time.monotonic() < until:
            message = connection.receive()
            if message is None:
                return
            if message.tag == _JOURNAL:
                if message.error:
                    error = refusal.error_for(message.error, message.payload)
                    self._end(InstanceUnavailable(f"The journal ended. {error.detail}"))
                    return
                batch += self._normalizer.take(decode_journal(message.payload))
            elif message.tag == _PURGED:
                batch.append(Purged(_purge_decoder.decode(message.payload).jobs))
            elif message.tag >= _FIRST_FENCE:
                # An error response, too, follows all earlier messages.
                self._reached.append(self._asked.pop(message.tag))
            elif message.error:
                error = refusal.error_for(message.error, message.payload)
                self._end(InstanceUnavailable(f"Purges cannot be watched. {error.detail}"))
                return

    def _end(self, error: FluxapiError) -> None:
        self._error = error
        self._wake()
        for fence in list(self._fences):
            if not fence.done():
                fence.set_exception(error)
