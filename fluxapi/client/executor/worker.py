"""The thread of an executor: submits jobs in batches and follows them on one stream."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import Any, NamedTuple

from fluxapi.client.aio import AsyncClient
from fluxapi.client.bulk import BulkRun, OnResults, new_key
from fluxapi.client.errors import BadAnswer, BulkItem, ClientError, ProblemError
from fluxapi.client.stream import Channel
from fluxapi.model import jobid

from .errors import submit_failure
from .follower import Follower
from .future import EVENTS, FluxExecutorFuture

__all__ = ["Package", "Worker"]

_MAX_BATCH_JOBS = 1000
_MAX_BATCH_BYTES = 4 << 20
"""The most jobs, and bytes of jobs, of one request."""

_MAX_REQUESTS = 2
"""Requests that submit jobs at the same time."""


class Package(NamedTuple):
    """A job to submit, or with an ID one to attach to, and its future."""

    future: FluxExecutorFuture
    body: bytes = b""
    jobid: str | None = None


class ExecutorClient(AsyncClient):
    """The requests of an executor."""

    def event_channel(self) -> Channel:
        """Return a stream of the events that futures report."""
        return self._channel("/events", {"stream": "events", "event": sorted(EVENTS)})

    async def submit_batch(
        self, key: str, jobs: list[tuple[int, bytes]], on_results: OnResults
    ) -> None:
        """Submit jobs by their numbers, once per key and number, and pass on the results."""
        await BulkRun(self._transport, key).submit(jobs, on_results)


class Worker(threading.Thread):
    """Completes the futures of an executor until it is shut down and all of them are done.

    Args:
        client: The client, which the thread closes.
        name: The name of the thread.
    """

    def __init__(self, client: ExecutorClient, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._client = client
        self._queue: deque[Package] = deque()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wakeup: asyncio.Event | None = None
        self._is_awake = False
        self._is_over = False
        self._key = new_key()
        self._count = 0
        self.failure: BaseException | None = None
        """Why the worker has ended although it was not shut down."""

    def put(self, package: Package) -> None:
        """Pass a job to the thread.

        Raises:
            RuntimeError: The worker has failed or is shut down.
        """
        with self._lock:
            self.check()
            self._queue.append(package)
            self._wake()

    def check(self) -> None:
        """Raise ``RuntimeError`` if no job can be passed to the thread anymore."""
        if self.failure is not None:
            raise RuntimeError(
                "Executor is broken, new futures cannot be scheduled"
            ) from self.failure
        if self._is_over:
            raise RuntimeError("cannot schedule new futures after shutdown")

    def shut_down(self, *, cancel: bool = False) -> None:
        """Accept no more jobs, and end after those accepted; *cancel* those in the queue."""
        with self._lock:
            self._is_over = True
            dropped = list(self._queue) if cancel else []
            if cancel:
                self._queue.clear()
            self._wake()
        for package in dropped:
            if package.future.cancel():
                package.future.set_running_or_notify_cancel()

    def run(self) -> None:
        """Run the event loop of the thread."""
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - the futures carry it to their owner
            self._break(error)

    def _wake(self) -> None:
        if not self._is_awake and self._loop is not None and self._wakeup is not None:
            self._is_awake = True
            self._loop.call_soon_threadsafe(self._wakeup.set)

    def _break(self, error: BaseException) -> None:
        with self._lock:
            self.failure = error
            left = [package.future for package in self._queue]
            self._queue.clear()
        for future in left:
            if future.set_running_or_notify_cancel():
                future.fail(error)

    async def _serve(self) -> None:
        async with self._client as client:
            follower = Follower(client, client.event_channel())
            following = asyncio.create_task(follower.run())
            submitting = asyncio.create_task(self._submit_all(client, follower))
            try:
                done, _ = await asyncio.wait(
                    {following, submitting, follower.failure},
                    return_when=asyncio.FIRST_COMPLETED,
                )
                await asyncio.gather(*done)
            except Exception as error:
                for future in list(follower.futures()):
                    future.fail(error)
                raise
            finally:
                await _end({following, submitting})
                await follower.close()
                with self._lock:
                    self._loop = self._wakeup = None

    async def _submit_all(self, client: ExecutorClient, follower: Follower) -> None:
        """Submit and attach until the worker is shut down and no job is left."""
        wakeup = asyncio.Event()
        with self._lock:
            self._loop, self._wakeup = asyncio.get_running_loop(), wakeup
        live = asyncio.create_task(follower.live.wait())
        tasks: set[asyncio.Task[Any]] = {live}
        try:
            await self._submit_until_over(client, follower, wakeup, tasks, live)
        finally:
            await _end(tasks)
        await follower.idle.wait()

    async def _submit_until_over(
        self,
        client: ExecutorClient,
        follower: Follower,
        wakeup: asyncio.Event,
        tasks: set[asyncio.Task[Any]],
        live: asyncio.Task[Any],
    ) -> None:
        """Submit by tasks that are added to *tasks*, once *live* is done."""
        while True:
            wakeup.clear()
            with self._lock:
                self._is_awake = False
                is_over = self._is_over
            while self._queue and live.done():
                while len(tasks) >= _MAX_REQUESTS:
                    await _any_of(tasks)
                batch = self._next_batch(follower)
                if batch:
                    follower.expect()
                    tasks.add(asyncio.create_task(_submit(client, follower, self._key, batch)))
            if is_over and not self._queue:
                break
            await _woken(wakeup, tasks)
        if not live.done():
            tasks.discard(live)
            live.cancel()
        while tasks:
            await _any_of(tasks)

    def _next_batch(self, follower: Follower) -> list[tuple[int, Package]]:
        """Take the jobs of one request from the queue; attach to those that have an ID."""
        batch: list[tuple[int, Package]] = []
        size = 0
        while self._queue and len(batch) < _MAX_BATCH_JOBS:
            size += len(self._queue[0].body)
            if batch and size > _MAX_BATCH_BYTES:
                break
            with suppress(IndexError):
                package = self._queue.popleft()
                if not package.future.set_running_or_notify_cancel():
                    continue
                if package.jobid is None:
                    batch.append((self._count, package))
                    self._count += 1
                else:
                    follower.attach(package.jobid, package.future)
        return batch


async def _submit(
    client: ExecutorClient, follower: Follower, key: str, batch: list[tuple[int, Package]]
) -> None:
    left = dict(batch)

    def take(items: list[BulkItem]) -> None:
        for item in items:
            jobid = None if item.id is None else _parsed(item.id)
            package = left.pop(item.index)
            if item.id is None or jobid is None:
                package.future.fail(submit_failure(item.error or BadAnswer("The job has no ID.")))
            else:
                package.future.set_jobid(jobid)
                follower.add(item.id, package.future)

    try:
        await client.submit_batch(key, [(index, it.body) for index, it in batch], take)
    except ProblemError as error:
        for package in left.values():
            package.future.fail(submit_failure(error))
    except BaseException as error:
        # No job may be left without a result, whatever the service answered.
        ended = isinstance(error, asyncio.CancelledError)
        for package in left.values():
            package.future.fail(ClientError("The executor has ended.") if ended else error)
        raise
    finally:
        follower.expected()


def _parsed(text: str) -> int:
    try:
        return jobid.parse(text)
    except ValueError as error:
        raise BadAnswer(f"The service answered with a bad job ID: {error}") from None


async def _any_of(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait until a task has ended, remove it, and raise its error."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    tasks -= done
    # This retrieves the errors of all tasks, and raises one of them.
    await asyncio.gather(*done)


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait for their ends."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _woken(wakeup: asyncio.Event, tasks: set[asyncio.Task[Any]]) -> None:
    """Wait for the next job, or as ``_any_of`` does."""
    waiting = asyncio.create_task(wakeup.wait())
    everything = {waiting, *tasks}
    try:
        await _any_of(everything)
    finally:
        waiting.cancel()
        tasks &= everything
