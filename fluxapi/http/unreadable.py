"""The errors for requests that cannot be read, in sentences of the service."""

from __future__ import annotations

from collections.abc import Reversible

import msgspec
from aiohttp import StreamReader, hdrs, web

from fluxapi import errors
from fluxapi.process.tracebacks import drop_tracebacks

from .common_headers import HEADERS
from .head_limit import MAX_SEGMENTS

__all__ = ["forget_frames", "refusal", "unreadable"]

_BAD_REQUEST = 400
_KINDS: dict[int, type[errors.FluxapiError]] = {
    _BAD_REQUEST: errors.RequestError,
    413: errors.BodyTooLarge,
    417: errors.ExpectationFailed,
}
_DETAILS = {
    "LineTooLong": "The request line or a header is too long.",
    "BadHttpMethod": "The request line is not valid HTTP.",
    "BadStatusLine": "The request line is not valid HTTP.",
    "InvalidHeader": "A header is not valid HTTP.",
    "InvalidURLError": "The request target is not a valid URL; percent-encode all but ASCII "
    "characters, and write f2QK3Zz for ƒ2QK3Zz.",
    "TransferEncodingError": "The body is not in valid chunks.",
    "ContentLengthError": "The body is shorter than its Content-Length.",
    "HTTPBadRequest": f"The path has more than {MAX_SEGMENTS} segments.",
    "HTTPVersionNotSupported": "The service speaks HTTP/1.1 and HTTP/1.0 only.",
    "HTTPNotImplemented": "The service reads no transfer coding but chunked; send the body plain.",
    "HTTPExpectationFailed": "The service supports only Expect: 100-continue; leave others out.",
}
"""Sentences by the error of aiohttp's parser, whose own texts repeat the input."""

_OTHER = "The request is not valid HTTP/1.1."
_BUG = "Internal error of the service; its log has the details."


def unreadable(status: int, exc: BaseException | None) -> errors.FluxapiError:
    """Return the error for a request that the server of aiohttp refuses with *status*."""
    kind = _KINDS.get(status)
    if kind is None:
        return errors.FluxapiError(_BUG)
    return kind(_DETAILS.get(type(exc).__name__, _OTHER))


def refusal(error: errors.FluxapiError) -> web.Response:
    """Return the response with an error, after which the connection is closed."""
    response = web.Response(
        body=msgspec.json.encode(error.problem()),
        status=error.status,
        headers={**HEADERS, hdrs.CACHE_CONTROL: "no-store"},
        content_type="application/problem+json",
    )
    response.force_close()
    return response


def forget_frames(
    body: StreamReader | None, messages: Reversible[tuple[object, StreamReader]]
) -> bool:
    """Cut off the frames of the errors of a body, and of the last requests of a connection.

    Return whether the last request is such an error.

    The frames of the parser hold what has arrived, up to 256 KiB, and the error, so that both would
    stay in memory until the garbage collector runs.
    """
    if body is not None:
        drop_tracebacks(body.exception())
    found = False
    for message, _ in reversed(messages):
        error = getattr(message, "exc", None)
        if not isinstance(error, BaseException):
            break
        drop_tracebacks(error)
        found = True
    return found
