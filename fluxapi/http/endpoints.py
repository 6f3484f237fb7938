"""The registration of routes: their paths, and the checks before their handlers.

Each route answers below ``/v1`` and without that prefix. A route of scope ``instance`` answers
below ``/v1/instances/PATH``, and its page below ``/ui/instances/PATH``, too, where PATH names
another instance than the root.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from aiohttp import hdrs, web

from fluxapi import errors
from fluxapi.contracts import schema
from fluxapi.contracts.route import Handler, Need, Route
from fluxapi.model.message import problem
from fluxapi.process.memory import LARGE_BYTES
from fluxapi.process.timeslice import TimeSlice, stop_after_client

from . import authentication, base, body, keys, querystring
from .clients import has_left, when_left
from .decode_turn import LONG_BYTES, BeginTurn, DecodeTurn
from .negotiation import wants_page
from .turns import turns_in

__all__ = ["PREFIX", "Endpoints", "add_routes"]

PREFIX = "/v1"

_F58 = "[f\u0192][1-9A-HJ-NP-Za-km-z]{1,12}"
_INSTANCE = f"{{instance:{_F58}(?:/{_F58})*}}"
"""The path of an instance: job IDs in F58 (RFC 19), the outermost first."""


_READS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
"""Methods whose work nobody needs once the client has left; see ``Route.reads_only``, too."""

_WAITING = frozenset({"mcp-message", "collect"})
"""Body schemas of routes with an effect that comes only after a wait: a tool of MCP runs in another
task, and an end that nobody reads must not be collected."""

_TURNS = {
    "submit": keys.SUBMISSIONS,
    "mcp-message": keys.SUBMISSIONS,
    "bulk": keys.BULK_SUBMISSIONS,
    **dict.fromkeys(("collect", "log-in", "subscriptions", "token", "wait-for-jobs")),
}
"""The limit of the long bodies that are under way, by their schemas: that of checks for all others.

Requests that wait for jobs, and streams, are under way for long, and bound what they keep. Those
without credentials must not make others wait.
"""

_GUESSED = {"listJobs": "/", "getJob": "/ui/jobs/{id}", "listNodes": "/ui/nodes"}
"""Operations whose path without the prefix people try, and the page that they look for."""

_PAGES = {"/ui": "/", "/ui/": "/", "/ui/jobs": "/", "/submit": "/ui/submit"}
"""Other paths that people try, and the page that they look for."""


class Endpoints:
    """The routes at all of their paths, with the validation of query and body."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes: dict[Handler, Route] = {_add_slash: _SLASH, _drop_slash: _NO_SLASH}
        """The route that each handler belongs to."""
        self._router = web.UrlDispatcher()
        ids = _job_id(routes)
        for route in routes:
            self._add(route, ids)
        for path, page in _PAGES.items():
            self._router.add_get(path, _leading_to(page))

    def _add(self, route: Route, ids: str) -> None:
        schema.compile_validator(route.body)
        schema.compile_validator(route.query)
        handler = _validated(route)
        self.routes[handler] = route
        for path, name in _places(route, ids):
            page = _GUESSED.get(name)
            shown = handler if page is None else _for_people(handler, page)
            self.routes[shown] = route
            _add(self._router, route.method, path, shown, name)
            if _is_page(route, path):
                self._router.add_get(f"{path}/", _drop_slash)

    def __iter__(self) -> Iterator[web.AbstractResource]:
        return iter(self._router.resources())


def add_routes(app: web.Application, endpoints: Endpoints) -> None:
    """Register *endpoints*, and the path of the application without its slash."""
    app[keys.ROUTES] = endpoints.routes
    for resource in endpoints:
        app.router.register_resource(resource)
    for path in filter(None, (app[keys.SETTINGS].base_path, base.NODE)):
        app.router.add_get(path, _add_slash)


def _add(router: web.UrlDispatcher, method: str, path: str, handler: Handler, name: str) -> None:
    if method == "GET":  # and HEAD
        router.add_get(path, handler, name=name, expect_handler=_say_nothing)
    else:
        router.add_route(method, path, handler, name=name, expect_handler=_say_nothing)


def _for_people(handler: Handler, page: str) -> Handler:
    """Return *handler* for programs, with a redirect to *page* for browsers."""
    lead = _leading_to(page)

    async def handle(request: web.Request) -> web.StreamResponse:
        return await (lead if wants_page(request) else handler)(request)

    return handle


def _leading_to(page: str) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        path = page.format_map(
            {name: quote(it, safe="") for name, it in request.match_info.items()}
        )
        place = base.relative(request, path, request.rel_url.raw_query_string)
        return web.Response(status=303, headers={hdrs.LOCATION: place})

    return handle


async def _add_slash(request: web.Request) -> web.StreamResponse:
    """Redirect from a prefix to the root below it, since references are relative to a slash."""
    query = request.rel_url.raw_query_string
    place = f"./{request.rel_url.raw_path.rpartition('/')[2]}/{f'?{query}' if query else ''}"
    return web.Response(status=303, headers={hdrs.LOCATION: place})


def _is_page(route: Route, path: str) -> bool:
    """Return whether people may write *path* with a slash at its end."""
    return route.method == "GET" and path.startswith(("/ui/", "/docs")) and "." not in path


async def _drop_slash(request: web.Request) -> web.StreamResponse:
    """Redirect to the page without a slash at the end of its path."""
    path, query = request.rel_url.raw_path, request.rel_url.raw_query_string
    place = f"../{path.rstrip('/').rpartition('/')[2]}{f'?{query}' if query else ''}"
    return web.Response(status=308, headers={hdrs.LOCATION: place})


_SLASH = Route(
    "GET", "/", _add_slash, "addSlash", "dashboard", "Redirect to the root below a prefix.",
    answers={}, scope="service", right=None,
)  # fmt: skip
_NO_SLASH = Route(
    "GET", "/", _drop_slash, "dropSlash", "dashboard", "Redirect to a page without a slash.",
    answers={}, scope="service", right=None,
)  # fmt: skip


async def _say_nothing(request: web.Request) -> None:
    """Send nothing: the reader of the body sends ``100 Continue`` once credentials are checked."""


def _job_id(routes: Sequence[Route]) -> str:
    """Return the pattern of a job ID in a path.

    It excludes the names of other routes, so that their wrong methods give 405, not 404.
    """
    places = (route.path.removeprefix("/jobs/") for route in routes)
    words = "|".join(sorted({place for place in places if place.isalpha()}))
    return f"{{id:(?!(?:{words})(?:/|$))[^/]+}}"


def _places(route: Route, ids: str) -> Iterator[tuple[str, str]]:
    """Yield the paths of a route, each with its name in metrics."""
    path = route.path.replace("{id}", ids).replace("{instance}", _INSTANCE)
    yield path, route.name
    yield PREFIX + path, f"{route.name}V1"
    if route.path == "/":
        yield PREFIX, f"{route.name}Bare"
    if route.scope != "instance":
        return
    if path.startswith("/ui/"):
        yield f"/ui/instances/{_INSTANCE}{path.removeprefix('/ui')}", f"{route.name}Instance"
        return
    yield f"{PREFIX}/instances/{_INSTANCE}{path}", f"{route.name}Instance"
    if route.path == "/":
        yield f"/ui/instances/{_INSTANCE}", f"{route.name}InstancePage"


def _validated(route: Route) -> Handler:
    """Return the handler of a route behind the validation of query and body."""
    if route.in_turn or "text/html" in route.other:
        inner, page = route.handler, route.page
        route = replace(route, handler=_in_turn(inner), page=page and _in_turn(page))
    if route.body_use == "none":
        return _without_body(route)
    return _with_body(route)


def _in_turn(inner: Handler) -> Handler:
    """Return a handler that begins in a pass of the event loop in which no other such one does."""

    async def handler(request: web.Request) -> web.StreamResponse:
        await TimeSlice(0).share()
        return await inner(request)

    return handler


def _check(request: web.Request, needs: Need) -> None:
    """Raise ``NotSupported`` if the instance lacks the capability *needs*."""
    session = request[keys.SESSION]
    if not getattr(session.capabilities, needs):
        if session.info.notice:
            raise errors.NotSupported(session.info.notice)
        raise errors.NotSupported(
            problem("no_capability", needs=needs, path=f"{request[keys.BASE]}{session.api_path}/")
        )


def _stop_after_client(request: web.Request) -> None:
    connection = request.protocol
    stop_after_client(partial(has_left, connection), partial(when_left, connection))


async def _checked(name: str, raw: bytes) -> Any:
    """Return the fields of a body; raises ``ValidationFailed`` if the schema refuses them."""
    fields = await body.decode_large(raw)
    if schema.is_valid(name, fields):
        return fields
    is_short = len(raw) < LONG_BYTES
    if is_short:
        # Thousands of them may wait, and their values take twenty times as much as their text.
        fields = None
    # Even a short body may take milliseconds to explain.
    await TimeSlice(0).share()
    schema.check(name, body.decode(raw) if is_short else fields)
    return fields


def _without_body(route: Route) -> Handler:
    inner, name, needs, page = route.handler, route.query, route.needs, route.page

    async def handler(request: web.Request) -> web.StreamResponse:
        if needs is not None:
            _check(request, needs)
        if request.method in _READS:
            _stop_after_client(request)
        else:
            # The instance of a job may have taken long to open.
            authentication.check_again(request)
        request[keys.QUERY] = querystring.cached(name, request.rel_url.raw_query_string)
        request[keys.BODY] = {}
        return await (page if page and wants_page(request) else inner)(request)

    return handler


def _with_body(route: Route) -> Handler:
    needs = route.needs
    inner = _with_fields(route)

    async def handler(request: web.Request) -> web.StreamResponse:
        if needs is not None:
            _check(request, needs)
        if route.reads_only or route.body in _WAITING:
            _stop_after_client(request)
        try:
            return await inner(request)
        finally:
            # An idle connection holds its last request.
            request.pop(keys.BODY, None)

    return handler


def _with_fields(route: Route) -> Handler:
    """Return the handler of a route behind the validation of the body, which takes turns."""
    inner = route.handler
    turns = _TURNS.get(route.body, keys.CHECKS)

    async def handler(request: web.Request) -> web.StreamResponse:
        if turns is None:
            with DecodeTurn(request.app[keys.DECODING]) as begin_turn:
                await _take_body(route, request, begin_turn)
            return await inner(request)
        with turns_in(request, request.app[turns], LONG_BYTES) as begin_work:
            with DecodeTurn(request.app[keys.DECODING]) as begin_turn:

                async def begin(size: int) -> None:
                    await begin_work(size)
                    await begin_turn(size)

                await _take_body(route, request, begin)
            return await inner(request)

    return handler


async def _take_body(route: Route, request: web.Request, begin_turn: BeginTurn) -> None:
    """Set the fields of the body and of the query of a request."""
    setting = request.app[keys.SETTINGS].max_body
    limit = setting if route.max_body is None else min(route.max_body, setting)
    try:
        raw = await body.read(request, limit, begin_turn, form=route.form, script=route.script)
    except errors.BodyTooLarge:
        if limit != setting:
            raise
        told = problem("body_above_setting", limit=limit, setting="--max-body")
        raise errors.BodyTooLarge(told) from None
    authentication.check_again(request)
    if raw is not None and len(raw) >= LARGE_BYTES:
        request.app[keys.HEAP].after_large_body()
    text = request.rel_url.raw_query_string
    if raw is None and text and route.fields_in_query:
        request[keys.BODY] = querystring.parse(route.body, text)
        return
    if raw is not None and route.script and body.is_script(request):
        given = {"script": body.decode_script(raw)}
        request[keys.BODY] = querystring.parse(route.body, text, given)
        return
    request[keys.QUERY] = querystring.cached(route.query, text)
    if raw is None:
        if route.body_use != "optional":
            raise errors.MalformedJSON("The body is missing; send a JSON object.")
        request[keys.BODY] = {}
    elif route.form and body.is_form(request):
        request[keys.BODY] = querystring.parse(route.body, raw.decode("ascii", "replace"))
    elif route.body_use == "raw":
        request[keys.BODY] = raw
    else:
        request[keys.BODY] = await _checked(route.body, raw)
