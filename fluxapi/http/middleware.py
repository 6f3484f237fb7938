"""The middleware: request ID, admission, errors as problem documents, metrics."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from aiohttp import hdrs, web

from fluxapi import errors
from fluxapi.contracts.route import Handler, Route
from fluxapi.model.message import problem as problem_of
from fluxapi.observability import logs
from fluxapi.process.admission import AdmissionLimiter
from fluxapi.process.sender_check import check_sender_by
from fluxapi.process.tracebacks import drop_tracebacks
from fluxapi.process.turn_queue import work_for
from fluxapi.security.credentials import CHALLENGES, Credentials
from fluxapi.security.origins import OriginPolicy
from fluxapi.security.principal import ANYBODY, STRANGER, Principal
from fluxapi.sessions.child import canonical_path
from fluxapi.sessions.session import ROOT
from fluxapi.settings import Settings

from . import authentication, base, clients, keys, peer
from .rate_limits import RateLimits

__all__ = ["create", "problem"]

_log = logging.getLogger(__name__)

_PAGE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_POST})

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}\Z")
_HOOKED_F = "\N{LATIN SMALL LETTER F WITH HOOK}"
"""The first letter of a job ID in F58 (RFC 19), if it is not written as ASCII ``f``."""

_encoder = msgspec.json.Encoder()

_SUBMISSIONS = frozenset({"submit", "bulk"})
"""Body schemas of the routes that submit jobs."""

_READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})

_BY_STATUS: dict[int, type[errors.FluxapiError]] = {
    400: errors.RequestError,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
}


def create(
    settings: Settings, credentials: Credentials, limits: RateLimits
) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Return the middleware of the application."""
    origins = OriginPolicy(settings)
    # Probes of the service do not wait for the requests that keep it busy.
    probes = AdmissionLimiter()

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        app = request.app
        route = app[keys.ROUTES].get(request.match_info.handler)
        app[keys.METRICS].under_way += 1
        under_way, counted = app[keys.UNDER_WAY], ""
        request[keys.BASE] = base.find(request, settings.trust_from)
        request[keys.REQUEST_ID] = request_id = _request_id(request)
        logs.begin_request(request_id)
        response: web.StreamResponse
        try:
            authentication.check_once(request)
            origins.check(request, peer.forwarded(request, "X-Forwarded-Host", settings.trust_from))
            address = clients.address_of(request)
            limits.check_request((address,))
            path = await _admit(request, route, credentials)
            client = _count_for_client(request, limits)
            _work_for_sender(client, request[keys.PRINCIPAL], credentials)
            if route is not None and route.at_once:
                await probes.take()
            else:
                under_way.begin(client)
                counted = client
                await app[keys.ADMISSION].take()
            if path == ROOT:
                response = await handler(request)
            else:
                async with app[keys.CHILDREN].using(path, client) as session:
                    request[keys.SESSION] = session
                    response = await handler(request)
            is_read = request.method in _READING or (route is not None and route.reads_only)
            if is_read and not response.prepared:
                # It may have taken long to read; streams end by themselves.
                authentication.check_again(request)
        except asyncio.CancelledError:
            if not app[keys.SHUTDOWN].has_begun or request.writer.output_size > 0:
                raise
            response = problem(request, _cut_short(route))
        except Exception as error:  # noqa: BLE001 - a bug is logged; the client gets no traceback
            response = await _answer_to(request, error)
            drop_tracebacks(error)
        finally:
            app[keys.METRICS].under_way -= 1
            if counted:
                under_way.end(counted)
        _observe(request, route, response, time.perf_counter() - started)
        return response

    return around


def _observe(
    request: web.Request, route: Route | None, response: web.StreamResponse, took: float
) -> None:
    """Count a request in the metrics, and log it."""
    name = request.match_info.route.name or "none"
    # The values of labels must be bounded, and a client may send any method.
    method = request.method if request.method in hdrs.METH_ALL else "other"
    is_stream = route is not None and route.stream
    seconds = None if is_stream else took
    request.app[keys.METRICS].observe(name, method, response.status, seconds)
    principal = request.get(keys.PRINCIPAL, STRANGER)
    logs.access(method, name, response.status, took, principal.user or None)


async def _admit(request: web.Request, route: Route | None, credentials: Credentials) -> str:
    """Set the principal of a request, and return the path of its instance.

    Credentials are checked first, so that only authenticated clients learn which instances exist.
    Raises ``Unauthorized`` or ``Forbidden``. The session of the root is set, too.
    """
    sessions = request.app[keys.SESSIONS]
    is_of_instance = route is not None and route.scope == "instance"
    path = request.match_info.get("instance", ROOT) if is_of_instance else ROOT
    session = sessions.find(path.replace(_HOOKED_F, "f")) if is_of_instance else None
    principal = (
        ANYBODY
        if authentication.is_open(request, credentials)
        else await authentication.identify(request, route, session, credentials)
    )
    request[keys.PRINCIPAL] = principal
    if route is not None and route.right is not None:
        principal.require(route.right)
    if path != ROOT:
        return canonical_path(path)
    if is_of_instance:
        request[keys.SESSION] = sessions.root
    return ROOT


def _count_for_client(request: web.Request, limits: RateLimits) -> str:
    """Count an admitted request for its token, login or named user.

    Returns:
        The name of this client; that of the address without any of them.
    """
    address, *others = clients.clients_of(request)
    limits.check_request(others)
    return others[-1] if others else address


def _work_for_sender(client: str, principal: Principal, credentials: Credentials) -> None:
    """Let this task work for the sender of a request, in the turns of *client*."""
    work_for(client)
    check_sender_by(partial(credentials.check_still_valid, principal))


async def _answer_to(request: web.Request, error: Exception) -> web.StreamResponse:
    """Return the response to a request that ended with *error*."""
    if isinstance(error, errors.FluxapiError):
        return await _error_response(request, error)
    if isinstance(error, web.HTTPException):
        return await _translate(request, error)
    if isinstance(error, ConnectionResetError):
        return problem(request, errors.RequestError("The connection was lost."))
    _log.error("request %s failed", request[keys.REQUEST_ID], exc_info=error)
    bug = errors.FluxapiError(problem_of("internal_error"))
    try:
        return await _error_response(request, bug)
    except Exception as error_of_page:  # noqa: BLE001 - the page of the error may have the same bug
        _log.error("no page for request %s", request[keys.REQUEST_ID], exc_info=error_of_page)
        return problem(request, bug)


def _cut_short(route: Route | None) -> errors.Unavailable:
    """Return the error for a request that the shutdown has interrupted."""
    if route is not None and route.body in _SUBMISSIONS:
        return errors.OutcomeUnknown("The service stopped before Flux had answered.")
    return errors.ShuttingDown(problem_of("cut_short"))


def _request_id(request: web.Request) -> str:
    given = request.headers.get("X-Request-ID")
    if given is not None and _REQUEST_ID.match(given):
        return given
    # It has to be unique, not secret, and the numbers of the kernel cost a system call.
    return f"{random.getrandbits(64):016x}"


async def _error_response(request: web.Request, error: errors.FluxapiError) -> web.Response:
    """Return an error as a page for a browser's navigation, else as a problem document.

    Only navigation asks for ``text/html``; programs and the scripts of the pages do not.
    """
    is_page = request.method in _PAGE_METHODS and "text/html" in request.headers.get(
        hdrs.ACCEPT, ""
    )
    if not is_page:
        return problem(request, error)
    try:
        page = await request.app[keys.ERROR_PAGE](request, error)
    except ConnectionResetError as left:
        # The client has left while its page was made, so nobody reads the response.
        drop_tracebacks(left)
        return problem(request, error)
    page.headers.update(error.headers)
    if isinstance(error, errors.Unauthorized):
        # For Basic a browser would open its own dialog above the page, which is a login page.
        page.headers.add(hdrs.WWW_AUTHENTICATE, CHALLENGES[1])
    return page


def problem(request: web.Request, error: errors.FluxapiError) -> web.Response:
    """Return the RFC 9457 problem document of an error as a response."""
    document = error.problem(request.get(keys.BASE, ""))
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
    """Add the accepted authentication schemes to a 401."""
    if isinstance(error, errors.Unauthorized):
        # For Basic a browser opens its own dialog above the page. The scripts of the dashboard
        # send X-Requested-With and show a dialog of their own.
        is_script = "X-Requested-With" in request.headers
        for challenge in CHALLENGES[1:] if is_script else CHALLENGES:
            response.headers.add(hdrs.WWW_AUTHENTICATE, challenge)


async def _translate(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """Return the response to an error of aiohttp, such as an unknown route or method."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted({*error.allowed_methods, hdrs.METH_OPTIONS}))
        if request.method == hdrs.METH_OPTIONS:
            return web.Response(status=204, headers={hdrs.ALLOW: allowed})
        return await _error_response(
            request,
            errors.MethodNotAllowed(
                f"{request.method[:32]} is not allowed at this path; it allows {allowed}.",
                headers={hdrs.ALLOW: allowed},
            ),
        )
    if error.status < 400:  # noqa: PLR2004 - redirects are answers
        return error
    kind = _BY_STATUS.get(error.status, errors.FluxapiError)
    if isinstance(error, web.HTTPNotFound):
        detail = (
            f"There is no page or route at {request.path[:255]}; see {request[keys.BASE]}/docs."
        )
    else:
        detail = error.reason
    return await _error_response(request, kind(detail))
