"""How the service is asked: one place for addresses, credentials, tries and what went wrong."""

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
"""Parameters by name: a list is the parameter several times, ``None`` not at all."""

_PREFIX = "/v1"
_AT_ONCE = 64
"""Connections for requests; streams have their own."""

_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT_METHOD = frozenset({307, 308})
_BUSY = frozenset({502, 503, 504})
_TOO_MANY = 429
_UNAUTHORIZED = 401
_ERROR = 400
_MAX_PROBLEM = 1 << 20
"""Bytes of an error that are read."""

_MAX_ANSWER = 1 << 30
"""Bytes of the largest answer, unpacked: a whole output may be large, but there is an end to it."""


@dataclass(frozen=True)
class Request:
    """One request. ``repeatable``: whether it does no harm to send it twice."""

    method: str
    path: str
    query: Query = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    silence: float | None = None
    """Seconds that the service may be silent; ``None``: the usual ones."""
    waits: bool = False
    """Whether the answer may come late; it has a connection of its own then."""
    stream: bool = False
    """Whether the answer goes on and on."""
    timeout: float | None = None
    """Seconds for which it is tried again; ``None``: as long as the client's patience lasts."""


@dataclass(frozen=True)
class Answer:
    """A status below 400, headers, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Requests to one service. Sends credentials to it and to nobody else."""

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
        """Close all connections; streams end with them."""
        self.closed = True
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    async def ask(self, request: Request) -> Answer:
        """The answer, after as many tries as are due; raises a ``ClientError``."""
        tries = self.patience.tries(request.timeout)
        while True:
            async with self.attempt(request) as response:
                outcome = await self.whole(response, request)
            if isinstance(outcome, Answer):
                tries.heard()
                return outcome
            await tries.wait(outcome)

    async def get(self, path: str, type: type[T], query: Query | None = None, **more: Any) -> T:
        """What a GET answers, as a ``type``."""
        request = Request("GET", path, query or {}, repeatable=True, **more)
        return decoded((await self.ask(request)).body, type)

    async def post(
        self, path: str, body: object, type: type[T], *, key: str | None = None, **more: Any
    ) -> T:
        """What a POST answers, as a ``type``; with an idempotency key it may be sent twice."""
        raw = body if isinstance(body, bytes) else encoded(body)
        headers = {} if key is None else {"Idempotency-Key": key}
        request = Request(
            "POST", path, body=raw, headers=headers, repeatable=key is not None, **more
        )
        return decoded((await self.ask(request)).body, type)

    def attempt(self, request: Request) -> Attempt:
        """One try: a response with a status below 400 whose body is to be read, or a failure."""
        return Attempt(self, request)

    async def send(self, request: Request) -> aiohttp.ClientResponse | Failure:
        """The answer where redirects and new credentials have led to."""
        url = f"{self.url}{_PREFIX}{request.path}{_query(request.query)}"
        method, renewed, redirects = request.method, False, 0
        while True:
            authorization = await self.credentials.header()
            response = await self._raw(method, url, request, authorization)
            if isinstance(response, Failure):
                return response
            if response.status == _UNAUTHORIZED and not renewed:
                renewed = True
                problem = await _refusal(response, request)
                response.release()
                if not await self._renew(authorization):
                    return Failure(_with_advice(problem.error))
            elif response.status in _REDIRECTS and "Location" in response.headers:
                target = _target(response)
                kept = response.status in _KEPT_METHOD or method in {"GET", "HEAD"}
                response.release()
                redirects += 1
                if target is None:
                    return Failure(
                        ConnectionFailed(f"{self.url} sends requests on to what is no address.")
                    )
                if origin(target) != origin(self.url) or not kept or redirects > _MAX_REDIRECTS:
                    return Failure(self._elsewhere(target))
                url = target
            else:
                return response

    async def _raw(
        self, method: str, url: str, request: Request, authorization: str | None
    ) -> aiohttp.ClientResponse | Failure:
        if "aiohttp" not in sys.modules:
            # It takes a third of a second, which the loop has better things to do with.
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
        # Outside of the handler: what aiohttp raises may hold the request with its headers.
        return self._unanswered(caught, request)

    def _session(self, *, apart: bool) -> aiohttp.ClientSession:
        import aiohttp  # noqa: PLC0415 - as above

        if self.closed:
            raise ClientError("The client is closed.")
        if apart not in self._sessions:
            self._sessions[apart] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0 if apart else _AT_ONCE),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"fluxapi-client/{__version__}"},
                read_bufsize=1 << 18,
            )
        return self._sessions[apart]

    async def _renew(self, refused: str | None) -> bool:
        """Whether there are new credentials; asked for once, however many were refused."""
        if self._renewal is None:
            self._renewal = asyncio.Lock()
        async with self._renewal:

            async def made(basic: str) -> str:
                return (await self.exchange(basic)).access_token

            return await self.credentials.renew(refused, made)

    async def exchange(self, basic: str) -> Token:
        """A new access token; raises ``Unauthorized`` and other ``ClientError``."""
        request = Request("POST", "/token", headers={"Accept": "application/json"})
        response = await self._raw("POST", f"{self.url}{_PREFIX}/token", request, basic)
        if not isinstance(response, Failure):
            async with response:
                outcome = await (
                    _refusal(response, request)
                    if response.status >= _ERROR
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
                    f"The certificate of {self.url} is not trusted here: {_reason(error)}. Where "
                    "it is the right one, name the file of its authority in SSL_CERT_FILE."
                )
            )
        if isinstance(error, aiohttp.ClientConnectorError):
            if self._has_answered:
                # The address is right.
                sentence = (
                    f"The service at {self.url} was stopped or is being restarted: it has answered "
                    f"before, and now there is no connection ({_reason(error)})."
                )
            else:
                sentence = (
                    f"There is no connection to {self.url}: {_reason(error)}. Does the service "
                    "run (fluxapi serve starts one), and is this its address (FLUXAPI_URL)?"
                )
            # It was never sent, so it may be sent again, whatever it is.
            return Failure(ConnectionFailed(sentence), again=True)
        if isinstance(error, aiohttp.InvalidURL):
            return Failure(ConnectionFailed(f"{self.url} is not the address of a service."))
        return self._broken(error, request)

    def _broken(self, error: BaseException, request: Request) -> Failure:
        key = request.headers.get("Idempotency-Key")
        known = (
            ""
            if key is None or request.method != "POST"
            else " It may have been done all the same: the same again with "
            f"idempotency_key={key!r} tells, and does nothing twice."
        )
        silent = self.patience.silence if isinstance(error, asyncio.TimeoutError) else 0.0
        reason = f"The service broke off: {_reason(error)}."
        failed = ConnectionFailed(reason + known)
        return Failure(failed, again=request.repeatable, silent=silent, reason=reason)

    async def whole(
        self, response: aiohttp.ClientResponse | Failure, request: Request
    ) -> Answer | Failure:
        """The whole answer, or what went wrong."""
        import aiohttp  # noqa: PLC0415 - it is there already

        if isinstance(response, Failure):
            return response
        try:
            body = await _read(response, _MAX_ANSWER)
            if body is None:
                return Failure(BadAnswer(f"The answer is larger than {_MAX_ANSWER >> 20} MiB."))
            return Answer(response.status, response.headers, body)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            caught: BaseException = error
        return self._broken(caught, request)

    def _elsewhere(self, target: str) -> ClientError:
        scheme, host, port = origin(target)
        place = safe(f"{scheme}://{host}:{port}")
        return ConnectionFailed(
            f"{self.url} sends requests on to {place}, which would get your credentials: if that "
            "is right, give its address instead."
        )


class Attempt:
    """One try, for ``async with``.

    No generator: where a program leaves a stream open, asyncio closes all that it finds, in any
    order, and those of ``contextlib`` do not bear that.
    """

    def __init__(self, transport: Transport, request: Request) -> None:
        self._transport = transport
        self._request = request
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> aiohttp.ClientResponse | Failure:
        """The response, whose body is to be read, or what went wrong."""
        response = await self._transport.send(self._request)
        if isinstance(response, Failure):
            return response
        self._response = response
        if response.status < _ERROR:
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
            # What is left of it is of no use, and there may be no end to it.
            self._response.close()
        self._response.release()


class Token(msgspec.Struct):
    """``schemas/access-token.json``."""

    access_token: Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]+\Z")]
    """Goes into a header, and to whom ``fluxapi token`` writes."""
    expires_in: float


def encoded(body: object) -> bytes:
    """A request's JSON; raises ``TypeError`` for what JSON cannot say."""
    return msgspec.json.encode(body)


def decoded(body: bytes, type: type[T]) -> T:
    """An answer's JSON as a ``type``; raises ``BadAnswer``."""
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        reason = str(error)
    except RecursionError:
        reason = "it is nested too deeply"
    raise BadAnswer(f"This is not how a fluxapi service answers: {reason}.")


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body; ``None`` when it is larger than that, and then not read to its end."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > most:
            return None
    return b"".join(parts)


def _target(response: aiohttp.ClientResponse) -> str | None:
    """Where a redirect leads; ``None`` for what is no address, or has credentials of its own."""
    try:
        target = response.url.join(_url(response.headers["Location"]))
        # Looked at by two parsers: both must be able to.
        origin(str(target))
    except ValueError:
        return None
    return None if target.user or target.password else str(target)


async def _refusal(response: aiohttp.ClientResponse, request: Request) -> Failure:
    """What a status of 400 or more says."""
    import aiohttp  # noqa: PLC0415 - it is there already

    try:
        document = msgspec.json.decode(await _read(response, _MAX_PROBLEM) or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, aiohttp.ClientError, OSError):
        document = None
    except RecursionError:
        document = None
    except asyncio.TimeoutError:
        document = None
    status = response.status
    error = problem_of(status, document, response.headers.get("X-Request-ID"))
    again = status == _TOO_MANY or (status in _BUSY and request.repeatable)
    asked = retry_after(response.headers.get("Retry-After"))
    return Failure(error, again=again, asked=asked)


def _with_advice(error: ClientError) -> ClientError:
    if not isinstance(error, Unauthorized):
        return error
    advice = (
        "Give user and token, set FLUX_USER and FLUX_TOKEN or FLUXAPI_TOKEN_FILE, or keep them in "
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
        return "it was silent for too long"
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    words = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    if isinstance(inner, ConnectionRefusedError):
        # What asyncio says of it repeats the address and leaves out why.
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
