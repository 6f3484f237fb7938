"""Around every handler: request id, admission, errors as problem documents, headers, metrics."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import hdrs, web

from fluxapi import errors
from fluxapi.contracts.route import Handler, Route
from fluxapi.observability import logs
from fluxapi.security.credentials import CHALLENGES, Credentials
from fluxapi.security.origins import OriginPolicy
from fluxapi.security.tickets import NO_TICKET
from fluxapi.sessions.session import ROOT
from fluxapi.settings import Settings

from . import keys
from .admission import AdmissionLimiter

__all__ = ["HEADERS", "add_headers", "create", "problem"]

_log = logging.getLogger(__name__)

_PAGE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}\Z")
_HOOKED_F = "\N{LATIN SMALL LETTER F WITH HOOK}"
"""The first letter of a job ID in F58 (RFC 19), where it is not written in ASCII."""

_encoder = msgspec.json.Encoder()

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; worker-src 'self'; "
        "img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Server": "fluxapi",
    "X-Content-Type-Options": "nosniff",
}

_SUBMISSIONS = frozenset({"submit", "bulk"})
"""Bodies of requests that make jobs."""

_BY_STATUS: dict[int, type[errors.FluxapiError]] = {
    400: errors.RequestError,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """On every response, streams too (``on_response_prepare``)."""
    headers = response.headers
    headers.update(HEADERS)
    headers["X-Request-ID"] = request.get(keys.REQUEST_ID, "")
    if hdrs.CACHE_CONTROL not in headers:
        headers[hdrs.CACHE_CONTROL] = "no-store"


def create(
    settings: Settings, credentials: Credentials
) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The one middleware."""
    origins = OriginPolicy(settings)
    turns = AdmissionLimiter()

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        metrics = request.app[keys.METRICS]
        route = request.app[keys.ROUTES].get(request.match_info.handler)
        metrics.under_way += 1
        request[keys.REQUEST_ID] = _request_id(request)
        logs.begin_request(request[keys.REQUEST_ID])
        user: str | None = None
        response: web.StreamResponse
        try:
            origins.check(request)
            user = await _admit(request, route, credentials)
            await turns.take()
            response = await handler(request)
        except errors.FluxapiError as error:
            response = await _told(request, error)
            _cut_from_frames(error)
        except web.HTTPException as error:
            response = await _translate(request, error)
        except ConnectionResetError:
            response = problem(request, errors.RequestError("The connection broke off."))
        except asyncio.CancelledError:
            if not request.app[keys.SHUTDOWN].has_begun or request.writer.output_size > 0:
                raise
            response = problem(request, _cut_short(route))
        except Exception:  # noqa: BLE001 - a bug is logged and told apart from its user
            _log.exception("request %s failed", request[keys.REQUEST_ID])
            response = problem(
                request,
                errors.FluxapiError(
                    "Something went wrong in the service; its log says what, under this request id."
                ),
            )
        finally:
            metrics.under_way -= 1
        name = request.match_info.route.name or "none"
        # What a client sends as its method is not bounded, labels must be.
        method = request.method if request.method in hdrs.METH_ALL else "other"
        took = time.perf_counter() - started
        is_stream = route is not None and route.stream
        metrics.observe(name, method, response.status, None if is_stream else took)
        logs.access(method, name, response.status, took, user)
        return response

    return around


async def _admit(request: web.Request, route: Route | None, credentials: Credentials) -> str | None:
    """Check credentials, give the request its session, and return the user where one is asked for.

    Nobody without credentials learns which instances there are. Raises ``Unauthorized`` or
    ``InstanceNotFound``.
    """
    sessions = request.app[keys.SESSIONS]
    is_of_instance = route is not None and route.scope == "instance"
    path = request.match_info.get("instance", ROOT).replace(_HOOKED_F, "f")
    session = sessions.find(path) if is_of_instance else None
    request[keys.EXPIRES] = None
    user = None
    if credentials.required and not (route and route.public):
        ticket = request.query.get("ticket") if route and route.stream else None
        if not ticket:
            request[keys.EXPIRES] = await credentials.check(request)
        elif session is not None:
            request[keys.EXPIRES] = session.tickets.redeem(ticket)
        else:
            raise errors.Unauthorized(NO_TICKET)
        user = credentials.user
    if is_of_instance:
        request[keys.SESSION] = sessions.get(path) if session is None else session
    return user


def _cut_short(route: Route | None) -> errors.Unavailable:
    """Return the error for a request that the end of the service has cut short."""
    if route is not None and route.body in _SUBMISSIONS:
        return errors.OutcomeUnknown("The service ended before Flux had answered.")
    return errors.ShuttingDown(
        "The service ended before the request was done. It may have been done all the same."
    )


def _cut_from_frames(error: BaseException) -> None:
    """Drop the tracebacks of an error that was answered.

    The frames hold the body and what was made of it, often the error as well: such a circle would
    stay in memory until the collector comes by.
    """
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__


def _request_id(request: web.Request) -> str:
    given = request.headers.get("X-Request-ID")
    if given is not None and _REQUEST_ID.match(given):
        return given
    return secrets.token_hex(8)


async def _told(request: web.Request, error: errors.FluxapiError) -> web.Response:
    """Return the response to an error: a page where a browser opens one, else a problem document.

    Only navigation asks for ``text/html``; the scripts of the pages, like programs, do not.
    """
    is_page = request.method in _PAGE_METHODS and "text/html" in request.headers.get(
        hdrs.ACCEPT, ""
    )
    if not is_page:
        return problem(request, error)
    page = await request.app[keys.ERROR_PAGE](request, error)
    page.headers.update(error.headers)
    _challenge(request, error, page)
    return page


def problem(request: web.Request, error: errors.FluxapiError) -> web.Response:
    """The RFC 9457 document of an error as a response."""
    document = error.problem()
    document["request_id"] = request.get(keys.REQUEST_ID, "")
    response = web.Response(
        body=_encoder.encode(document),
        status=error.status,
        headers=error.headers,
        content_type="application/problem+json",
    )
    _challenge(request, error, response)
    return response


def _challenge(request: web.Request, error: errors.FluxapiError, response: web.Response) -> None:
    """Add to a 401 what the client may send instead."""
    if isinstance(error, errors.Unauthorized):
        # A browser that is offered Basic puts its own question in front of the page. Scripts of
        # the dashboard say that they ask (by a header of old), and put the question themselves.
        is_script = "X-Requested-With" in request.headers
        for challenge in CHALLENGES[1:] if is_script else CHALLENGES:
            response.headers.add(hdrs.WWW_AUTHENTICATE, challenge)


async def _translate(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """What aiohttp itself raises: unknown routes, methods, bodies that are too large."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted({*error.allowed_methods, hdrs.METH_OPTIONS}))
        if request.method == hdrs.METH_OPTIONS:
            return web.Response(status=204, headers={hdrs.ALLOW: allowed})
        return await _told(
            request,
            errors.MethodNotAllowed(
                f"{request.method[:32]} is not for this path; it takes {allowed}.",
                headers={hdrs.ALLOW: allowed},
            ),
        )
    if error.status < 400:  # noqa: PLR2004 - redirects and the like are answers
        return error
    kind = _BY_STATUS.get(error.status, errors.FluxapiError)
    if isinstance(error, web.HTTPNotFound):
        detail = f"There is no page or route at {request.path[:255]}; see /docs."
    else:
        detail = error.reason
    return await _told(request, kind(detail))
