"""One stream of the job manager's journal, on a thread and a handle of its own.

``job-manager.events-journal`` (flux-core, src/modules/job-manager/journal.c) sends the whole
backlog at once and the broker queues without bound for a slow reader, so the stream is always
drained and decoded here; the event loop gets batches. The ``job-purge-inactive`` event rides along,
since the journal does not tell of purges.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from typing import Any

import msgspec

from fluxapi.errors import FluxapiError, InstanceUnavailable
from fluxapi.instance.protocol import JournalBatch
from fluxapi.model.eventlog import Purged, decode_journal

from . import refusal
from .normalize import Normalizer
from .outbox import Outbox
from .wire import Connection, Wakeup

__all__ = ["JournalThread"]

_log = logging.getLogger(__name__)

BATCH = 256
"""Messages in one hand-over at most: some milliseconds of folding."""

MAX_BATCHES = 64
"""Hand-overs that may wait for the event loop; only then the thread pauses."""

_SUBSCRIBE = 1
_JOURNAL = 2
_PURGED = 0
_IDLE = 3600.0


class _PurgeEvent(msgspec.Struct):
    jobs: list[int]


_purge_decoder = msgspec.json.Decoder(_PurgeEvent)


class JournalThread:
    """The journal from its beginning; ``timeout`` seconds is what a connection may take."""

    def __init__(self, bindings: Any, uri: str | None, timeout: float) -> None:
        self._bindings = bindings
        self._uri = uri
        self._timeout = timeout
        self._outbox = Outbox(asyncio.get_running_loop())
        self._wakeup = Wakeup()
        self._room = threading.Semaphore(MAX_BATCHES)
        self._closing = threading.Event()
        self._batches: deque[JournalBatch] = deque()
        self._news = asyncio.Event()
        self._error: FluxapiError | None = None
        self._thread = threading.Thread(target=self._run, name="flux-journal", daemon=True)

    def start(self) -> None:
        """Connect and begin to read."""
        self._thread.start()

    async def next_batch(self) -> JournalBatch:
        """What came since, in order; raises ``InstanceUnavailable`` when the stream is lost."""
        if self._batches:
            # A long backlog must not hold the loop for as long as it lasts.
            await asyncio.sleep(0)
        while not self._batches:
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()
        self._room.release()
        return self._batches.popleft()

    async def close(self, timeout: float) -> None:
        """Cancel the stream, close the handle and end the thread within *timeout* seconds."""
        self._closing.set()
        self._wakeup.set()
        self._room.release()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, timeout)
        if not self._thread.is_alive():
            self._wakeup.close()

    def _run(self) -> None:
        error: FluxapiError
        connection: Connection | None = None
        try:
            connection = Connection(self._bindings, self._uri, self._timeout)
            connection.wake_by(self._wakeup)
            error = self._read(connection)
        except OSError as problem:
            error = refusal.lost(problem.strerror or str(problem))
        except msgspec.MsgspecError as problem:
            error = InstanceUnavailable(f"The journal holds what is no journal entry: {problem}.")
        except Exception:  # noqa: BLE001 - a dead thread would hang its reader
            _log.exception("The Flux journal thread failed.")
            error = refusal.lost("an internal error")
        finally:
            if connection is not None:
                connection.close()
        self._outbox.post(self._end, error)
        self._outbox.hand_over()

    def _read(self, connection: Connection) -> FluxapiError:
        """Read until the stream ends or is closed; why it ended."""
        connection.request(b"event.subscribe", b'{"topic":"job-purge-inactive"}', _SUBSCRIBE)
        connection.request(
            b"job-manager.events-journal", b'{"full":true}', _JOURNAL, streaming=True
        )
        normalizer = Normalizer()
        while not self._closing.is_set():
            batch, ended = _take(connection, normalizer)
            if batch:
                self._room.acquire()
                self._outbox.post(self._put, batch)
                self._outbox.hand_over()
            if ended is not None:
                return ended
            if not batch:
                connection.wait(_IDLE)
        connection.request(b"job-manager.events-journal-cancel", b'{"matchtag":%d}' % _JOURNAL, 0)
        return refusal.lost("it was closed")

    def _put(self, batch: JournalBatch) -> None:
        self._batches.append(batch)
        self._news.set()

    def _end(self, error: FluxapiError) -> None:
        self._error = error
        self._news.set()


def _take(
    connection: Connection, normalizer: Normalizer
) -> tuple[JournalBatch, FluxapiError | None]:
    """Return what has come, up to one batch, and the error that ended the stream, if one did."""
    batch: JournalBatch = []
    if not connection.flush():
        return batch, None
    while len(batch) < BATCH:
        message = connection.receive()
        if message is None:
            break
        if message.tag == _JOURNAL:
            if message.error:
                error = refusal.error_for(message.error, message.payload)
                return batch, InstanceUnavailable(f"The journal ended. {error.detail}")
            batch += normalizer.take(decode_journal(message.payload))
        elif message.tag == _PURGED:
            batch.append(Purged(_purge_decoder.decode(message.payload).jobs))
        elif message.error:
            error = refusal.error_for(message.error, message.payload)
            return batch, InstanceUnavailable(f"Purges cannot be watched. {error.detail}")
    return batch, None
