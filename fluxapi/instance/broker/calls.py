"""The requests to the RPC thread: a call, a batch of submissions, a stream of responses.

A request is created on the event loop and answered on the RPC thread; its results return to the
event loop through the thread's :class:`~.outbox.Outbox`, many at a time.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol

import msgspec

from fluxapi.errors import FluxapiError, InstanceUnavailable, OutcomeUnknown
from fluxapi.instance.protocol import Submission
from fluxapi.model.job_end import WAITABLE
from fluxapi.model.shallow import BAD_JSON
from fluxapi.process.turn_queue import current_client

from . import refusal
from .wire import ANY_NODE

__all__ = ["Call", "Flags", "Post", "Request", "Signer", "Stream", "Submissions"]

Post = Callable[[Callable[[Any], None], Any], None]
"""``post(function, argument)`` schedules a call on the event loop."""


class _Submitted(msgspec.Struct):
    id: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


_id_decoder = msgspec.json.Decoder(_Submitted)


class Flags:
    """Options of ``flux_job_submit``(3): the values of FLUX_JOB_WAITABLE and FLUX_JOB_DEBUG."""

    DEBUG = 2
    WAITABLE = WAITABLE


class Request(Protocol):
    """A request that waits for a response since ``asked``; methods run on the RPC thread."""

    asked: float

    def answer(self, index: int, error: int, payload: bytes, post: Post) -> bool:
        """Process a response to request number *index*; return whether it is the last."""

    def fail(self, error: FluxapiError, post: Post) -> None:
        """End the request with an error: no more responses will come."""


class Call:
    """A request with one response; ``future`` receives the result of ``decode``.

    Request and response of a ``raw`` call are bytes instead of JSON.
    """

    def __init__(
        self,
        topic: bytes,
        payload: bytes,
        *,
        jobid: int | None = None,
        node: int = ANY_NODE,
        decode: Callable[[bytes], Any] = bytes,
        raw: bool = False,
    ) -> None:
        self.topic = topic
        self.payload = payload
        self.node = node
        self.raw = raw
        self.asked = time.monotonic()
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._jobid = jobid
        self._decode = decode

    def answer(self, index: int, error: int, payload: bytes, post: Post) -> bool:
        """See :class:`Request`."""
        del index
        if error:
            self.fail(refusal.error_for(error, payload, self._jobid), post)
            return True
        try:
            result = self._decode(payload)
        except (*BAD_JSON, KeyError) as problem:
            topic = self.topic.decode()
            self.fail(InstanceUnavailable(f"Flux's answer to {topic} is invalid: {problem}."), post)
        else:
            post(self._resolve, result)
        return True

    def fail(self, error: FluxapiError, post: Post) -> None:
        """See :class:`Request`."""
        post(self._reject, error)

    def _resolve(self, result: Any) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def _reject(self, error: FluxapiError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Signer:
    """A wrapper of jobspecs for ``job-ingest.submit`` (RFC 15), with the mechanism ``none``.

    Flux accepts it from the instance owner, who needs no signature (flux-core,
    src/common/libjob/submit.c).
    """

    def __init__(self, owner: int) -> None:
        fields = ("version", "i1", "userid", f"i{owner}", "mechanism", "snone")
        header = "".join(f"{field}\0" for field in fields).encode()
        self._head = b'{"J":"' + base64.b64encode(header) + b"."

    def payload(self, submission: Submission) -> bytes:
        """Return the JSON body of the request."""
        flags = submission.debug * Flags.DEBUG | submission.waitable * Flags.WAITABLE
        tail = b'.none","urgency":%d,"flags":%d}' % (submission.urgency, flags)
        return self._head + base64.b64encode(submission.jobspec) + tail


_WEIGHT_BYTES = 2048
"""Bytes of a jobspec that count as another job."""

_MAX_WEIGHT = 1024
"""Limit of the weight of a job, so that small ones are sent beside any other."""


class Submissions:
    """A batch of jobs to submit; ``future`` receives the list of IDs and errors, in order.

    The RPC thread encodes each job when it sends it, so a large batch neither blocks the event loop
    nor exists twice in memory.
    """

    topic = b"job-ingest.submit"

    def __init__(self, submissions: Sequence[Submission]) -> None:
        self.future: asyncio.Future[list[int | FluxapiError]]
        self.future = asyncio.get_running_loop().create_future()
        self.asked = time.monotonic()
        self.sent = 0
        self.client = current_client()
        self._submissions = submissions
        self._results: list[int | FluxapiError | None] = [None] * len(submissions)
        self._left = len(submissions)

    @property
    def all_sent(self) -> bool:
        """True once every job is sent."""
        return self.sent == len(self._submissions)

    def weight(self, index: int) -> int:
        """Return the share of the window that the job uses: 1, and 1 more for each 2 KiB.

        Other work counts as bytes, too.
        """
        return min(1 + self.size(index) // _WEIGHT_BYTES, _MAX_WEIGHT)

    def size(self, index: int) -> int:
        """Return the bytes of the jobspec, with the other work as bytes."""
        submission = self._submissions[index]
        return len(submission.jobspec) + submission.cost

    def next(self, signer: Signer) -> tuple[int, bytes]:
        """Return number and body of the next request."""
        index = self.sent
        self.sent += 1
        return index, signer.payload(self._submissions[index])

    def pass_over(self, post: Post) -> None:
        """Do not send the next jobs whose clients have left."""
        while not self.all_sent and self._submissions[self.sent].has_left():
            self._results[self.sent] = refusal.left()
            self.sent += 1
            self._left -= 1
            if self._left == 0:
                post(self._resolve, self._results)

    def answer(self, index: int, error: int, payload: bytes, post: Post) -> bool:
        """See :class:`Request`."""
        if error:
            self._results[index] = refusal.submit_error(error, payload)
        else:
            try:
                self._results[index] = _id_decoder.decode(payload).id
            except BAD_JSON:
                self._results[index] = OutcomeUnknown("Flux returned no job ID.")
        self._left -= 1
        if self._left == 0:
            post(self._resolve, self._results)
        return True

    def fail(self, error: FluxapiError, post: Post) -> None:
        """See :class:`Request`; jobs that were answered keep their results.

        Flux may still accept the other jobs that were sent, so their outcome is unknown.
        """
        sent, self.sent = self.sent, len(self._submissions)
        if self._left:
            self._left = 0
            unknown = OutcomeUnknown(error.detail)
            post(
                self._resolve,
                [
                    (unknown if index < sent else error) if known is None else known
                    for index, known in enumerate(self._results)
                ],
            )

    def _resolve(self, results: list[int | FluxapiError]) -> None:
        if not self.future.done():
            self.future.set_result(results)


class Stream:
    """A request with many responses, passed on in batches until ENODATA ends them.

    The first ``skip`` responses are ignored; ``cancel_topic`` cancels the stream. At most ``limit``
    bytes wait for the consumer: more end the stream, and set :attr:`overflowed`. ``on_waiting`` is
    told each change of the bytes that wait, those of the objects included.
    """

    def __init__(
        self,
        topic: bytes,
        payload: bytes,
        *,
        jobid: int | None = None,
        skip: int = 0,
        limit: int = 1 << 24,
        cancel_topic: bytes | None = None,
        node: int = ANY_NODE,
    ) -> None:
        self.topic = topic
        self.node = node
        self.cancel_topic = cancel_topic or topic + b"-cancel"
        self.payload = payload
        self.asked = time.monotonic()
        self.tag = 0
        self.overflowed = False
        self.on_waiting: Callable[[int], None] = lambda _change: None
        self.awaited = False
        """True while the consumer waits for the next batch, or is about to take it."""
        self._jobid = jobid
        self._skip = skip
        self._limit = limit
        # Each is written by one thread only; the difference is the bytes that wait.
        self._produced = 0
        self._consumed = 0
        self._batches: deque[list[bytes]] = deque()
        self._ended = False
        self._error: FluxapiError | None = None
        self._news = asyncio.Event()
        self._fresh: list[bytes] | None = None

    async def next_batch(self) -> list[bytes] | None:
        """Return the payloads since the last call, ``None`` at the end; raise Flux's error."""
        self.awaited = True
        try:
            return await self._next_batch()
        finally:
            self.awaited = False

    async def _next_batch(self) -> list[bytes] | None:
        while not self._batches:
            if self._ended:
                if self._error is not None:
                    raise self._error
                return None
            self._news.clear()
            await self._news.wait()
        batch = self._batches.popleft()
        self._consumed += sum(map(len, batch))
        self.on_waiting(-_memory_of(batch))
        return batch

    def drop(self) -> None:
        """End the stream as overflowed, and forget what waits."""
        self.overflowed = self._ended = True
        self._batches.clear()
        self._news.set()

    def answer(self, index: int, error: int, payload: bytes, post: Post) -> bool:
        """See :class:`Request`."""
        del index
        if error:
            self._fresh = None
            ended = error == errno.ENODATA
            post(self._end, None if ended else refusal.error_for(error, payload, self._jobid))
            return True
        if self._skip:
            self._skip -= 1
            return False
        if self._produced - self._consumed > self._limit:
            self._fresh = None
            self.overflowed = True
            post(self._end, None)
            return True
        self._produced += len(payload)
        if self._fresh is None:
            self._fresh = []
            post(self._take, self._fresh)
        self._fresh.append(payload)
        return False

    def handed_over(self) -> None:
        """Pass the current batch to the event loop."""
        self._fresh = None

    def fail(self, error: FluxapiError, post: Post) -> None:
        """See :class:`Request`."""
        post(self._end, error)

    def _take(self, batch: list[bytes]) -> None:
        if self._ended:
            return  # It was dropped.
        self._batches.append(batch)
        self._news.set()
        self.on_waiting(_memory_of(batch))

    def _end(self, error: FluxapiError | None) -> None:
        self._ended = True
        self._error = error
        self._news.set()


def _memory_of(batch: list[bytes]) -> int:
    return sum(map(sys.getsizeof, batch)) + 8 * len(batch)
