"""The event channel: streams over HTTP, sockets, and tickets for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import HttpVersion11, hdrs, web

from fluxapi.errors import FluxapiError, RequestError
from fluxapi.events.channel import stream, websocket
from fluxapi.events.channel.subscriptions import Subscriptions
from fluxapi.events.filters import Filter, read_filter
from fluxapi.events.hub import Hub
from fluxapi.events.job_history import JobHistory
from fluxapi.events.output.hub import OnEnd
from fluxapi.events.output.viewer import FILES_RIGHT
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import Lines, Wire
from fluxapi.http import keys
from fluxapi.http.clients import clients_of
from fluxapi.http.negotiation import accepted
from fluxapi.security.tickets import LIFETIME_S

from .support import job_of, json_bytes, reply

__all__ = ["MANY_OFFERS", "follow", "follow_many", "job_events", "socket", "ticket"]

_log = logging.getLogger(__name__)

_JOB_OFFERS = ("application/x-ndjson", "text/event-stream", "text/plain")


@dataclass(frozen=True)
class _Following:
    """A stream of the hub as the source of a response."""

    hub: Hub
    stream: str
    filter: Filter
    since: str | None
    client: str

    def begin(self, writer: StreamWriter, wire: Wire, on_end: OnEnd) -> Callable[[], None]:
        subscription = self.hub.subscribe(
            writer,
            self.stream,
            self.filter,
            wire,
            since=self.since,
            on_end=on_end,
            client=self.client,
        )
        return partial(self.hub.unsubscribe, subscription)


@dataclass(frozen=True)
class _Job:
    """The events of one job: those so far, then those after number ``seq`` of the buffer."""

    hub: Hub
    jobid: int
    history: list[JobHistory]
    """Its only element is the events so far; the stream takes it, which may be open for days."""
    seq: int

    def begin(self, writer: StreamWriter, wire: Wire, on_end: OnEnd) -> Callable[[], None]:
        history = self.history.pop()
        sender = self.hub.histories.send(history, writer, wire, partial(on_end, "stalled"))
        subscription = self.hub.subscribe(
            writer,
            "events",
            Filter(
                ids=frozenset({self.jobid}),
                first_index=history.indexed,
                seen=history.unindexed,
            ),
            wire,
            since=self.seq,
            until=self.jobid,
            on_end=on_end,
            before=sender,
        )

        def stop() -> None:
            sender.close()
            self.hub.unsubscribe(subscription)

        return stop


MANY_OFFERS = ("application/x-ndjson",)
"""Media types of a stream with many subscriptions."""

MAX_SUBSCRIPTIONS = 128
"""Subscriptions of one stream, which all windows of a browser share."""


class _Many:
    """Many subscriptions as the source of a response of lines."""

    def __init__(self, request: web.Request, hub: Hub, wanted: list[dict[str, Any]]) -> None:
        self._hub = hub
        self._turns = request.app[keys.CONNECTIONS].messages
        self._outputs = request[keys.SESSION].outputs
        self._base = request[keys.BASE]
        self._client = clients_of(request)[-1]
        self._files = request[keys.PRINCIPAL].may(FILES_RIGHT)
        self._wanted = wanted
        self._chunked = request.version >= HttpVersion11
        self._writer: StreamWriter | None = None
        self._on_end: OnEnd | None = None

    def begin(self, writer: StreamWriter, wire: Wire, on_end: OnEnd) -> Callable[[], None]:
        del wire
        self._writer, self._on_end = writer, on_end
        subscriptions = Subscriptions(
            self,
            writer,
            self._hub,
            self._outputs,
            limit=MAX_SUBSCRIPTIONS,
            base=self._base,
            files=self._files,
            client=self._client,
        )
        beginning = asyncio.create_task(self._begin(subscriptions), name="subscriptions begin")

        def stop() -> None:
            beginning.cancel()
            subscriptions.clear()

        return stop

    async def _begin(self, subscriptions: Subscriptions) -> None:
        """Begin the subscriptions, a few of all clients in each pass of the event loop."""
        try:
            # The stream may be open for days, and keeps what it needs itself.
            self._wanted.reverse()
            while self._wanted:
                fields = self._wanted.pop()
                await self._turns.take()
                try:
                    subscriptions.begin(fields)
                except FluxapiError as error:
                    subscriptions.refuse(fields, error)
        except Exception:  # noqa: BLE001 - a bug is logged, and the client is told
            _log.exception("cannot begin the subscriptions of a stream")
            self.close("failed")

    def wire(self, label: str) -> Wire:
        """Return the wire of one subscription."""
        return Lines(self._chunked, label)

    def say(self, message: dict[str, Any]) -> None:
        """Send one message."""
        if self._writer is not None:
            line = json_bytes(message) + b"\n"
            self._writer.write(Lines(self._chunked).join([line]))

    def close(self, cause: str) -> None:
        """End the stream with all subscriptions."""
        if self._on_end is not None:
            self._on_end(cause)


def _hub(request: web.Request) -> Hub:
    """Return the hub, once the first backlog is read; raises ``InstanceUnavailable``."""
    session = request[keys.SESSION]
    if not session.journal.has_caught_up:
        raise session.journal.still_reading()
    return session.hub


# These handlers return the coroutine of the stream: one of their own around it would take memory
# for as long as the stream is open.
Answer = Awaitable[web.StreamResponse]


def _stream(request: web.Request, source: stream.Source, kind: str) -> Answer:
    connections = request.app[keys.CONNECTIONS]
    principal, clients = request[keys.PRINCIPAL], clients_of(request)
    return stream.follow(request, source, kind, connections, principal, clients=clients)


def follow(request: web.Request) -> Answer:
    """Stream events, jobs or figures."""
    kind = accepted(request, stream.OFFERS)
    fields = request[keys.QUERY]
    since = request.headers.get("Last-Event-ID") or fields.get("since")
    name = fields.get("stream", "events")
    hub, filter, client = _hub(request), read_filter(fields), clients_of(request)[-1]
    hub.check_filter(name, filter, client)
    return _stream(request, _Following(hub, name, filter, since, client), kind)


def follow_many(request: web.Request) -> Answer:
    """Stream many subscriptions as lines, for networks that block WebSockets."""
    kind = accepted(request, MANY_OFFERS)
    wanted = request[keys.BODY].pop("subscriptions")
    return _stream(request, _Many(request, _hub(request), wanted), kind)


async def job_events(request: web.Request) -> web.StreamResponse:
    """Stream all events of a job from the first one, until it is inactive."""
    kind = accepted(request, _JOB_OFFERS)
    hub, job = _hub(request), job_of(request)
    # Read before the request to Flux; events that are published meanwhile are dropped by index.
    seq = hub.buffer.head
    eventlog, client = request[keys.SESSION].instance.eventlog, clients_of(request)[-1]
    history = await hub.histories.read(job.id, eventlog, client)
    source = _Job(hub, job.id, [history], seq)
    del history
    return await _stream(request, source, kind)


def socket(request: web.Request) -> Answer:
    """Serve a WebSocket for many subscriptions."""
    hub = _hub(request)
    if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
        raise RequestError(
            f"This path serves WebSockets (subprotocol {websocket.PROTOCOL}); GET /events has the "
            "same streams over plain HTTP."
        )
    return websocket.serve(
        request,
        hub,
        request[keys.SESSION].outputs,
        request.app[keys.CONNECTIONS],
        lease=request[keys.PRINCIPAL],
        clients=clients_of(request),
        renew=request.app[keys.CREDENTIALS].check_access,
        base=request[keys.BASE],
    )


async def ticket(request: web.Request) -> web.Response:
    """Issue a ticket that is valid for as long as the credentials of this request."""
    issued = request[keys.SESSION].tickets.issue(request[keys.PRINCIPAL])
    return reply({"ticket": issued, "expires_in": LIFETIME_S})
