"""HTTP requests to the service: addresses, credentials, retries and errors."""

from __future__ import annotations

import asyncio
import errno
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urlencode

import msgspec

from fluxapi import __version__
from fluxapi.process.text import safe

from .backoff import retry_after
from .config import origin
from .credentials import Credentials
from .errors import BadAnswer, ClientError, ConnectionFailed, Unauthorized, problem_of
from .patience import Failure, Patience

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Answer", "Query", "Request", "Transport", "decoded"]

T = TypeVar("T")

Query = Mapping[str, object]
"""Parameters by name; a list repeats the parameter, ``None`` omits it."""

_PREFIX = "/v1"
_MAX_CONNECTIONS = 64
"""Connections for requests; streams use connections of their own."""

_MAX_REDIRECTS = 5
_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_METHOD_KEEPING_STATUSES = frozenset({307, 308})
_BUSY_STATUSES = frozenset({502, 503, 504})
_TOO_MANY_STATUS = 429
_UNAUTHORIZED_STATUS = 401
_FIRST_ERROR_STATUS = 400
_MAX_PROBLEM_BYTES = 1 << 20
"""Bytes read of an error body."""

_MAX_RESPONSE_BYTES = 1 << 30
"""Bytes of the largest response, decompressed; the whole output of a job may be large."""


@dataclass(frozen=True)
class Request:
    """One request. A ``repeatable`` request may be sent twice without harm."""

    method: str
    path: str
    query: Query = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    silence: float | None = None
    """Seconds that the service may be silent; ``None`` is the default of the client."""
    waits: bool = False
    """Whether the response may come late; it then has a connection of its own."""
    stream: bool = False
    """Whether the response has no end."""
    timeout: float | None = None
    """Seconds for which the request is retried; ``None`` is the default of the client."""


@dataclass(frozen=True)
class Answer:
    """A complete response with a status below 400."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """A connection pool for one service. It sends credentials to no other origin."""

    def __init__(self, url: str, credentials: Credentials, patience: Patience) -> None:
        self.url = url
        self.credentials = credentials
        self.patience = patience
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._renewal: asyncio.Lock | None = None
        self._has_answered = False
        self.closed = False

    def __repr__(self) -> str:
        return f"<Transport {self.url} {self.credentials!r}>"

    async def close(self) -> None:
        """Close all connections and end all streams."""
        self.closed = True
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    async def ask(self, request: Request) -> Answer:
        """Send a request, with retries, and return the response; raise ``ClientError``."""
        tries = self.patience.tries(request.timeout)
        while True:
            async with self.attempt(request) as response:
                outcome = await self.whole(response, request)
            if isinstance(outcome, Answer):
                tries.heard()
                return outcome
            await tries.wait(outcome)

    async def get(self, path: str, type: type[T], query: Query | None = None, **more: Any) -> T:
        """Send a GET request and return the response as a ``type``."""
        request = Request("GET", path, query or {}, repeatable=True, **more)
        return decoded((await self.ask(request)).body, type)

    async def post(
        self, path: str, body: object, type: type[T], *, key: str | None = None, **more: Any
    ) -> T:
        """Send a POST request and return the response as a ``type``; *key* permits retries."""
        raw = body if isinstance(body, bytes) else encoded(body)
        headers = {} if key is None else {"Idempotency-Key": key}
        request = Request(
            "POST", path, body=raw, headers=headers, repeatable=key is not None, **more
        )
        return decoded((await self.ask(request)).body, type)

    def attempt(self, request: Request) -> Attempt:
        """Return one attempt: a response with a status below 400, not read yet, or a failure."""
        return Attempt(self, request)

    async def send(self, request: Request) -> aiohttp.ClientResponse | Failure:
        """Send a request, following redirects and renewing credentials."""
        url = f"{self.url}{_PREFIX}{request.path}{_query(request.query)}"
        method, renewed, redirects = request.method, False, 0
        while True:
            authorization = await self.credentials.header()
            response = await self._raw(method, url, request, authorization)
            if isinstance(response, Failure):
                return response
            if response.status == _UNAUTHORIZED_STATUS and not renewed:
                renewed = True
                problem = await _refusal(response, request)
                response.release()
                if not await self._renew(authorization):
                    return Failure(_with_advice(problem.error))
            elif response.status in _REDIRECT_STATUSES and "Location" in response.headers:
                target = _target(response)
                kept = response.status in _METHOD_KEEPING_STATUSES or method in {"GET", "HEAD"}
                response.release()
                redirects += 1
                if target is None:
                    return Failure(ConnectionFailed(f"{self.url} redirects to an invalid address."))
                if origin(target) != origin(self.url) or not kept or redirects > _MAX_REDIRECTS:
                    return Failure(self._elsewhere(target))
                url = target
            else:
                return response

    async def _raw(
        self, method: str, url: str, request: Request, authorization: str | None
    ) -> aiohttp.ClientResponse | Failure:
        if "aiohttp" not in sys.modules:
            # The import takes a third of a second, which would block the loop.
            await asyncio.to_thread(importlib.import_module, "aiohttp")
        import aiohttp  # noqa: PLC0415 - not every program that imports the client needs it

        headers = {"Accept": "application/json", **request.headers}
        if authorization is not None:
            headers["Authorization"] = authorization
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        silence = self.patience.silence
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=silence, sock_read=request.silence or silence
        )
        try:
            response = await self._session(apart=request.stream or request.waits).request(
                method,
                _url(url),
                data=request.body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            caught: BaseException = error
        else:
            self._has_answered = True
            return response
        # Outside of the handler, since an aiohttp error may refer to the request and its headers.
        return self._unanswered(caught, request)

    def _session(self, *, apart: bool) -> aiohttp.ClientSession:
        import aiohttp  # noqa: PLC0415 - as above

        if self.closed:
            raise ClientError("The client is closed.")
        if apart not in self._sessions:
            self._sessions[apart] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0 if apart else _MAX_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"fluxapi-client/{__version__}"},
                read_bufsize=1 << 18,
            )
        return self._sessions[apart]

    async def _renew(self, refused: str | None) -> bool:
        """Renew credentials once for all rejected requests; return whether there are new ones."""
        if self._renewal is None:
            self._renewal = asyncio.Lock()
        async with self._renewal:

            async def made(basic: str) -> str:
                return (await self.exchange(basic)).access_token

            return await self.credentials.renew(refused, made)

    async def exchange(self, basic: str) -> Token:
        """Return a new access token; raise ``Unauthorized`` or another ``ClientError``."""
        request = Request("POST", "/token", headers={"Accept": "application/json"})
        response = await self._raw("POST", f"{self.url}{_PREFIX}/token", request, basic)
        if not isinstance(response, Failure):
            async with response:
                outcome = await (
                    _refusal(response, request)
                    if response.status >= _FIRST_ERROR_STATUS
                    else self.whole(response, request)
                )
            if isinstance(outcome, Answer):
                return decoded(outcome.body, Token)
            response = outcome
        raise response.error

    def _unanswered(self, error: BaseException, request: Request) -> Failure:
        import aiohttp  # noqa: PLC0415 - as above

        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
            return Failure(
                ConnectionFailed(
                    f"The certificate of {self.url} is not trusted: {_reason(error)}. To trust its "
                    "certificate authority, set SSL_CERT_FILE to the file of the authority."
                )
            )
        if isinstance(error, aiohttp.ClientConnectorError):
            if self._has_answered:
                # The address was right, so do not suggest to check it.
                sentence = (
                    f"Lost the connection to {self.url}: {_reason(error)}. The service was stopped "
                    "or is restarting."
                )
            else:
                sentence = (
                    f"Cannot connect to {self.url}: {_reason(error)}. Check that the service is "
                    "running (fluxapi serve starts one) and its address (FLUXAPI_URL)."
                )
            # The request was never sent, so any request may be retried.
            return Failure(ConnectionFailed(sentence), again=True)
        if isinstance(error, aiohttp.InvalidURL):
            return Failure(ConnectionFailed(f"{self.url} is not a valid service address."))
        return self._broken(error, request)

    def _broken(self, error: BaseException, request: Request) -> Failure:
        key = request.headers.get("Idempotency-Key")
        known = (
            ""
            if key is None or request.method != "POST"
            else " The request may have succeeded: repeat it with "
            f"idempotency_key={key!r} to find out without submitting twice."
        )
        silent = self.patience.silence if isinstance(error, asyncio.TimeoutError) else 0.0
        reason = f"The connection was interrupted: {_reason(error)}."
        failed = ConnectionFailed(reason + known)
        return Failure(failed, again=request.repeatable, silent=silent, reason=reason)

    async def whole(
        self, response: aiohttp.ClientResponse | Failure, request: Request
    ) -> Answer | Failure:
        """Read the whole response; return it, or the failure."""
        import aiohttp  # noqa: PLC0415 - it is there already

        if isinstance(response, Failure):
            return response
        try:
            body = await _read(response, _MAX_RESPONSE_BYTES)
            if body is None:
                return Failure(
                    BadAnswer(f"The response is larger than {_MAX_RESPONSE_BYTES >> 20} MiB.")
                )
            return Answer(response.status, response.headers, body)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            caught: BaseException = error
        return self._broken(caught, request)

    def _elsewhere(self, target: str) -> ClientError:
        scheme, host, port = origin(target)
        place = safe(f"{scheme}://{host}:{port}")
        return ConnectionFailed(
            f"{self.url} redirects to {place}, which would receive your credentials. If you trust "
            "it, use that address instead."
        )


class Attempt:
    """One attempt to send a request, as an async context manager.

    It is a class because asyncio closes the generators of abandoned streams in any order, which
    breaks the context managers of ``contextlib``.
    """

    def __init__(self, transport: Transport, request: Request) -> None:
        self._transport = transport
        self._request = request
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> aiohttp.ClientResponse | Failure:
        """Send the request; return the response, its body not read yet, or the failure."""
        response = await self._transport.send(self._request)
        if isinstance(response, Failure):
            return response
        self._response = response
        if response.status < _FIRST_ERROR_STATUS:
            return response
        try:
            return await _refusal(response, self._request)
        except BaseException:
            self._release()
            raise

    async def __aexit__(self, *exc: object) -> None:
        self._release()

    def _release(self) -> None:
        if self._response is None:
            return
        if self._request.stream:
            # The rest is of no use and may have no end.
            self._response.close()
        self._response.release()


class Token(msgspec.Struct):
    """``schemas/access-token.json``."""

    access_token: Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]+\Z")]
    """Sent in a header, and printed by ``fluxapi token``."""
    expires_in: float


def encoded(body: object) -> bytes:
    """Encode a request body as JSON; raise ``TypeError`` for an unsupported value."""
    return msgspec.json.encode(body)


def decoded(body: bytes, type: type[T]) -> T:
    """Decode the JSON of a response as a ``type``; raise ``BadAnswer``."""
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        reason = str(error)
    except RecursionError:
        reason = "it is nested too deeply"
    raise BadAnswer(f"The response is not that of a fluxapi service: {reason}.")


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """Read the body; return ``None`` as soon as it exceeds *most* bytes."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > most:
            return None
    return b"".join(parts)


def _target(response: aiohttp.ClientResponse) -> str | None:
    """Return the target of a redirect; ``None`` if it is invalid or has credentials."""
    try:
        target = response.url.join(_url(response.headers["Location"]))
        # yarl and urllib must both accept the address.
        origin(str(target))
    except ValueError:
        return None
    return None if target.user or target.password else str(target)


async def _refusal(response: aiohttp.ClientResponse, request: Request) -> Failure:
    """Return the failure that a status of 400 or more stands for."""
    import aiohttp  # noqa: PLC0415 - it is there already

    try:
        document = msgspec.json.decode(await _read(response, _MAX_PROBLEM_BYTES) or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, aiohttp.ClientError, OSError):
        document = None
    except RecursionError:
        document = None
    except asyncio.TimeoutError:
        document = None
    status = response.status
    error = problem_of(status, document, response.headers.get("X-Request-ID"))
    again = status == _TOO_MANY_STATUS or (status in _BUSY_STATUSES and request.repeatable)
    asked = retry_after(response.headers.get("Retry-After"))
    return Failure(error, again=again, asked=asked)


def _with_advice(error: ClientError) -> ClientError:
    if not isinstance(error, Unauthorized):
        return error
    advice = (
        "Pass user and token, set FLUX_USER and FLUX_TOKEN or FLUXAPI_TOKEN_FILE, or put them in "
        "the config file."
    )
    return type(error)(
        error.status,
        error.type,
        error.title,
        f"{error.detail} {advice}".strip(),
        error.errors,
        error.request_id,
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "timed out"
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    words = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    if isinstance(inner, ConnectionRefusedError):
        # asyncio's message repeats the address and omits the reason.
        words = os.strerror(errno.ECONNREFUSED)
    return safe(str(words)).rstrip(".")


def _url(url: str) -> Any:
    from yarl import URL  # noqa: PLC0415 - comes with aiohttp

    return URL(url, encoded=True)


def _query(query: Query) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None:
            continue
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        pairs.extend((name, _parameter(one)) for one in values)
    return f"?{urlencode(pairs)}" if pairs else ""


def _parameter(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
