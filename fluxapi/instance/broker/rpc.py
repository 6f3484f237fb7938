"""The thread that owns the RPC handle: it pipelines requests and returns batches of responses.

The event loop appends requests to an inbox, and writes one byte to wake the thread if it sleeps.
The thread sends the requests, receives responses, and passes all responses of one pass to the event
loop together. If the broker is lost, requests in flight fail, and the thread reconnects with
increasing delays.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections import deque
from contextlib import nullcontext
from typing import Any

from fluxapi.errors import FluxapiError, InstanceUnavailable
from fluxapi.instance.protocol import CallWatch

from . import refusal
from .calls import Call, Request, Signer, Stream, Submissions
from .outbox import Outbox
from .slow_lane import SlowLane
from .submission_pace import SubmissionPace
from .wire import Connection, Wakeup

__all__ = ["RpcThread"]

_log = logging.getLogger(__name__)

WINDOW = 2048
"""Limit of the submissions in flight. Flux commits in batches, so more are faster, but a later call
waits for them; see :class:`.SubmissionPace`. A large one counts as several
(:meth:`Submissions.weight`), and a very large one waits in a :class:`.SlowLane`, while others are
sent."""

_SLICE_MESSAGES = 64
"""Submissions or responses that are processed before other batches and the other direction."""

_MAX_IN_FLIGHT = 1 << 17
_MAX_TAG = 2**32
_MIN_RECONNECT_DELAY_S = 0.1
_MAX_RECONNECT_DELAY_S = 2.0
_MAX_SLEEP_S = 60.0


class RpcThread:
    """A thread for calls to one broker.

    ``timeout`` is the time in seconds that Flux has for each call, or to make progress.
    """

    def __init__(
        self, bindings: Any, uri: str | None, timeout: float, watch: CallWatch = nullcontext
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._bindings = bindings
        self._uri = uri
        self._timeout = timeout
        self._watch = watch
        self._outbox = Outbox(loop)
        self._wakeup = Wakeup()
        self._inbox: deque[Call | Stream | Submissions] = deque()
        self._canceled: deque[Stream] = deque()
        self._asleep = False
        self._is_waking = False
        self._closing = threading.Event()
        self._signer: Signer | None = None
        self._connected: asyncio.Future[None] = loop.create_future()
        # Only the thread uses the following attributes.
        self._tags = itertools.count(1)
        self._waiting: dict[int, tuple[Request, int]] = {}
        self._batches: deque[Submissions] = deque()
        self._slow = SlowLane()
        self._window = WINDOW
        self._pace = SubmissionPace()
        self._deadlines: deque[tuple[float, int]] = deque()
        self._progress = 0.0
        self._lost: FluxapiError = refusal.lost("not connected yet")
        self._thread = threading.Thread(target=self._run, name="flux-rpc", daemon=True)

    async def start(self) -> None:
        """Start the thread and wait until it is connected; raise ``InstanceUnavailable``."""
        self._thread.start()
        await self._connected

    def sign_for(self, owner: int) -> None:
        """Set the user ID for submissions; call this before the first one."""
        self._signer = Signer(owner)

    async def call(self, call: Call) -> Any:
        """Return Flux's response; raise Flux's error, or ``InstanceUnavailable``."""
        with self._watch(call.topic.decode()):
            self._put(call)
            return await call.future

    async def submit(self, batch: Submissions) -> list[int | FluxapiError]:
        """Submit a batch that is not empty, and return the IDs and errors."""
        with self._watch(batch.topic.decode()):
            self._put(batch)
            return await batch.future

    def send(self, call: Call) -> None:
        """Send a call whose response nobody awaits."""
        self._put(call)

    def stream(self, stream: Stream) -> None:
        """Start a stream."""
        self._put(stream)

    def cancel(self, stream: Stream) -> None:
        """Cancel a stream, which may have ended."""
        self._canceled.append(stream)
        self._wake_soon()

    async def close(self, timeout: float) -> None:
        """Fail the requests in flight, close the handle and end the thread.

        A thread that is stuck in ``flux_open`` for more than *timeout* seconds is abandoned.
        """
        self._closing.set()
        self._wakeup.set()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, timeout)
        if not self._thread.is_alive():
            self._wakeup.close()

    def _put(self, request: Call | Stream | Submissions) -> None:
        if self._closing.is_set():
            raise refusal.lost("it was closed")
        if len(self._inbox) + len(self._waiting) > _MAX_IN_FLIGHT:
            raise InstanceUnavailable("Too many calls wait for the Flux broker.")
        self._inbox.append(request)
        self._wake_soon()

    def _wake_soon(self) -> None:
        """Wake the thread after this pass of the event loop, once for all requests of the pass."""
        if self._asleep and not self._is_waking:
            self._is_waking = True
            self._loop.call_soon(self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        if self._asleep:
            self._asleep = False
            self._wakeup.set()

    def _run(self) -> None:
        pause = 0.0
        while not self._closing.is_set():
            self._sleep_disconnected(pause)
            if self._closing.is_set():
                break
            connection: Connection | None = None
            try:
                connection = Connection(self._bindings, self._uri, self._timeout)
                connection.wake_by(self._wakeup)
                self._tell_connected(None)
                pause = 0.0
                self._serve(connection)
            except OSError as error:
                reason = error.strerror or str(error)
                self._lost = refusal.lost(reason)
                self._tell_connected(self._lost)
                if connection is not None:
                    _log.warning("the connection to the Flux broker is lost: %s", reason)
            except Exception:  # noqa: BLE001 - a dead thread would hang every caller
                _log.exception("the Flux RPC thread failed; it reconnects")
                self._lost = refusal.lost("an internal error")
            finally:
                if connection is not None:
                    connection.close()
                self._fail_everything()
            pause = min(max(pause * 2, _MIN_RECONNECT_DELAY_S), _MAX_RECONNECT_DELAY_S)
        self._lost = refusal.lost("it was closed")
        self._tell_connected(self._lost)
        self._fail_everything()

    def _tell_connected(self, error: FluxapiError | None) -> None:
        def tell(error: FluxapiError | None) -> None:
            if self._connected.done():
                return
            if error is None:
                self._connected.set_result(None)
            else:
                self._connected.set_exception(error)

        self._outbox.post(tell, error)
        self._outbox.hand_over()

    def _sleep_disconnected(self, seconds: float) -> None:
        """Pause before the next attempt; new requests fail at once meanwhile."""
        until = time.monotonic() + seconds
        while not self._closing.is_set() and (left := until - time.monotonic()) > 0:
            self._fail_everything()
            self._asleep = True
            if not self._inbox and not self._closing.is_set():
                self._wakeup.wait(left)
            self._asleep = False
            self._wakeup.clear()

    def _fail_everything(self) -> None:
        """Fail all requests, in flight or not, with the reason why there is no broker."""
        requests: dict[int, Request] = {id(r): r for r, _ in self._waiting.values()}
        requests.update((id(batch), batch) for batch in (*self._batches, *self._slow))
        while self._inbox:
            unsent = self._inbox.popleft()
            requests[id(unsent)] = unsent
        self._waiting.clear()
        self._batches.clear()
        self._slow.clear()
        self._deadlines.clear()
        self._canceled.clear()
        self._window = WINDOW
        self._pace.clear()
        for request in requests.values():
            request.fail(self._lost, self._outbox.post)
        self._outbox.hand_over()

    def _serve(self, connection: Connection) -> None:
        """Serve until closed; raise ``OSError`` if the connection is lost."""
        while not self._closing.is_set():
            now = time.monotonic()
            busy = self._send(connection, now)
            busy |= self._receive(connection, now)
            self._expire(now)
            busy |= self._outbox.hand_over()
            if busy:
                continue
            self._asleep = True
            if not self._has_news(connection) and not self._closing.is_set():
                connection.wait(self._until_deadline(now))
            self._asleep = False
            self._wakeup.clear()

    def _has_news(self, connection: Connection) -> bool:
        return bool(self._inbox or self._canceled) and not connection.clogged

    def _send(self, connection: Connection, now: float) -> bool:
        """Send requests; return whether there are more to send."""
        if not connection.flush():
            return False
        for _ in range(_SLICE_MESSAGES):
            if self._canceled:
                self._cancel(connection, self._canceled.popleft())
            elif self._inbox:
                self._take(connection, self._inbox.popleft())
            else:
                break
            if connection.clogged:
                return False
        return self._send_batches(connection, now) or bool(self._inbox)

    def _take(self, connection: Connection, request: Call | Stream | Submissions) -> None:
        if isinstance(request, Submissions):
            self._batches.append(request)
            return
        tag = self._new_tag(request, 0)
        if isinstance(request, Stream):
            request.tag = tag
            connection.request(
                request.topic, request.payload, tag, streaming=True, node=request.node
            )
            return
        self._deadlines.append((request.asked + self._timeout, tag))
        connection.request(request.topic, request.payload, tag, node=request.node, raw=request.raw)

    def _send_batches(self, connection: Connection, now: float) -> bool:
        """Send a few jobs of each batch, so that a large batch does not starve the others."""
        signer = self._signer
        if signer is None:
            return False
        if self._window == WINDOW:
            self._progress = now
        for _ in range(_SLICE_MESSAGES):
            batch = self._slow.pop(now) if self._window > 0 else None
            is_slow = batch is not None
            if batch is None:
                if not self._batches or not self._has_room:
                    return False
                batch = self._batches.popleft()
            batch.pass_over(self._outbox.post)
            # This batch failed, or nobody waits for it, or others have their turn.
            if batch.all_sent or (not is_slow and self._slow.takes(batch)):
                continue
            size = batch.size(batch.sent)
            tag = self._send_job(connection, batch, signer)
            self._pace.note_sent(tag, now, is_heavy=is_slow)
            if is_slow:
                self._slow.note_sent(tag, size, now)
            if connection.clogged:
                return False
        return bool(self._batches) and self._has_room

    @property
    def _has_room(self) -> bool:
        return self._window > 0 and not self._pace.is_full

    def _send_job(self, connection: Connection, batch: Submissions, signer: Signer) -> int:
        """Send the next job of a batch, and return the tag of the request."""
        index, payload = batch.next(signer)
        if not batch.all_sent:
            self._batches.append(batch)
        self._window -= batch.weight(index)
        tag = self._new_tag(batch, index)
        connection.request(Submissions.topic, payload, tag)
        return tag

    def _new_tag(self, request: Request, index: int) -> int:
        tag = next(self._tags) % _MAX_TAG
        while tag == 0 or tag in self._waiting:
            tag = next(self._tags) % _MAX_TAG
        self._waiting[tag] = (request, index)
        return tag

    def _cancel(self, connection: Connection, stream: Stream) -> None:
        if self._waiting.pop(stream.tag, None) is not None:
            payload = b'{"matchtag":%d}' % stream.tag
            connection.request(stream.cancel_topic, payload, 0)
        elif stream in self._inbox:
            self._inbox.remove(stream)

    def _receive(self, connection: Connection, now: float) -> bool:
        """Receive responses; return whether there may be more."""
        post = self._outbox.post
        streams: list[Stream] = []
        for _ in range(_SLICE_MESSAGES):
            message = connection.receive()
            if message is None:
                break
            found = self._waiting.get(message.tag)
            if found is None:  # It came too late, or was canceled.
                continue
            request, index = found
            if isinstance(request, Submissions):
                self._window += request.weight(index)
                self._progress = now
                self._slow.note_answer(message.tag, now)
                self._pace.note_answer(message.tag, now)
            elif isinstance(request, Stream):
                streams.append(request)
            if request.answer(index, message.error, message.payload, post):
                self._end(connection, message.tag, request)
        for stream in streams:
            stream.handed_over()
        return message is not None

    def _end(self, connection: Connection, tag: int, request: Request) -> None:
        if isinstance(request, Stream) and request.overflowed:
            self._cancel(connection, request)
        self._waiting.pop(tag, None)

    def _expire(self, now: float) -> None:
        """Fail the calls that timed out, and all submissions if none was answered in time."""
        post = self._outbox.post
        while self._deadlines and (
            self._deadlines[0][0] <= now or self._deadlines[0][1] not in self._waiting
        ):
            found = self._waiting.pop(self._deadlines.popleft()[1], None)
            if found is not None:
                found[0].fail(refusal.silent(self._timeout), post)
        # Requests stay here for long only if the broker accepts nothing.
        while self._inbox and self._inbox[0].asked + self._timeout <= now:
            self._inbox.popleft().fail(refusal.silent(self._timeout), post)
        if self._window < WINDOW and now - self._progress > self._timeout:
            self._give_up_submissions()

    def _give_up_submissions(self) -> None:
        error = refusal.silent(self._timeout)
        for tag, (request, _) in list(self._waiting.items()):
            if isinstance(request, Submissions):
                del self._waiting[tag]
                request.fail(error, self._outbox.post)
        for batch in (*self._batches, *self._slow):
            batch.fail(error, self._outbox.post)
        self._batches.clear()
        self._slow.clear()
        self._window = WINDOW
        self._pace.clear()

    def _until_deadline(self, now: float) -> float:
        """Return the seconds until the next request may time out."""
        moments = [now + _MAX_SLEEP_S]
        if self._deadlines:
            moments.append(self._deadlines[0][0])
        if self._inbox:
            moments.append(self._inbox[0].asked + self._timeout)
        if self._window < WINDOW:
            moments.append(self._progress + self._timeout)
        slow = self._slow.next_time()
        if slow is not None and slow > now:
            moments.append(slow)
        return min(moments) - time.monotonic() + 0.001
