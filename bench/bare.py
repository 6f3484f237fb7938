"""The least service that submits jobs and follows them: aiohttp and libflux in one thread.

It checks a body by its schema and nothing else: it has no middleware, credentials, limits, errors,
index or events, and it answers as soon as Flux has given the ID. It calls libflux on the event
loop, which fluxapi does not do, since a call may block.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable

import msgspec
from aiohttp import web

from fluxapi.contracts import schema
from fluxapi.instance.bindings import load
from fluxapi.instance.broker.calls import Signer
from fluxapi.instance.broker.wire import Connection, Message
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import decode_journal
from fluxapi.model.fold import apply_all, begin
from fluxapi.model.job import Job
from fluxapi.model.jobid import encode_f58

__all__ = ["application"]

_TIMEOUT_S = 10.0


class _Id(msgspec.Struct):
    id: int


_ids = msgspec.json.Decoder(_Id)


class _Followed:
    """A connection whose messages the event loop takes as soon as they arrive."""

    def __init__(self, take: Callable[[Message], None]) -> None:
        load()
        import _flux._core as bindings  # noqa: PLC0415 - only findable now

        self.connection = Connection(bindings, None, _TIMEOUT_S)
        self._take = take
        asyncio.get_running_loop().add_reader(self.connection.descriptor, self.read)

    def read(self) -> None:
        """Take all messages; the descriptor becomes readable for the next one only then."""
        connection = self.connection
        while True:
            if connection.clogged:
                connection.flush()
            while (message := connection.receive()) is not None:
                self._take(message)
            if not connection.is_ready():
                return

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.connection.descriptor)
        self.connection.close()


class _Service:
    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._tags = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._signer = Signer(os.getuid())

    async def run(self, _: web.Application) -> AsyncIterator[None]:
        self._calls, journal = _Followed(self._answer), _Followed(self._fold)
        journal.connection.request(
            b"job-manager.events-journal", b'{"full":true}', 1, streaming=True
        )
        journal.read()
        yield
        self._calls.close()
        journal.close()

    async def submit(self, request: web.Request) -> web.Response:
        fields = msgspec.json.decode(await request.read())
        if not schema.is_valid("submit", fields):
            raise web.HTTPUnprocessableEntity
        jobspec = msgspec.json.encode(fields["jobspec"])
        tag = next(self._tags)
        self._waiting[tag] = future = asyncio.get_running_loop().create_future()
        payload = self._signer.payload(Submission(jobspec))
        while self._calls.connection.clogged:  # noqa: ASYNC110 - the broker takes it soon
            await asyncio.sleep(0)
        self._calls.connection.request(b"job-ingest.submit", payload, tag)
        jobid = encode_f58(await future)
        return web.Response(
            body=b'{"id":"%b"}' % jobid.encode(),
            status=201,
            content_type="application/json",
        )

    def _answer(self, message: Message) -> None:
        self._waiting.pop(message.tag).set_result(_ids.decode(message.payload).id)

    def _fold(self, message: Message) -> None:
        entry = decode_journal(message.payload)
        if entry.is_sentinel:
            return
        job = self._jobs.get(entry.id)
        if job is None:
            job = self._jobs[entry.id] = begin(entry.id, entry.jobspec)
        apply_all(job, entry.events, entry.R)


def application() -> web.Application:
    """Return the application in front of the broker at FLUX_URI."""
    service = _Service()
    app = web.Application()
    app.router.add_post("/v1/jobs", service.submit)
    app.cleanup_ctx.append(service.run)
    return app
