"""The pages on which people log in and out, and the requests behind them."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from aiohttp import hdrs, web

from fluxapi.errors import Conflict, FluxapiError, TooManyRequests, Unauthorized
from fluxapi.http import authentication, base, cookies, keys
from fluxapi.http.negotiation import wants_page
from fluxapi.model.message import problem
from fluxapi.security.clients import client_of
from fluxapi.security.credentials import CHALLENGES
from fluxapi.security.principal import Principal

from .problems import detail_of
from .rendering import render
from .words import words_of

__all__ = ["ask", "log_in", "log_out", "login", "logout", "next_page"]

HOME = "/"

_MAX_NEXT_CHARS = 2048
_SAFE_NEXT = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?\Z", re.ASCII)
"""A path below the root of the service: neither ``//`` nor a backslash, which browsers take for
another host."""

_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|\Z)", re.IGNORECASE)
"""A segment that leads out of a folder, and so out of the prefix of a proxy."""


def next_page(text: str | None) -> str:
    """Return the page to show after the login: *text* if it is one of this service, else the first.

    It begins at the root of the service, without the prefix of a proxy.
    """
    if not text or len(text) > _MAX_NEXT_CHARS or not _SAFE_NEXT.match(text):
        return HOME
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    return HOME if "//" in path or _DOTS.search(path) else text


async def login(request: web.Request) -> web.Response:
    """Render the login page."""
    principal = authentication.signed_in(request)
    return await _page(request, next_page(request.query.get("next")), signed_in=principal)


async def ask(request: web.Request, refused: FluxapiError) -> web.Response:
    """Render the login page in place of a page that needs credentials."""
    has_tried = hdrs.AUTHORIZATION in request.headers
    return await _page(
        request,
        next_page(request.rel_url.raw_path_qs),
        status=refused.status,
        message=detail_of(words_of(request), refused) if has_tried else "",
    )


async def _page(
    request: web.Request,
    after: str,
    *,
    status: int = 200,
    message: str = "",
    signed_in: Principal | None = None,
    user: str = "",
) -> web.Response:
    context = {
        "page": "login",
        "next": after,
        "message": message,
        "given": user,
        "signed_in": "" if signed_in is None else signed_in.right,
        "has_code": request.app[keys.SETTINGS].has_login_code,
        "is_required": not authentication.is_open(request, request.app[keys.CREDENTIALS]),
    }
    return await render(request, "login.html", context, status=status)


async def log_in(request: web.Request) -> web.StreamResponse:
    """Sign the browser in with a user name and a token, and lead it to the page it came for."""
    credentials = request.app[keys.CREDENTIALS]
    if authentication.is_open(request, credentials):
        raise Conflict(problem("no_log_in"))
    fields: dict[str, Any] = request[keys.BODY]
    after = next_page(fields.get("next"))
    try:
        principal = credentials.check_person(
            fields.get("user", ""), fields["token"], client_of(request)
        )
    except (Unauthorized, TooManyRequests) as refused:
        if not wants_page(request):
            raise
        user = fields.get("user", "")
        message = detail_of(words_of(request), refused)
        page = await _page(request, after, status=refused.status, message=message, user=user)
        page.headers.update(refused.headers)
        if isinstance(refused, Unauthorized):
            page.headers[hdrs.WWW_AUTHENTICATE] = CHALLENGES[1]
        return page
    current, value = authentication.signed_in(request), ""
    if current is not None and current.has_more_than(principal):
        # A link that was shared takes no rights from its reader.
        signed_in = current
    else:
        # A value from before the login may be known to somebody else.
        credentials.sign_ins.end(cookies.read(request))
        value, signed_in = credentials.sign_ins.begin(principal)
    if wants_page(request):
        response = web.Response(status=303, headers={hdrs.LOCATION: base.relative(request, after)})
    else:
        told = {"user": signed_in.user, "scope": signed_in.right, "expires": signed_in.expires}
        response = web.Response(body=msgspec.json.encode(told), content_type="application/json")
    if value:
        cookies.write(request, response, value)
    return response


async def logout(request: web.Request) -> web.Response:
    """Render a page that logs the browser out, or makes it forget what it sends as HTTP Basic.

    HTTP has no logout for Basic (RFC 7617). Chromium drops rejected credentials and does not ask
    for new ones if Basic is not offered; other browsers may keep them until they are closed, and
    the page tells so.
    """
    if authentication.is_open(request, request.app[keys.CREDENTIALS]):
        raise Conflict(problem("no_log_out"))
    if authentication.signed_in(request) is not None:
        return await render(request, "logout.html", {"page": "logout", "asks": True})
    if not wants_page(request):
        raise Unauthorized("You are logged out.")
    return await render(
        request,
        "logout.html",
        {"page": "logout", "asks": False, "is_stranger": True, "right": None, "user": ""},
        status=Unauthorized.status,
        headers={hdrs.WWW_AUTHENTICATE: CHALLENGES[1]},
    )


async def log_out(request: web.Request) -> web.StreamResponse:
    """Sign the browser out: its cookie and its streams end, here and in the browser."""
    credentials = request.app[keys.CREDENTIALS]
    if authentication.is_open(request, credentials):
        raise Conflict(problem("no_log_out"))
    if authentication.signed_in(request) is not None:
        credentials.sign_ins.end(cookies.read(request))
    if wants_page(request):
        response = web.Response(
            status=303, headers={hdrs.LOCATION: base.relative(request, "/ui/login")}
        )
    else:
        response = web.Response(body=b'{"Message":"You are logged out."}')
        response.content_type = "application/json"
    cookies.delete(request, response)
    return response
