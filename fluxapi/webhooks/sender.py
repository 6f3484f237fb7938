"""Sends one message to its target, within limits of time and size."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from dataclasses import dataclass, replace
from typing import Literal

import aiohttp
from yarl import URL

from fluxapi import __version__
from fluxapi.notices.notice import MEDIA_TYPE
from fluxapi.process.timeout import within
from fluxapi.process.tracebacks import drop_tracebacks

from .backoff import read_retry_after
from .bounded_handler import MAX_RESPONSE_BYTES
from .connector import connector
from .signature import sign
from .targets import BlockedTarget, Targets

__all__ = ["Outcome", "Sender"]

_log = logging.getLogger(__name__)

SEND_TIMEOUT_S = 15.0
"""Time for one attempt, from the look-up of the host to the head of the response."""

_CONNECT_TIMEOUT_S = 5.0
_DRAIN_TIMEOUT_S = 1.0
_MAX_LINE_BYTES = 4096
"""Size of the status line, and of each header, of a response."""

_LATER = frozenset({408, 425, 429})
"""The statuses below 500 that ask to send the same message again."""

_OK, _REDIRECT, _REFUSED, _GONE, _SERVER_ERROR = 200, 300, 400, 410, 500
_MAX_CAUSES = 4

Result = Literal["delivered", "refused", "unavailable", "gone"]

_WORDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (aiohttp.ClientConnectorCertificateError,),
        "The certificate of the target is not valid for its host.",
    ),
    (
        (aiohttp.ClientConnectorSSLError, ssl.SSLError),
        "The target does not speak TLS as the service does.",
    ),
    ((aiohttp.ClientConnectorDNSError,), "The host of the target cannot be resolved."),
    ((aiohttp.ClientConnectorError,), "The target cannot be connected to."),
    (
        (aiohttp.ClientPayloadError, aiohttp.ClientResponseError),
        "The target answered with something that is not HTTP.",
    ),
    ((BaseException,), "The target closed the connection without an answer."),
)
"""The sentence about a failure: the first that matches."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt.

    Attributes:
        result: ``refused`` is an answer to this message, ``unavailable`` a failure of the target,
            ``gone`` its request to send nothing anymore.
        status: The status of the response, if there was one.
        reason: Why it was not delivered, in words of the service; never text of the target.
        retry_after: The pause that the target asked for.
        seconds: How long it took.
    """

    result: Result
    status: int | None = None
    reason: str | None = None
    retry_after: float | None = None
    seconds: float = 0.0


class Sender:
    """The HTTP client of webhooks; it follows no redirects and uses no proxy of the environment."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def send(self, url: str, keys: list[bytes], identity: str, body: bytes) -> Outcome:
        """Send one message, and return what became of it; never raise for a target."""
        started = time.monotonic()
        try:
            self.targets.check_url(url)
            found = await self._post(url, keys, identity, body)
        except asyncio.TimeoutError:
            found = Outcome(
                "unavailable", reason=f"The target did not answer within {SEND_TIMEOUT_S:g} s."
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            found = Outcome("unavailable", reason=_words(error))
            drop_tracebacks(error)
        except Exception:  # noqa: BLE001 - an attempt that does not count is repeated without a pause
            _log.exception("a webhook could not be sent")
            found = Outcome("unavailable", reason="The service failed; its log has the reason.")
        return replace(found, seconds=time.monotonic() - started)

    async def _post(self, url: str, keys: list[bytes], identity: str, body: bytes) -> Outcome:
        headers = sign(keys, identity, int(time.time()), body)
        target = URL(url, encoded=True)
        async with self._session(target.scheme).post(
            target,
            data=body,
            headers={**headers, "Content-Type": MEDIA_TYPE},
            allow_redirects=False,
        ) as response:
            outcome = _outcome(response)
            await _drain(response)
            return outcome

    def _session(self, scheme: str) -> aiohttp.ClientSession:
        session = self._sessions.get(scheme)
        if session is None:
            session = self._sessions[scheme] = aiohttp.ClientSession(
                connector=connector(self.targets, is_encrypted=scheme == "https"),
                timeout=aiohttp.ClientTimeout(
                    total=SEND_TIMEOUT_S, sock_connect=_CONNECT_TIMEOUT_S
                ),
                headers={"User-Agent": f"fluxapi/{__version__} (webhooks)", "Accept": "*/*"},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                # Nothing is read of a response, and inflated it could be of any size.
                auto_decompress=False,
                skip_auto_headers=("Accept-Encoding",),
                max_line_size=_MAX_LINE_BYTES,
                max_field_size=_MAX_LINE_BYTES,
                read_bufsize=MAX_RESPONSE_BYTES,
            )
        return session


def _outcome(response: aiohttp.ClientResponse) -> Outcome:
    status = response.status
    if _OK <= status < _REDIRECT:
        return Outcome("delivered", status)
    asked = read_retry_after(response.headers.get("Retry-After"), time.time())
    if status == _GONE:
        return Outcome("gone", status, "The target answered 410: it wants no more messages.")
    if _REDIRECT <= status < _REFUSED:
        return Outcome(
            "refused", status, f"The target answered {status}: redirects are not followed."
        )
    if status < _SERVER_ERROR and status not in _LATER:
        return Outcome("refused", status, f"The target answered {status}.", asked)
    return Outcome("unavailable", status, f"The target answered {status}.", asked)


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read the rest of a short response, so that its connection can be used again."""
    try:
        is_read = await within(_DRAIN_TIMEOUT_S, _read(response))
    except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
        is_read = False  # The status has arrived, and that is all that counts.
        drop_tracebacks(error)
    if not is_read:
        response.close()


async def _read(response: aiohttp.ClientResponse) -> bool:
    """Return whether the whole response was read; a long one is not."""
    left = MAX_RESPONSE_BYTES
    async for chunk in response.content.iter_any():
        left -= len(chunk)
        if left < 0:
            return False
    return True


def _words(error: Exception) -> str:
    """Return a sentence about a failure, without text that a target or resolver has chosen."""
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if cause is None:
            break
        if isinstance(cause, BlockedTarget):
            return f"The target resolves to {cause}"
        cause = getattr(cause, "os_error", None) or cause.__cause__
    # Errors of certificates are errors of values, too, but not of the URL.
    if isinstance(error, ValueError) and not isinstance(error, ssl.SSLError):
        return f"The URL {error}"
    return next(words for kinds, words in _WORDS if isinstance(error, kinds))
