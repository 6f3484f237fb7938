"""The check of heads that the parser of aiohttp lets through, before a request is routed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion10, HttpVersion11, hdrs, web

from .head_limit import MAX_SEGMENTS

__all__ = ["with_usual_heads"]

_RequestHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_VERSIONS = frozenset({HttpVersion10, HttpVersion11})
_NO_CODINGS: list[str] = []


def with_usual_heads(answer: _RequestHandler) -> _RequestHandler:
    """Return a handler that refuses unusual heads, and calls *answer* for all others.

    It refuses unknown ``Expect``, other versions of HTTP, transfer codings besides ``chunked``,
    which aiohttp ignores, and very deep paths.
    """

    def handle(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        # The answer is awaited by the caller, not here: one coroutine less for each request.
        if request.headers.get(hdrs.EXPECT, "100-continue").lower() != "100-continue":
            return _refuse(request, web.HTTPExpectationFailed())
        if request.version not in _VERSIONS:
            # A request line without a version is that of HTTP/0.9, whose responses have no head.
            return _refuse(request, web.HTTPVersionNotSupported(), web.HTTPBadRequest.status_code)
        codings = request.headers.getall(hdrs.TRANSFER_ENCODING, _NO_CODINGS)
        if codings and (len(codings) > 1 or codings[0].lower() != "chunked"):
            return _refuse(request, web.HTTPNotImplemented(), web.HTTPBadRequest.status_code)
        if request.rel_url.raw_path.count("/") > MAX_SEGMENTS:
            return _refuse(request, web.HTTPBadRequest())
        return answer(request)

    return handle


async def _refuse(
    request: web.BaseRequest, error: web.HTTPException, status: int | None = None
) -> web.StreamResponse:
    return request.protocol.handle_error(request, status or error.status, error)
