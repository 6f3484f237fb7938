"""Around every handler: request id, admission, errors as problem documents, headers, metrics."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import hdrs, web

from . import errors, keys, logs
from .auth import CHALLENGES, Credentials
from .origins import Origins
from .settings import Settings
from .turns import Turns

__all__ = ["HEADERS", "PUBLIC", "STREAMS", "Handler", "add_headers", "create", "problem"]

_log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PUBLIC: set[Handler] = set()
"""Handlers that answer without credentials; the route table fills it."""

STREAMS: set[Handler] = set()
"""Handlers of streams: a ticket is enough for them, and how long they take is no latency."""

_PAGE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}\Z")
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
    origins = Origins(settings)
    required = credentials.required
    turns = Turns()

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        metrics = request.app[keys.METRICS]
        metrics.under_way += 1
        request[keys.REQUEST_ID] = _request_id(request)
        logs.begin_request(request[keys.REQUEST_ID])
        user: str | None = None
        response: web.StreamResponse
        try:
            origins.check(request)
            handled_by = request.match_info.handler
            request[keys.EXPIRES] = None
            if required and handled_by not in PUBLIC:
                ticket = request.query.get("ticket") if handled_by in STREAMS else None
                request[keys.EXPIRES] = (
                    request.app[keys.TICKETS].redeem(ticket)
                    if ticket
                    else await credentials.check(request)
                )
                user = credentials.user
            await turns.take()
            response = await handler(request)
        except errors.FluxapiError as error:
            response = await _told(request, error)
        except web.HTTPException as error:
            response = await _translate(request, error)
        except ConnectionResetError:
            response = problem(request, errors.RequestError("The connection broke off."))
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
        is_stream = request.match_info.handler in STREAMS
        metrics.observe(name, method, response.status, None if is_stream else took)
        logs.access(method, name, response.status, took, user)
        return response

    return around


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
