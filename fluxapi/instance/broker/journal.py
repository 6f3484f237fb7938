"""One stream of the job manager's journal, on a thread and a handle of its own.

``job-manager.events-journal`` (flux-core, src/modules/job-manager/journal.c) sends the whole
backlog at once, and the broker's queue for a slow reader is unbounded, so this thread always drains
the stream. The event loop receives it in batches and decodes each just before it is folded: a
decoded message takes five times its bytes, and many of them would leave the caches of the
processor. The stream includes the ``job-purge-inactive`` event, since the journal does not report
purges.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from fluxapi.errors import FluxapiError, InstanceUnavailable
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import Purged, decode_journal
from fluxapi.model.shallow import MAX_STRUCTURE_BYTES, require_narrow

from . import refusal
from .normalize import Normalizer
from .outbox import Outbox
from .wire import Connection, Message, Wakeup

__all__ = ["JournalThread"]

_log = logging.getLogger(__name__)

MAX_BATCH_MESSAGES, MAX_BATCH_BYTES = 256, 32 << 10
"""Size of one batch: a millisecond of folding. It can have one message of any size."""

MAX_EVENTS = 10_000
"""Events of one job in a message of an instance that is not trusted: some ten milliseconds."""

MAX_BATCHES = 64
"""Batches that may wait for the event loop before the thread pauses; a large one counts as many."""

_MIN_INTERVAL_S = 0.002
"""Pause after a few messages: those of a busy journal are taken together, since each batch has a
price. The first message after a longer pause is taken at once."""

_MAX_INTERVAL_S = 0.02
"""Limit of a pause in which the event loop has not asked for more."""

_FEW_MESSAGES, _FEW_BYTES = 16, 32 << 10
"""Size of a batch below which the thread pauses. A socket holds few large messages, so a pause
after more of them would let the table fall behind."""

_SUBSCRIBE = 1
_JOURNAL = 2
_FIRST_FENCE = 3
_PURGED = 0
_IDLE_TIMEOUT_S = 3600.0

_Fence = asyncio.Future[None]


class _Batch(NamedTuple):
    """Messages as they were received, and the fences that are passed once they are processed."""

    messages: list[Message]
    fences: Sequence[_Fence]

    @property
    def size(self) -> int:
        """The number of bytes that were received."""
        return sum(len(message.payload) for message in self.messages)

    @property
    def places(self) -> int:
        """The number of ordinary batches that take as much memory."""
        return min(max(self.size // MAX_BATCH_BYTES, 1), MAX_BATCHES)


class _Taken(NamedTuple):
    """Messages, the tags of fences reached after them, and the error that ended the stream, if any.

    ``size`` is the number of bytes that were received.
    """

    messages: list[Message]
    reached: list[int]
    ended: FluxapiError | None
    size: int

    @property
    def is_small(self) -> bool:
        """Return whether so little has come that it pays to let more collect."""
        return len(self.messages) < _FEW_MESSAGES and self.size < _FEW_BYTES


class _PurgeEvent(msgspec.Struct):
    jobs: list[int]


_purge_decoder = msgspec.json.Decoder(_PurgeEvent)


class JournalThread:
    """A thread that reads the journal from its beginning.

    ``timeout`` limits the connection. Messages of an instance that is not *trusted* are limited.
    """

    def __init__(
        self,
        bindings: Any,
        uri: str | None,
        timeout: float,
        *,
        trusted: bool = True,
    ) -> None:
        self._bindings = bindings
        self._uri = uri
        self._timeout = timeout
        self._trusted = trusted
        self._outbox = Outbox(asyncio.get_running_loop())
        self._wakeup = Wakeup()
        self._room = threading.Semaphore(MAX_BATCHES)
        self._closing = threading.Event()
        self._asked = threading.Event()
        """Is set while the event loop waits for a batch."""
        self._batches: deque[_Batch] = deque()
        self._taken: list[_Fence] = []
        self._normalizer = Normalizer()
        self._has_told = True
        """True once an empty batch has told that there is no more."""
        self._fences: set[_Fence] = set()
        self._wanted: deque[_Fence] = deque()
        self._news = asyncio.Event()
        self._error: FluxapiError | None = None
        self._thread = threading.Thread(target=self._run, name="flux-journal", daemon=True)

    def start(self) -> None:
        """Connect and start reading."""
        self._thread.start()

    async def next_batch(self) -> ChangeBatch:
        """Return the next messages, in order; raise ``InstanceUnavailable`` if the stream is lost.

        A call means that the previous batch has been processed. An empty batch follows the last of
        those that have arrived.
        """
        while True:
            for fence in self._taken:
                if not fence.done():
                    fence.set_result(None)
            self._taken = []
            if self._batches:
                # A long backlog must not block the event loop.
                await asyncio.sleep(0)
            elif not self._has_told and self._error is None:
                self._has_told = True
                return []
            await self._until_arrived()
            self._has_told = False
            if changes := self._decode(self._gather()):
                return changes

    async def _until_arrived(self) -> None:
        while not self._batches:
            if self._error is not None:
                raise self._error
            self._news.clear()
            self._asked.set()
            # The thread may have missed that it was asked.
            if not self._batches and self._error is None:
                await self._news.wait()

    def _gather(self) -> list[Message]:
        """Return the batches that wait as one, as far as that is no larger than one may be."""
        gathered: list[Message] = []
        size = 0
        while self._batches:
            batch = self._batches[0]
            size += batch.size
            is_long = len(gathered) + len(batch.messages) > MAX_BATCH_MESSAGES
            if gathered and (is_long or size > MAX_BATCH_BYTES):
                break
            self._batches.popleft()
            self._room.release(batch.places)
            self._taken += batch.fences
            gathered += batch.messages
        return gathered

    def _decode(self, messages: list[Message]) -> ChangeBatch:
        changes: ChangeBatch = []
        try:
            for message in messages:
                if message.tag == _PURGED:
                    changes += _purged(message.payload)
                else:
                    decoded = decode_journal(message.payload)
                    if not self._trusted and len(decoded.events) > MAX_EVENTS:
                        raise ValueError(f"it has more than {MAX_EVENTS:,} events")  # noqa: TRY301
                    changes += self._normalizer.take(decoded)
        except (msgspec.MsgspecError, ValueError) as problem:
            msg = f"The journal contains an invalid entry: {problem}."
            raise InstanceUnavailable(msg) from None
        return changes

    async def pass_fence(self) -> None:
        """Wait until all messages that the job manager sent before this call are processed.

        Responses on one connection are in order, so the response to a request that is sent now
        follows these messages. Raises ``InstanceUnavailable`` if the stream is lost.
        """
        if self._error is not None:
            raise self._error
        fence: _Fence = asyncio.get_running_loop().create_future()
        self._fences.add(fence)
        fence.add_done_callback(self._fences.discard)
        self._wanted.append(fence)
        self._wakeup.set()
        await fence

    async def close(self, timeout: float) -> None:
        """Cancel the stream, close the handle and end the thread within *timeout* seconds."""
        self._closing.set()
        self._asked.set()
        self._wakeup.set()
        self._room.release(MAX_BATCHES)
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, timeout)
        self._end(self._error or refusal.lost("it was closed"))
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
        except ValueError as problem:
            error = InstanceUnavailable(f"The journal contains an invalid message: {problem}.")
        except Exception:  # noqa: BLE001 - a dead thread would hang its reader
            _log.exception("the Flux journal thread failed")
            error = refusal.lost("an internal error")
        finally:
            if connection is not None:
                connection.close()
        self._outbox.post(self._end, error)
        self._outbox.hand_over()

    def _read(self, connection: Connection) -> FluxapiError:
        """Read until the stream ends or is closed, and return the reason."""
        connection.request(b"event.subscribe", b'{"topic":"job-purge-inactive"}', _SUBSCRIBE)
        connection.request(
            b"job-manager.events-journal", b'{"full":true}', _JOURNAL, streaming=True
        )
        tags = itertools.count(_FIRST_FENCE)
        asked: dict[int, list[_Fence]] = {}
        while True:
            self._wakeup.clear()
            if self._closing.is_set():
                break
            if self._wanted and connection.flush():
                fences = [self._wanted.popleft() for _ in range(len(self._wanted))]
                tag = next(tags)
                asked[tag] = fences
                connection.request(b"job-manager.getinfo", b"{}", tag)
            taken = _take(connection, None if self._trusted else MAX_STRUCTURE_BYTES)
            passed = [fence for tag in taken.reached for fence in asked.pop(tag, ())]
            if taken.messages or passed:
                self._hand_over(_Batch(taken.messages, passed))
            if taken.ended is not None:
                return taken.ended
            if not taken.messages and not passed:
                connection.wait(_IDLE_TIMEOUT_S)
            elif taken.is_small:
                self._closing.wait(_MIN_INTERVAL_S)
                self._asked.wait(_MAX_INTERVAL_S)
        connection.request(b"job-manager.events-journal-cancel", b'{"matchtag":%d}' % _JOURNAL, 0)
        return refusal.lost("it was closed")

    def _hand_over(self, batch: _Batch) -> None:
        """Add a batch, and wake the event loop if it waits for one."""
        for _ in range(batch.places):
            self._room.acquire()
        self._batches.append(batch)
        if self._asked.is_set() and not self._closing.is_set():
            self._asked.clear()
            self._outbox.post(self._wake, None)
            self._outbox.hand_over()

    def _wake(self, _: None) -> None:
        self._news.set()

    def _end(self, error: FluxapiError) -> None:
        self._error = error
        self._news.set()
        for fence in list(self._fences):
            if not fence.done():
                fence.set_exception(error)


def _purged(payload: bytes) -> list[Purged]:
    """Return a purge; nothing for an event that only looks like one, as any program may send it."""
    try:
        return [Purged(_purge_decoder.decode(payload).jobs)]
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        _log.debug("an event that is no purge is passed over: %s", problem)
        return []


def _take(connection: Connection, limit: int | None) -> _Taken:
    """Receive up to one batch; raise ``ValueError`` for a message of very many values."""
    messages: list[Message] = []
    reached: list[int] = []
    size = 0
    ended: FluxapiError | None = None
    while ended is None and len(messages) < MAX_BATCH_MESSAGES and size < MAX_BATCH_BYTES:
        message = connection.receive() if connection.flush() else None
        if message is None:
            break
        size += len(message.payload)
        require_narrow(message.payload, limit)
        if (message.tag == _JOURNAL and not message.error) or message.tag == _PURGED:
            messages.append(message)
        elif message.tag >= _FIRST_FENCE:
            # An error response, too, follows all earlier messages.
            reached.append(message.tag)
        elif message.error:
            error = refusal.error_for(message.error, message.payload)
            what = "The journal ended." if message.tag == _JOURNAL else "Purges cannot be watched."
            ended = InstanceUnavailable(f"{what} {error.detail}")
    return _Taken(messages, reached, ended, size)
