"""The thread for calls whose responses may be large, and for streams of responses.

The event loop appends requests to an inbox, and writes one byte to wake the thread if it sleeps.
The thread sends the requests, receives responses, and passes all responses of one pass to the event
loop together. If the broker is lost, requests in flight fail, and the thread reconnects with
increasing delays.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import nullcontext
from typing import Any

from fluxapi.errors import FluxapiError
from fluxapi.instance.protocol import CallWatch

from . import refusal
from .calls import Call, Stream
from .outbox import Outbox
from .pipeline import Pipeline
from .wire import Connection, Wakeup

__all__ = ["RpcThread"]

_log = logging.getLogger(__name__)

_SLICE_MESSAGES = 64
"""Responses that are taken before requests are sent."""

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
        loop = asyncio.get_running_loop()
        self._bindings = bindings
        self._uri = uri
        self._timeout = timeout
        self._watch = watch
        self._outbox = Outbox(loop)
        self._wakeup = Wakeup()
        self._pipeline = Pipeline(timeout, self._outbox.post, _SLICE_MESSAGES)
        self._asleep = False
        self._closing = threading.Event()
        self._connected: asyncio.Future[None] = loop.create_future()
        # Only the thread uses the following attribute.
        self._lost: FluxapiError = refusal.lost("not connected yet")
        self._thread = threading.Thread(target=self._run, name="flux-rpc", daemon=True)

    async def start(self) -> None:
        """Start the thread and wait until it is connected; raise ``InstanceUnavailable``."""
        self._thread.start()
        await self._connected

    async def call(self, call: Call) -> Any:
        """Return Flux's response; raise Flux's error, or ``InstanceUnavailable``."""
        with self._watch(call.topic.decode()):
            self._put(call)
            return await call.future

    def send(self, call: Call) -> None:
        """Send a call whose response nobody awaits."""
        self._put(call)

    def stream(self, stream: Stream) -> None:
        """Start a stream."""
        self._put(stream)

    def cancel(self, stream: Stream) -> None:
        """Cancel a stream, which may have ended."""
        self._pipeline.cancel(stream)
        self._wake()

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

    def _put(self, request: Call | Stream) -> None:
        if self._closing.is_set():
            raise refusal.lost("it was closed")
        self._pipeline.add(request)
        self._wake()

    def _wake(self) -> None:
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
                    _log.warning("The connection to the Flux broker is lost: %s.", reason)
            except Exception:  # noqa: BLE001 - a dead thread would hang every caller
                _log.exception("The Flux RPC thread failed; it reconnects.")
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
            if not self._pipeline.has_news and not self._closing.is_set():
                self._wakeup.wait(left)
            self._asleep = False
            self._wakeup.clear()

    def _fail_everything(self) -> None:
        """Fail all requests, in flight or not, with the reason why there is no broker."""
        self._pipeline.fail(self._lost)
        self._outbox.hand_over()

    def _serve(self, connection: Connection) -> None:
        """Serve until closed; raise ``OSError`` if the connection is lost."""
        while not self._closing.is_set():
            busy = self._pipeline.turn(connection, time.monotonic())
            busy |= self._outbox.hand_over()
            if busy:
                continue
            self._asleep = True
            has_news = self._pipeline.has_news and not connection.clogged
            if not has_news and not self._closing.is_set():
                connection.wait(self._until_deadline())
            self._asleep = False
            self._wakeup.clear()

    def _until_deadline(self) -> float:
        """Return the seconds until the next request may time out."""
        deadline = self._pipeline.deadline
        if deadline is None:
            return _MAX_SLEEP_S
        return deadline - time.monotonic() + 0.001
