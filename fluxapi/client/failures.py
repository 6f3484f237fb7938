"""Failures of requests: whether to retry, and sentences that say what to do."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from fluxapi.process.text import safe

from .backoff import retry_after
from .body import read_bounded
from .config import origin
from .errors import ClientError, ConnectionFailed, Unauthorized, problem_of
from .proxy import proxy_of
from .request import Request
from .retry import Failure

if TYPE_CHECKING:
    import aiohttp

__all__ = ["interrupted", "redirected", "refused", "unanswered", "with_advice"]

_BUSY_STATUSES = frozenset({502, 503, 504})
_TOO_MANY_STATUS = 429
_MAX_PROBLEM_BYTES = 1 << 20
"""Bytes read of an error body."""
_MAX_PROBLEM_S = 30.0
"""Seconds for which an error body is read; after these, the status must do."""


async def refused(response: aiohttp.ClientResponse, request: Request) -> Failure:
    """Return the failure that a status of 400 or more stands for."""
    import aiohttp  # noqa: PLC0415 - already imported

    try:
        body = await read_bounded(response, _MAX_PROBLEM_BYTES, _MAX_PROBLEM_S)
        document = msgspec.json.decode(body or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, aiohttp.ClientError, OSError):
        document = None
    except RecursionError:
        document = None
    except asyncio.TimeoutError:
        document = None
    status = response.status
    error = problem_of(status, document, response.headers.get("X-Request-ID"))
    retryable = status == _TOO_MANY_STATUS or (status in _BUSY_STATUSES and request.repeatable)
    error.retry_after = retry_after(response.headers.get("Retry-After"))
    return Failure(error, retryable=retryable, retry_after=error.retry_after)


def with_advice(error: ClientError, url: str, belongs_to: str | None) -> ClientError:
    """Add to an ``Unauthorized`` error of *url* how to pass credentials.

    *belongs_to* is the other address that the configured token belongs to, if it was not sent.
    """
    if not isinstance(error, Unauthorized):
        return error
    advice = (
        "Set FLUX_USER and FLUX_TOKEN (or FLUXAPI_TOKEN_FILE), or put user and token in the config "
        "file."
        if belongs_to is None
        else f"The configured token was not sent, because it belongs to {safe(belongs_to)}. If "
        f"it is a token for {safe(url)}, set FLUXAPI_URL, or url in the config file, to that "
        "address."
    )
    error.detail = f"{error.detail} {advice}".strip()
    return error


def _is_proxy_unknown(error: BaseException, url: str) -> bool:
    """Return whether the name that has no address is that of a proxy, not of the service."""
    import aiohttp  # noqa: PLC0415 - as above

    if not isinstance(error, aiohttp.ClientConnectorDNSError):
        return False
    proxy = proxy_of(url)
    return proxy is not None and error.host.casefold() == urlsplit(proxy).hostname


def unanswered(
    error: BaseException, request: Request, url: str, *, has_answered: bool, read_timeout: float
) -> Failure:
    """Return the failure of a request without a response."""
    import aiohttp  # noqa: PLC0415 - as above

    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return Failure(
            ConnectionFailed(
                f"The certificate of {url} is not trusted: {_reason(error)}. To trust its "
                "certificate authority, pass its file: --ca-file, ca_file or FLUXAPI_CA_FILE."
            )
        )
    if isinstance(error, aiohttp.ClientProxyConnectionError) or _is_proxy_unknown(error, url):
        return Failure(
            ConnectionFailed(
                f"Cannot connect to the proxy of {url}: {_reason(error)}. Check HTTPS_PROXY and "
                "HTTP_PROXY, or add the host to NO_PROXY to connect without it."
            ),
            retryable=True,
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return Failure(
            ConnectionFailed(
                f"The proxy does not connect to {url}: it answers with status {error.status}. "
                "Check HTTPS_PROXY, or add the host to NO_PROXY to connect without it."
            ),
            retryable=error.status in _BUSY_STATUSES,
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        if has_answered:
            # The address was right, so do not suggest to check it.
            sentence = (
                f"Lost the connection to {url}: {_reason(error)}. The service was stopped "
                "or is restarting."
            )
        else:
            sentence = (
                f"Cannot connect to {url}: {_reason(error)}. Check that the service is "
                "running (fluxapi serve starts one) and its address (FLUXAPI_URL)."
            )
        # The request was never sent, so any request may be retried.
        return Failure(
            ConnectionFailed(sentence), retryable=True, found_no_service=not has_answered
        )
    if isinstance(error, aiohttp.InvalidURL):
        return Failure(ConnectionFailed(f"{url} is not a valid service address."))
    advice = ""
    if isinstance(error, aiohttp.ServerDisconnectedError) and not has_answered:
        # A service with TLS closes a connection that begins with plain HTTP.
        advice = " If the service uses TLS, use https:// in its address." * url.startswith("http:")
    return interrupted(error, request, read_timeout, advice)


def interrupted(
    error: BaseException, request: Request, read_timeout: float, advice: str = ""
) -> Failure:
    """Return the failure of a request whose connection was interrupted."""
    key = request.headers.get("Idempotency-Key")
    known = (
        ""
        if key is None or request.method != "POST"
        else " The request may have succeeded: repeat it with "
        f"idempotency_key={key!r} to find out without submitting twice."
    )
    silent = read_timeout if isinstance(error, asyncio.TimeoutError) else 0.0
    reason = f"The connection was interrupted: {_reason(error)}.{advice}"
    failed = ConnectionFailed(reason + known)
    return Failure(failed, retryable=request.repeatable, silent=silent, reason=reason)


def redirected(url: str, target: str) -> ConnectionFailed:
    """Return the error for a redirect that the client does not follow."""
    scheme, host, port = origin(target)
    place = safe(f"{scheme}://{host}:{port}")
    return ConnectionFailed(
        f"{url} redirects to {place}, which would receive your credentials. If you trust "
        "it, use that address instead."
    )


def _reason(error: BaseException) -> str:
    import aiohttp  # noqa: PLC0415 - as above

    if isinstance(error, asyncio.TimeoutError):
        return "timed out"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        # Its message may be the part of the response that has arrived.
        return "Server disconnected"
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    words = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    if isinstance(inner, ConnectionRefusedError):
        # asyncio's message repeats the address and omits the reason.
        words = os.strerror(errno.ECONNREFUSED)
    return safe(str(words)).rstrip(".")
