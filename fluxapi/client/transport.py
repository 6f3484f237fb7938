"""The connection pool: sends requests, follows redirects and renews credentials."""

from __future__ import annotations

import asyncio
import importlib
import ssl
import sys
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from fluxapi import __version__

from . import failures
from .body import decoded, encoded, read_bounded
from .config import Config, origin
from .credentials import Credentials
from .errors import BadAnswer, ClientError, ConfigError, ConnectionFailed
from .limits import Moment
from .proxy import proxy_of
from .request import (
    Query,
    Request,
    Response,
    encoded_query,
    encoded_url,
    instance_place,
    is_of_service,
)
from .retry import Failure, RetryPolicy

if TYPE_CHECKING:
    import aiohttp

__all__ = ["SentToken", "Transport"]

T = TypeVar("T")

_PREFIX = "/v1"
_HOST_OF_SOCKET = "http://localhost"
"""The address in requests over a Unix socket."""
_MAX_CONNECTIONS = 64
"""Connections for requests; streams use connections of their own."""

_MAX_REDIRECTS = 5
_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_METHOD_KEEPING_STATUSES = frozenset({307, 308})
_UNAUTHORIZED_STATUS = 401
_FIRST_ERROR_STATUS = 400
_MIN_BYTES_PER_S = 16 * 1024
"""The slowest pace of a response that takes longer than the read timeout."""


class Transport:
    """A connection pool for one service. It sends credentials to no other origin."""

    def __init__(
        self,
        config: Config,
        credentials: Credentials,
        retry_policy: RetryPolicy,
        instance: str = "",
    ) -> None:
        self.url = config.url
        self._instance_place = instance_place(instance) if instance else ""
        self._socket = config.socket
        self._ca_file = config.ca_file
        self._base = config.url if self._socket is None else _HOST_OF_SOCKET
        self._proxy = proxy_of(config.url) if self._socket is None else None
        self.credentials = credentials
        self.retry_policy = retry_policy
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

    async def ask(self, request: Request) -> Response:
        """Send a request, with retries, and return the response; raise ``ClientError``."""
        retry = self.retry_policy.start(request.timeout)
        while True:
            async with self.attempt(request) as response:
                outcome = await self.read(response, request)
            if isinstance(outcome, Response):
                retry.reset()
                return outcome
            await retry.wait(outcome)

    async def get(self, path: str, type: type[T], query: Query | None = None, **more: Any) -> T:
        """Send a GET request and return the response as a ``type``."""
        request = Request("GET", path, query or {}, repeatable=True, **more)
        return decoded((await self.ask(request)).body, type)

    async def post(
        self,
        path: str,
        body: object,
        type: type[T],
        *,
        key: str | None = None,
        repeatable: bool = False,
        **more: Any,
    ) -> T:
        """Send a POST request and return the response as a ``type``.

        *key* permits retries, and so does *repeatable*, for a request that changes nothing.
        """
        raw = body if isinstance(body, bytes) else encoded(body)
        headers = {} if key is None else {"Idempotency-Key": key}
        request = Request(
            "POST",
            path,
            body=raw,
            headers=headers,
            repeatable=repeatable or key is not None,
            **more,
        )
        return decoded((await self.ask(request)).body, type)

    def attempt(self, request: Request) -> Attempt:
        """Return one attempt: a response with a status below 400, not read yet, or a failure."""
        return Attempt(self, request)

    async def send(self, request: Request) -> aiohttp.ClientResponse | Failure:
        """Send a request, following redirects and renewing credentials."""
        place = "" if is_of_service(request.path) else self._instance_place
        url = f"{self._base}{_PREFIX}{place}{request.path}{encoded_query(request.query)}"
        method, renewed, redirects = request.method, False, 0
        while True:
            authorization = await self.credentials.header()
            response = await self._send_once(method, url, request, authorization)
            if isinstance(response, Failure):
                return response
            if response.status == _UNAUTHORIZED_STATUS and not renewed:
                renewed = True
                problem = await failures.refused(response, request)
                response.release()
                if not await self._renew(authorization):
                    return Failure(self.with_advice(problem.error))
            elif response.status in _REDIRECT_STATUSES and "Location" in response.headers:
                target = _target(response)
                kept = response.status in _METHOD_KEEPING_STATUSES or method in {"GET", "HEAD"}
                response.release()
                redirects += 1
                if target is None:
                    return Failure(ConnectionFailed(f"{self.url} redirects to an invalid address."))
                if origin(target) != origin(self._base) or not kept or redirects > _MAX_REDIRECTS:
                    return Failure(failures.redirected(self.url, target))
                url = target
            else:
                return response

    async def _send_once(
        self, method: str, url: str, request: Request, authorization: str | None
    ) -> aiohttp.ClientResponse | Failure:
        if "aiohttp" not in sys.modules:
            # The import takes a third of a second, which would block the loop.
            await asyncio.to_thread(importlib.import_module, "aiohttp")
        import aiohttp  # noqa: PLC0415 - not all programs that import the client send requests

        headers = {"Accept": "application/json", **request.headers}
        if authorization is not None:
            headers["Authorization"] = authorization
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        # A cursor or an entity tag is what the service has sent.
        wrong = [name for name, value in headers.items() if not value.isprintable()]
        if wrong:
            return Failure(BadAnswer(f"A value has characters that {wrong[0]} cannot hold."))
        seconds = self.retry_policy.read_timeout
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=seconds, sock_read=request.read_timeout or seconds
        )
        try:
            response = await self._session(separate=request.stream or request.waits).request(
                method,
                encoded_url(url),
                data=request.body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                proxy=self._proxy,
            )
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            caught: BaseException = error
        else:
            self._has_answered = True
            return response
        # Outside of the handler: an aiohttp error may refer to the request and its headers.
        return failures.unanswered(
            caught,
            request,
            self.url,
            has_answered=self._has_answered,
            read_timeout=self.retry_policy.read_timeout,
        )

    def _session(self, *, separate: bool) -> aiohttp.ClientSession:
        import aiohttp  # noqa: PLC0415 - as above

        from .response import TimedResponse  # noqa: PLC0415 - imports aiohttp

        if self.closed:
            raise ClientError("The client is closed.")
        if separate not in self._sessions:
            self._sessions[separate] = aiohttp.ClientSession(
                connector=self._connector(limit=0 if separate else _MAX_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"fluxapi-client/{__version__}"},
                read_bufsize=1 << 18,
                response_class=TimedResponse,
            )
        return self._sessions[separate]

    def _connector(self, limit: int) -> aiohttp.BaseConnector:
        import aiohttp  # noqa: PLC0415 - as above

        if self._socket is not None:
            return aiohttp.UnixConnector(self._socket, limit=limit)
        if self._ca_file is None:
            return aiohttp.TCPConnector(limit=limit)
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            reason = error.strerror or "it is not a list of certificates in PEM"
            raise ConfigError(f"Cannot read the CA file {self._ca_file}: {reason}.") from None
        return aiohttp.TCPConnector(limit=limit, ssl=context)

    async def _renew(self, refused: str | None) -> bool:
        """Renew credentials once for all rejected requests; return whether there are new ones."""
        if self._renewal is None:
            self._renewal = asyncio.Lock()
        async with self._renewal:

            async def made(basic: str) -> str:
                return (await self.exchange(basic)).access_token

            return await self.credentials.renew(refused, made)

    def with_advice(self, error: ClientError) -> ClientError:
        """Add to an ``Unauthorized`` error how to pass credentials."""
        return failures.with_advice(error, self.url, self.credentials.belongs_to)

    async def exchange(self, basic: str) -> Token:
        """Return a new access token; raise ``Unauthorized`` or another ``ClientError``."""
        request = Request("POST", "/token", headers={"Accept": "application/json"})
        response = await self._send_once("POST", f"{self._base}{_PREFIX}/token", request, basic)
        if not isinstance(response, Failure):
            async with response:
                outcome = await (
                    failures.refused(response, request)
                    if response.status >= _FIRST_ERROR_STATUS
                    else self.read(response, request)
                )
            if isinstance(outcome, Response):
                return decoded(outcome.body, Token)
            response = outcome
        raise response.error

    async def read(
        self, response: aiohttp.ClientResponse | Failure, request: Request
    ) -> Response | Failure:
        """Read the whole response; return it, or the failure."""
        import aiohttp  # noqa: PLC0415 - already imported

        if isinstance(response, Failure):
            return response
        try:
            body = await read_bounded(
                response,
                request.max_bytes,
                self.retry_policy.read_timeout,
                _MIN_BYTES_PER_S,
            )
            if body is None:
                limit = request.max_bytes >> 20
                return Failure(BadAnswer(f"The response is larger than {limit} MiB."))
            return Response(response.status, response.headers, body)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            caught: BaseException = error
        return failures.interrupted(caught, request, self.retry_policy.read_timeout)


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
            return await failures.refused(response, self._request)
        except BaseException:
            self._release()
            raise

    async def __aexit__(self, *exc: object) -> None:
        self._release()

    def _release(self) -> None:
        if self._response is None:
            return
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            # Do not read the rest, which may have no end, nor wait for the end of TLS, which may
            # come after that of the event loop.
            connection.transport.abort()
            self._response.close()
        self._response.release()


SentToken = Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]+\Z")]
"""A token as it is sent in a header and printed by ``fluxapi token``."""


class Token(msgspec.Struct):
    """``schemas/access-token.json``."""

    access_token: SentToken
    expires_in: Moment


def _target(response: aiohttp.ClientResponse) -> str | None:
    """Return the target of a redirect; ``None`` if it is invalid or has credentials."""
    try:
        target = response.url.join(encoded_url(response.headers["Location"]))
        # yarl and urllib must both accept the address.
        origin(str(target))
    except ValueError:
        return None
    return None if target.user or target.password else str(target)
