"""Bodies of requests and responses: JSON of bounded size."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, TypeVar

import msgspec

from .errors import BadAnswer

if TYPE_CHECKING:
    import aiohttp

__all__ = ["converted", "decoded", "encoded", "read_bounded"]

T = TypeVar("T")


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


def converted(value: object, type: type[T]) -> T:
    """Return decoded JSON as a ``type``; raise ``BadAnswer``."""
    try:
        return msgspec.convert(value, type)
    except msgspec.ValidationError as error:
        reason = str(error)
    raise BadAnswer(f"The response is not that of a fluxapi service: {reason}.")


async def read_bounded(
    response: aiohttp.ClientResponse,
    max_bytes: int,
    max_seconds: float,
    min_bytes_per_s: float = math.inf,
) -> bytes | None:
    """Read a body; return ``None`` as soon as it exceeds *max_bytes* bytes.

    A service that sends a byte now and then is never silent, so the time has a limit, too.

    Raises:
        asyncio.TimeoutError: The body takes more than *max_seconds*, and comes more slowly than
            *min_bytes_per_s*.
    """
    body = bytearray()
    begin = time.monotonic()
    async for part in response.content.iter_any():
        body += part
        if len(body) > max_bytes:
            return None
        if time.monotonic() - begin > max_seconds + len(body) / min_bytes_per_s:
            raise asyncio.TimeoutError
    return bytes(body)
