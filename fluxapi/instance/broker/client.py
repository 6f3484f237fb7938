"""The calls and submissions of an instance, on a connection that the event loop itself serves.

A broker answers at once, and its messages are small, so they need no thread: handing each one over
would cost more than to send it, and two threads would wait for the interpreter lock of each other
in every call into libflux. The requests of one pass of the event loop are sent together. If the
broker is lost, requests in flight fail, and the client reconnects with increasing delays.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from fluxapi.errors import FluxapiError
from fluxapi.instance.protocol import CallWatch

from . import handles, refusal
from .calls import Call, Signer, Submissions
from .pipeline import Pipeline
from .wire import Connection

__all__ = ["RpcClient"]

_log = logging.getLogger(__name__)

_SLICE_MESSAGES = 16
"""Submissions that are sent, or responses that are taken, in one pass of the event loop; each
response may resume a handler for about 0.1 ms."""

_MIN_RECONNECT_DELAY_S = 0.1
_MAX_RECONNECT_DELAY_S = 2.0
_CLOSE_TIMEOUT_S = 2.0


class RpcClient:
    """A client of one broker.

    ``timeout`` is the time in seconds that Flux has for each call, or to make progress.
    """

    def __init__(
        self, bindings: Any, uri: str | None, timeout: float, watch: CallWatch = nullcontext
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._bindings = bindings
        self._uri = uri
        self._timeout = timeout
        self._watch = watch
        self._pipeline = Pipeline(timeout, _deliver, _SLICE_MESSAGES)
        self._task: asyncio.Task[None] | None = None
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._is_opening = True
        self._error: FluxapiError = refusal.lost("not connected yet")
        """Why there is no connection."""
        self._connection: Connection | None = None
        self._lost: asyncio.Future[str] = self._loop.create_future()
        """Is set to the reason when the connection is lost."""
        self._is_due = False
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Connect; raise ``InstanceUnavailable``."""
        self._task = self._loop.create_task(self._keep_connected(), name="flux client")
        await self._connected

    def sign_for(self, owner: int) -> None:
        """Set the user ID for submissions; call this before the first one."""
        self._pipeline.signer = Signer(owner)

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

    async def close(self, timeout: float) -> None:
        """Fail the requests in flight, and close the connection within *timeout* seconds."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=timeout)
            self._disconnect(refusal.lost("it was closed"))

    def _put(self, request: Call | Submissions) -> None:
        if self._task is None:
            raise refusal.lost("it was closed")
        self._pipeline.add(request)
        if self._connection is not None:
            self._serve_soon()
        elif not self._is_opening:
            self._pipeline.fail(self._error)

    async def _keep_connected(self) -> None:
        pause = 0.0
        while True:
            self._is_opening = True
            try:
                connection = await handles.open(self._bindings, self._uri, self._timeout)
            except OSError as error:
                self._disconnect(refusal.lost(error.strerror or str(error)))
            except Exception:  # noqa: BLE001 - a dead task would hang every caller
                _log.exception("The client of the Flux broker failed; it reconnects.")
                self._disconnect(refusal.lost("an internal error"))
            else:
                pause = 0.0
                await self._stay_connected(connection)
            pause = min(max(pause * 2, _MIN_RECONNECT_DELAY_S), _MAX_RECONNECT_DELAY_S)
            await asyncio.sleep(pause)

    async def _stay_connected(self, connection: Connection) -> None:
        """Serve a connection until it is lost."""
        self._connection, self._lost = connection, self._loop.create_future()
        self._loop.add_reader(connection.descriptor, self._serve)
        self._serve_soon()
        if not self._connected.done():
            self._connected.set_result(None)
        try:
            reason = await self._lost
            _log.warning("The connection to the Flux broker is lost: %s.", reason)
            self._disconnect(refusal.lost(reason))
        finally:
            self._connection = None
            self._loop.remove_reader(connection.descriptor)
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            await handles.close(connection, _CLOSE_TIMEOUT_S)

    def _disconnect(self, error: FluxapiError) -> None:
        """Fail all requests, and those that come until there is a connection again."""
        self._is_opening = False
        self._connection = None
        self._error = error
        if not self._connected.done():
            self._connected.set_exception(error)
        self._pipeline.fail(error)

    def _serve_soon(self) -> None:
        """Serve the connection in the next pass of the event loop, once for all that is new."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._is_due = False
        connection = self._connection
        if connection is None or self._lost.done():
            return
        try:
            is_busy = self._pipeline.turn(connection, time.monotonic())
            # Until this is called, the descriptor stays readable.
            is_busy |= connection.is_ready()
        except OSError as error:
            self._lost.set_result(error.strerror or str(error))
        except Exception:  # noqa: BLE001 - nobody else would see it
            _log.exception("The client of the Flux broker failed; it reconnects.")
            self._lost.set_result("an internal error")
        else:
            if is_busy:
                self._serve_soon()
            self._watch_the_time()

    def _watch_the_time(self) -> None:
        """Serve the connection again when a request may have timed out.

        A timer stays until it is due, since requests that come later also time out later.
        """
        if self._timer is not None:
            return
        deadline = self._pipeline.deadline
        if deadline is not None:
            left = max(deadline - time.monotonic(), 0.0) + 0.001
            self._timer = self._loop.call_later(left, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._serve()


def _deliver(function: Callable[[Any], None], argument: Any) -> None:
    """Call a function at once: the client runs on the event loop."""
    function(argument)
