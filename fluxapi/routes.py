"""Every route of the service, in one table: what it takes, what it answers, who may ask.

The table is what the router, the validation and the OpenAPI document are made from. Each route
answers below ``/v1`` and without that prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from aiohttp import web

from . import body, errors, keys, querystring, schema
from .handlers import (
    bulk,
    control,
    docs,
    events,
    health,
    jobs,
    output,
    resources,
    service,
    submit,
    token,
)
from .middleware import PUBLIC, STREAMS, Handler
from .web import views

__all__ = ["PREFIX", "ROUTES", "Route", "add_routes"]

PREFIX = "/v1"

_ID = r"{id:(?!(?:bulk|cancel|search|submit)(?:/|$))[^/]+}"
"""What may be a job id: not the names beside it, so that their other methods are 405, not 404."""

BodyUse = Literal["none", "optional", "required", "raw"]
"""``raw``: required, and decoded and validated by the handler, piece by piece."""


MAX_FIELDS_BYTES = 64 << 10
"""Body of a route that takes a few fields; that of anybody without credentials is no larger."""

MAX_LISTS_BYTES = 1 << 20
"""Body of a route that takes lists: 10,000 job ids in their longest form, 128 subscriptions."""


@dataclass(frozen=True)
class Route:
    """One operation.

    ``name`` is its OpenAPI operation id; ``body`` and ``query`` name schemas; ``answers`` maps a
    status to the schema of its JSON; ``max_body`` is the size of the largest body in bytes,
    ``None`` that of ``--max-body``; ``other`` are further media types of a 200; ``fails`` the
    errors that it raises besides those that every route may raise; ``stream``: the answer goes on
    until one side ends it, and a ticket opens it; ``fields_in_query``: without a
    body, the query parameters are its fields; ``headers`` are those of the request that it reads,
    ``tells`` those that an answer may have besides what every answer has.
    """

    method: str
    path: str
    handler: Handler
    name: str
    tag: str
    summary: str
    answers: Mapping[int, str]
    body: str = "no-body"
    body_use: BodyUse = "none"
    max_body: int | None = MAX_FIELDS_BYTES
    query: str = "no-query"
    fails: tuple[type[errors.FluxapiError], ...] = ()
    other: tuple[str, ...] = ()
    public: bool = False
    stream: bool = False
    fields_in_query: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    tells: Mapping[str, str] = field(default_factory=dict)


_GONE = (errors.JobNotFound,)
_LOOKUP = (errors.JobNotFound, errors.InstanceUnavailable)
_WRITE = (errors.FluxRefused, errors.InstanceUnavailable)
_CHANGE = (errors.JobNotFound, errors.JobInactive, *_WRITE)
_KEY = {"Idempotency-Key": "One key, one job: the same request sent again gives the same job."}
_BULK_KEY = {
    "Idempotency-Key": "The same request sent again gives the same jobs and submits what is "
    "missing. Each job of a list is known by the key and its number."
}
_SUBMITTED = {
    "Location": "Address of the job.",
    "Idempotent-Replayed": "`true` where an earlier request with this key submitted the job.",
}


def _submit(path: str, name: str) -> Route:
    return Route(
        "POST", path, submit.submit, name, "jobs",
        "Submit a job: a command with options, or a whole jobspec.",
        {201: "submitted"}, body="submit", body_use="required", max_body=None,
        fields_in_query=True,
        fails=(errors.IdempotencyMismatch, errors.OutcomeUnknown, *_WRITE), headers=_KEY,
        tells=_SUBMITTED,
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    _submit("/jobs", "submitJob"),
    _submit("/jobs/submit", "submitJobForm"),
    Route(
        "POST", "/jobs/bulk", bulk.bulk, "submitJobs", "jobs",
        "Submit many jobs in one request.",
        {201: "bulk-result", 207: "bulk-result"}, body="bulk", body_use="raw", max_body=None,
        fails=(errors.IdempotencyMismatch, errors.OutcomeUnknown, *_WRITE), headers=_BULK_KEY,
    ),
    Route(
        "GET", "/jobs", jobs.list_jobs, "listJobs", "jobs", "List jobs, newest first.",
        {200: "job-list"}, query="jobs-query", fails=(errors.InstanceUnavailable,),
    ),
    Route(
        "GET", "/jobs/search", jobs.search, "searchJobs", "jobs",
        "Search jobs, in the manner of DataTables.", {200: "job-search"}, query="search-query",
    ),
    Route(
        "POST", "/jobs/cancel", control.cancel_many, "cancelJobs", "jobs",
        "Cancel jobs by ids or by filter.",
        {202: "cancel-result"}, body="cancel-many", body_use="required", max_body=MAX_LISTS_BYTES,
        fails=(errors.InstanceUnavailable,),
    ),
    Route(
        "GET", "/jobs/{id}", jobs.record, "getJob", "jobs", "Get one job.", {200: "job"},
        fails=_GONE,
    ),
    Route(
        "DELETE", "/jobs/{id}", control.cancel, "deleteJob", "jobs", "Cancel a job.",
        {202: "requested"}, fails=_CHANGE,
    ),
    Route(
        "POST", "/jobs/{id}/cancel", control.cancel, "cancelJob", "jobs", "Cancel a job.",
        {202: "requested"}, body="cancel", body_use="optional", fails=_CHANGE,
    ),
    Route(
        "POST", "/jobs/{id}/signal", control.signal, "signalJob", "jobs",
        "Send a signal to all tasks of a running job.",
        {202: "requested"}, body="signal", body_use="required", fails=_CHANGE,
    ),
    Route(
        "POST", "/jobs/{id}/urgency", control.urgency, "setUrgency", "jobs",
        "Set the urgency of a pending job.",
        {202: "requested"}, body="urgency", body_use="required", fails=_CHANGE,
    ),
    Route(
        "GET", "/jobs/{id}/wait", jobs.wait, "waitForJob", "jobs",
        "Wait until a job is inactive, or for a while; then get it as it is.",
        {200: "job"}, query="wait-query", fails=_GONE,
    ),
    Route(
        "GET", "/jobs/{id}/eventlog", jobs.eventlog, "getEventlog", "jobs",
        "Get the eventlog, as Flux keeps it.",
        {200: "eventlog"}, fails=_LOOKUP, other=("text/plain", "application/x-ndjson"),
    ),
    Route(
        "GET", "/jobs/{id}/jobspec", jobs.jobspec, "getJobspec", "jobs",
        "Get the jobspec, as Flux keeps it.", {200: "jobspec-kept"}, fails=_LOOKUP,
    ),
    Route(
        "GET", "/jobs/{id}/R", jobs.resource_set, "getR", "jobs",
        "Get the resources that the job got, as Flux keeps them.", {200: "R"}, fails=_LOOKUP,
    ),
    Route(
        "GET", "/jobs/{id}/output", output.output, "getOutput", "jobs",
        "Get what the job wrote so far: as lines; as text, which says at its end how many bytes "
        "of it are not UTF-8; as the bytes that were written; or as entries (RFC 24).",
        {200: "output"}, query="output-query",
        fails=(*_LOOKUP, errors.NotAcceptable, errors.TooManyStreams),
        other=("text/plain", "application/x-ndjson", "application/octet-stream"),
        tells={
            output.SEARCHED_HEADER: "Bytes of the end of the output in which the lines of a tail "
            "were searched for, where that was not enough to find all of them.",
        },
    ),
    Route(
        "GET", "/jobs/{id}/output/stream", output.follow, "followOutput", "jobs",
        "Follow what the job writes: what it wrote, then what it writes, to its end.",
        {}, query="output-stream-query",
        fails=(*_LOOKUP, errors.NotAcceptable, errors.TooManyStreams), stream=True,
        other=output.STREAM_OFFERS,
        headers={"Last-Event-ID": "Index of the last entry that was seen; it wins over all else."},
        tells={
            output.LIMIT_HEADER: "Bytes of the end of the output in which a tail is searched for: "
            "a stream that wrote little may have more before. Messages say how far it went.",
        },
    ),
    Route(
        "GET", "/jobs/{id}/events", events.job_events, "followJob", "events",
        "Follow the events of a job, from its first to its last.",
        {}, query="job-events-query", fails=(*_LOOKUP, errors.TooManyStreams), stream=True,
        other=("application/x-ndjson", "text/event-stream", "text/plain"),
    ),
    Route(
        "GET", "/events", events.follow, "followEvents", "events",
        "Follow events, jobs or figures of the instance.",
        {}, query="events-query", fails=(errors.InstanceUnavailable, errors.TooManyStreams),
        stream=True, other=("text/event-stream", "application/x-ndjson"),
        headers={"Last-Event-ID": "A cursor to go on from; it wins over since."},
    ),
    Route(
        "POST", "/events", events.follow_many, "followMany", "events",
        "Follow many subscriptions on one stream, where no WebSocket comes through.",
        {}, body="subscriptions", body_use="required", max_body=MAX_LISTS_BYTES,
        query="socket-query",
        fails=(errors.InstanceUnavailable, errors.TooManyStreams),
        stream=True, other=events.MANY_OFFERS,
    ),
    Route(
        "GET", "/events/ws", events.socket, "openSocket", "events",
        "Open a WebSocket (subprotocol flux-events.v1) for many subscriptions.",
        {}, query="socket-query",
        fails=(errors.RequestError, errors.InstanceUnavailable, errors.TooManyStreams),
        stream=True,
    ),
    Route(
        "POST", "/ticket", events.ticket, "getTicket", "events",
        "Get a ticket that opens one stream or socket within 30 seconds.",
        {200: "ticket"}, fails=(errors.Conflict,),
    ),
    Route(
        "GET", "/nodes", resources.nodes, "listNodes", "instance", "List the host names.",
        {200: "nodes"}, fails=(errors.InstanceUnavailable,),
    ),
    Route(
        "GET", "/resources", resources.resources, "getResources", "instance",
        "Get nodes, cores and gpus, and what of them is in use.",
        {200: "resources"}, fails=(errors.InstanceUnavailable,),
    ),
    Route(
        "GET", "/queues", resources.queues, "listQueues", "instance", "List the queues.",
        {200: "queues"}, fails=(errors.InstanceUnavailable,),
    ),
    Route("GET", "/stats", service.stats, "getStats", "instance", "Count jobs.", {200: "stats"}),
    Route(
        "GET", "/", service.home, "getInfo", "instance",
        "What is here: for a browser the dashboard.",
        {200: "info"}, query="view-query", other=("text/html",),
    ),
    Route(
        "GET", "/ui/jobs/{id}", views.job, "getJobPage", "dashboard",
        "See one job: its states, events, output and resources.", {}, fails=_LOOKUP,
        other=("text/html",),
    ),
    Route(
        "GET", "/ui/nodes", views.nodes, "getNodesPage", "dashboard",
        "See the nodes: their state, what is in use, the jobs on them.", {},
        query="nodes-query", other=("text/html",),
    ),
    Route(
        "GET", "/ui/submit", views.submit, "getSubmitPage", "dashboard",
        "Fill in a form to submit jobs.", {}, query="submit-query", other=("text/html",),
    ),
    Route(
        "GET", "/ui/logout", views.logout, "logOut", "dashboard",
        "Log out: have the browser forget the name and token that it sends.", {},
        fails=(errors.Unauthorized, errors.Conflict), public=True,
    ),
    Route(
        "GET", "/static/{version}/{name}", views.static, "getStatic", "dashboard",
        "Get a file that the pages load.", {}, fails=(errors.NotFound,),
        other=("text/javascript", "text/css"), public=True,
    ),
    Route(
        "POST", "/service/stop", service.stop, "stopService", "service",
        "Stop the service, after it has answered.",
        {200: "message"}, body="stop", body_use="optional", fields_in_query=True,
    ),
    Route(
        "POST", "/token", token.token, "getToken", "service", "Get a bearer token.",
        {200: "access-token"}, body="token", body_use="optional",
        fails=(errors.Unauthorized, errors.Conflict), public=True,
    ),
    Route(
        "GET", "/health", health.health, "getHealth", "service", "Whether the service runs.",
        {200: "health"}, public=True,
    ),
    Route(
        "GET", "/ready", health.ready, "getReady", "service",
        "Whether the service has caught up with the instance.",
        {200: "health"}, fails=(errors.InstanceUnavailable,),
    ),
    Route(
        "GET", "/metrics", health.metrics, "getMetrics", "service", "Get Prometheus metrics.",
        {}, other=("text/plain",),
    ),
    Route(
        "GET", "/openapi.json", docs.openapi, "getOpenAPI", "documentation",
        "Get this contract.", {}, other=("application/json",),
    ),
    Route(
        "GET", "/asyncapi.json", docs.asyncapi, "getAsyncAPI", "documentation",
        "Get the contract of the event channel.", {}, other=("application/json",),
    ),
    Route(
        "GET", "/docs", docs.guide, "getDocs", "documentation",
        "Read what guides there are, and where to begin.", {}, other=("text/html",),
    ),
    Route(
        "GET", "/docs/reference", docs.reference, "getReference", "documentation",
        "Read the reference: every operation, field and message.", {}, other=("text/html",),
    ),
    Route(
        "GET", "/docs/errors", docs.docs_errors, "getErrorDocs", "documentation",
        "Read what the problem types mean.", {}, other=("text/html",),
    ),
    Route(
        "GET", "/docs/style.css", docs.style, "getDocsStyle", "documentation",
        "Get the style sheet of the pages.", {}, other=("text/css",),
    ),
    Route(
        "GET", "/docs/images/{name}", docs.image, "getDocsImage", "documentation",
        "Get a picture of a guide.", {}, fails=(errors.NotFound,), other=("image/png",),
    ),
    Route(
        "GET", "/docs/{guide}", docs.guide, "getGuide", "documentation", "Read a guide.",
        {}, fails=(errors.NotFound,), other=("text/html",),
    ),
)  # fmt: skip

_GUESSED = {"listJobs": "/", "getJob": "/ui/jobs/{id}", "listNodes": "/ui/nodes"}
"""Operations whose address without the prefix people guess, and the page that is meant."""

_PAGES = {"/ui": "/", "/ui/": "/", "/ui/jobs": "/", "/submit": "/ui/submit"}
"""Other addresses that people guess, and the page that is meant."""


def add_routes(app: web.Application) -> None:
    """Register the table, with and without the prefix."""
    for route in ROUTES:
        handler = _validated(route)
        if route.public:
            PUBLIC.add(handler)
        if route.stream:
            STREAMS.add(handler)
        for path, name in _places(route):
            if route.method == "GET":
                page = _GUESSED.get(name)
                shown = handler if page is None else _for_people(handler, page)
                app.router.add_get(path, shown, name=name, expect_handler=_say_nothing)
            else:
                app.router.add_route(
                    route.method, path, handler, name=name, expect_handler=_say_nothing
                )

    for path, page in _PAGES.items():
        app.router.add_get(path, _leading_to(page))


def _for_people(handler: Handler, page: str) -> Handler:
    """Return *handler* for programs, and for a browser one that leads to the page."""
    lead = _leading_to(page)

    async def handle(request: web.Request) -> web.StreamResponse:
        return await (lead if views.wants_page(request) else handler)(request)

    return handle


def _leading_to(page: str) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        path = page.format_map(
            {name: quote(it, safe="") for name, it in request.match_info.items()}
        )
        query = request.rel_url.raw_query_string
        return web.Response(status=303, headers={"Location": f"{path}?{query}" if query else path})

    return handle


async def _say_nothing(request: web.Request) -> None:
    """Leave ``100 Continue`` to the reader of the body, behind the check of credentials."""


def _places(route: Route) -> Iterator[tuple[str, str]]:
    """The paths of a route, and under which names."""
    path = route.path.replace("{id}", _ID)
    yield path, route.name
    yield PREFIX + path, f"{route.name}V1"
    if route.path == "/":
        yield PREFIX, f"{route.name}Bare"


def _validated(route: Route) -> Handler:
    """The handler, called only with a valid query and body."""
    if route.body_use == "none":
        return _without_body(route)
    return _with_body(route)


def _without_body(route: Route) -> Handler:
    inner, name = route.handler, route.query

    async def handler(request: web.Request) -> web.StreamResponse:
        request[keys.QUERY] = querystring.cached(name, request.rel_url.raw_query_string)
        request[keys.BODY] = {}
        return await inner(request)

    return handler


def _with_body(route: Route) -> Handler:
    inner = route.handler
    parse: Callable[[bytes], object] = body.decode

    async def handler(request: web.Request) -> web.StreamResponse:
        setting = request.app[keys.SETTINGS].max_body
        limit = setting if route.max_body is None else min(route.max_body, setting)
        raw = await body.read(request, limit)
        text = request.rel_url.raw_query_string
        if raw is None and text and route.fields_in_query:
            request[keys.BODY] = querystring.parse(route.body, text)
            return await inner(request)
        request[keys.QUERY] = querystring.cached(route.query, text)
        if raw is None:
            if route.body_use != "optional":
                raise errors.MalformedJSON("The body is missing: this takes a JSON object.")
            request[keys.BODY] = {}
        elif route.body_use == "raw":
            request[keys.BODY] = raw
        else:
            fields = parse(raw)
            schema.check(route.body, fields)
            request[keys.BODY] = fields
        return await inner(request)

    return handler
