"""The requests on one connection to a broker: those to send, and those in flight.

Requests are sent one after the other without waiting for responses, and each response finds its
request by its tag. The code is synchronous; whoever owns the connection calls :meth:`Pipeline.turn`
when something has happened, on the event loop (``client.py``) or on a thread (``rpc.py``).
"""

from __future__ import annotations

import itertools
from collections import deque

from fluxapi.errors import FluxapiError, InstanceUnavailable

from . import refusal
from .calls import Call, Post, Request, Signer, Stream, Submissions
from .wire import Connection

__all__ = ["Pipeline"]

WINDOW = 2048
"""Submissions in flight. Flux commits in batches, so more are faster, but a later call waits for
them. A large one counts as several (:meth:`Submissions.weight`): Flux needs seconds for ten
megabytes, and answers none of them before."""

_MAX_IN_FLIGHT = 1 << 17
_MAX_TAG = 2**32


class Pipeline:
    """The requests of one connection.

    Args:
        timeout: Seconds that Flux has for each call, or to make progress with submissions.
        post: Has a result delivered on the event loop.
        slice: Submissions that are sent, or responses that are taken, before other batches and the
            other direction.
    """

    def __init__(self, timeout: float, post: Post, slice: int) -> None:
        self.signer: Signer | None = None
        """Signs submissions; set it before the first one."""
        self._timeout = timeout
        self._post = post
        self._slice = slice
        # Requests may come from another thread than the one that takes turns.
        self._inbox: deque[Call | Stream | Submissions] = deque()
        self._canceled: deque[Stream] = deque()
        self._tags = itertools.count(1)
        self._waiting: dict[int, tuple[Request, int]] = {}
        self._batches: deque[Submissions] = deque()
        self._window = WINDOW
        self._deadlines: deque[tuple[float, int]] = deque()
        self._progress = 0.0

    def add(self, request: Call | Stream | Submissions) -> None:
        """Send a request in the next turn; raise ``InstanceUnavailable`` if too many wait."""
        if len(self._inbox) + len(self._waiting) > _MAX_IN_FLIGHT:
            raise InstanceUnavailable("Too many calls wait for the Flux broker.")
        self._inbox.append(request)

    def cancel(self, stream: Stream) -> None:
        """Cancel a stream, which may have ended, in the next turn."""
        self._canceled.append(stream)

    @property
    def has_news(self) -> bool:
        """Return whether there are requests that no turn has seen."""
        return bool(self._inbox or self._canceled)

    def turn(self, connection: Connection, now: float) -> bool:
        """Send and receive a slice; return whether there may be more.

        Raises:
            OSError: The connection is lost.
        """
        is_busy = self._send(connection, now)
        is_busy |= self._receive(connection, now)
        self._expire(now)
        return is_busy

    def fail(self, error: FluxapiError) -> None:
        """Fail all requests, in flight or not."""
        requests: dict[int, Request] = {id(r): r for r, _ in self._waiting.values()}
        requests.update((id(batch), batch) for batch in self._batches)
        while self._inbox:
            unsent = self._inbox.popleft()
            requests[id(unsent)] = unsent
        self._waiting.clear()
        self._batches.clear()
        self._deadlines.clear()
        self._canceled.clear()
        self._window = WINDOW
        for request in requests.values():
            request.fail(error, self._post)

    @property
    def deadline(self) -> float | None:
        """Return the time at which a request may time out, or ``None`` if there is none."""
        moments: list[float] = []
        if self._deadlines:
            moments.append(self._deadlines[0][0])
        if self._inbox:
            moments.append(self._inbox[0].asked + self._timeout)
        if self._window < WINDOW:
            moments.append(self._progress + self._timeout)
        return min(moments, default=None)

    def _send(self, connection: Connection, now: float) -> bool:
        """Send requests; return whether there are more to send."""
        if not connection.flush():
            return False
        for _ in range(self._slice):
            if self._canceled:
                self._send_cancel(connection, self._canceled.popleft())
            elif self._inbox:
                self._take(connection, self._inbox.popleft())
            else:
                break
            if connection.clogged:
                return False
        return self._send_batches(connection, now) or self.has_news

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
        signer = self.signer
        if signer is None:
            return False
        if self._window == WINDOW:
            self._progress = now
        for _ in range(self._slice):
            if not self._batches or self._window <= 0:
                return False
            batch = self._batches.popleft()
            if batch.all_sent:  # It failed.
                continue
            index, payload = batch.next(signer)
            if not batch.all_sent:
                self._batches.append(batch)
            self._window -= batch.weight(index)
            connection.request(Submissions.topic, payload, self._new_tag(batch, index))
            if connection.clogged:
                return False
        return bool(self._batches) and self._window > 0

    def _new_tag(self, request: Request, index: int) -> int:
        tag = next(self._tags) % _MAX_TAG
        while tag == 0 or tag in self._waiting:
            tag = next(self._tags) % _MAX_TAG
        self._waiting[tag] = (request, index)
        return tag

    def _send_cancel(self, connection: Connection, stream: Stream) -> None:
        if self._waiting.pop(stream.tag, None) is not None:
            payload = b'{"matchtag":%d}' % stream.tag
            connection.request(stream.cancel_topic, payload, 0)
        elif stream in self._inbox:
            self._inbox.remove(stream)

    def _receive(self, connection: Connection, now: float) -> bool:
        """Receive responses; return whether there may be more."""
        streams: list[Stream] = []
        for _ in range(self._slice):
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
            elif isinstance(request, Stream):
                streams.append(request)
            if request.answer(index, message.error, message.payload, self._post):
                self._end(connection, message.tag, request)
        for stream in streams:
            stream.handed_over()
        return message is not None

    def _end(self, connection: Connection, tag: int, request: Request) -> None:
        if isinstance(request, Stream) and request.overflowed:
            self._send_cancel(connection, request)
        self._waiting.pop(tag, None)

    def _expire(self, now: float) -> None:
        """Fail the calls that timed out, and all submissions if none was answered in time."""
        while self._deadlines and (
            self._deadlines[0][0] <= now or self._deadlines[0][1] not in self._waiting
        ):
            found = self._waiting.pop(self._deadlines.popleft()[1], None)
            if found is not None:
                found[0].fail(refusal.silent(self._timeout), self._post)
        # Requests stay here for long only if the broker accepts nothing.
        while self._inbox and self._inbox[0].asked + self._timeout <= now:
            self._inbox.popleft().fail(refusal.silent(self._timeout), self._post)
        if self._window < WINDOW and now - self._progress > self._timeout:
            self._give_up_submissions()

    def _give_up_submissions(self) -> None:
        error = refusal.silent(self._timeout)
        for tag, (request, _) in list(self._waiting.items()):
            if isinstance(request, Submissions):
                del self._waiting[tag]
                request.fail(error, self._post)
        for batch in self._batches:
            batch.fail(error, self._post)
        self._batches.clear()
        self._window = WINDOW
