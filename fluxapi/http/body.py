"""Read and decode JSON bodies."""

from __future__ import annotations

import asyncio
import codecs
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from aiohttp import HttpVersion11, hdrs, web

from fluxapi.contracts import limits, structure
from fluxapi.errors import (
    BodyTooLarge,
    MalformedJSON,
    ShuttingDown,
    TooManyRequests,
    TooSlow,
    UnsupportedMediaType,
    ValidationFailed,
)
from fluxapi.model.message import field_error, field_message, problem
from fluxapi.process.timeslice import TimeSlice

from . import keys
from .clients import clients_of
from .decode_turn import LONG_BYTES, BeginTurn

__all__ = ["decode", "decode_large", "decode_script", "is_form", "is_script", "read"]

_BODY_TIMEOUT_S = 60.0
"""Time in which a body must arrive."""

_MAX_DUPLICATE_CHECK_BYTES = 1 << 20
"""Size of the largest body that is searched for duplicate names, which takes about 0.1 s."""

_RETRY_AFTER_S = 2

_UTF32_BYTES = 4
"""Size of a character in UTF-32."""

_BLANKS = b" \t\r\n"
_NAME_END = re.compile(rb'"[ \t\r\n]*:')

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


def decode(raw: bytes) -> Any:
    """Decode JSON; raises ``MalformedJSON`` with the position, or ``ValidationFailed``."""
    try:
        value = _decoder.decode(raw)
    except RecursionError:
        raise MalformedJSON("The body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise MalformedJSON("The body is not UTF-8.") from None
    except msgspec.MsgspecError as error:
        raise MalformedJSON(f"The body is not JSON: {error}.") from None
    if isinstance(value, (dict, list)) and not _is_small_and_exact(raw, value):
        members = limits.check(value)
        # The counts differ if a name is duplicated, or if a string looks like the end of a name.
        is_small = len(raw) <= _MAX_DUPLICATE_CHECK_BYTES
        if is_small and len(_NAME_END.findall(raw)) != members:
            # Numbers are not parsed, since Python rejects very long ones.
            json.loads(raw, object_pairs_hook=_once, parse_int=len, parse_float=len)
    return value


def _is_small_and_exact(raw: bytes, value: Any) -> bool:
    """Return whether a text is too small for any limit, and surely has no name twice.

    It has none if it is the encoding of its own value, but for blanks. Most bodies are, and this
    takes less time than to walk over the value.
    """
    if len(raw) > limits.MAX_MEMBERS or raw.count(b"{") + raw.count(b"[") > limits.MAX_DEPTH:
        return False
    return _encoder.encode(value).translate(None, _BLANKS) == raw.translate(None, _BLANKS)


async def decode_large(raw: bytes) -> Any:
    """Decode JSON of any size; raises what :func:`decode` raises, before it decodes many values."""
    if len(raw) > limits.MAX_VALUES:
        turn = TimeSlice()
        for _ in structure.check_values(raw):
            await turn.share()
    return decode(raw)


def _once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise MalformedJSON(f"The body has {name[:64]!r} twice in one object.")
        seen.add(name)


async def _collect(
    request: web.Request, limit: int, count: Callable[[int], object] = bool
) -> bytes:
    """Return the whole body of at most *limit* bytes; raises ``BodyTooLarge``.

    Each part that has arrived is told to *count*.
    """
    collected = bytearray()
    turn = TimeSlice()
    while chunk := await request.content.readany():
        await turn.share()
        if len(collected) + len(chunk) > limit:
            raise _too_large(limit)
        count(len(chunk))
        collected += chunk
    if len(collected) >= LONG_BYTES:
        # One of them goes on in each pass of the event loop.
        await TimeSlice(0).share()
    return bytes(collected)


async def _take(request: web.Request, limit: int) -> bytes:
    """Return the body that has arrived as a whole; raises ``BodyTooLarge``."""
    raw = request.content.read_nowait()
    if len(raw) > limit:
        raise _too_large(limit)
    if len(raw) >= LONG_BYTES:
        await TimeSlice(0).share()
    return raw


async def _invite(request: web.Request) -> None:
    """Send ``100 Continue`` to a client that waits for it, now that the body is wanted."""
    if request.version >= HttpVersion11 and not request.content.is_eof():
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # The response itself has not begun.
        request.writer.output_size = 0


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(problem("body_too_large", limit=limit))


async def _read(request: web.Request, limit: int, begin_turn: BeginTurn) -> bytes:
    if request.content.is_eof():
        raw = await _take(request, limit)
        if len(raw) >= LONG_BYTES:  # Shorter ones need no turn.
            await begin_turn(len(raw))
        return raw
    budget, under_way = request.app[keys.BODIES], request.app[keys.UNDER_WAY]
    client = clients_of(request)[-1]
    with budget.arriving(client) as body:
        reading = asyncio.ensure_future(_collect(request, limit, partial(budget.add, body)))
        body.stop = reading.cancel
        with request.app[keys.SHUTDOWN].interrupts(reading.cancel), under_way.arriving(client):
            try:
                done, _ = await asyncio.wait({reading}, timeout=_BODY_TIMEOUT_S)
            finally:
                reading.cancel()
        # Of bodies that arrive at the same time, a few go on in each pass of the event loop. While
        # one waits, it counts to the budget.
        if done:
            await request.app[keys.ADMISSION].take()
            await begin_turn(body.size)
    if body.is_dropped:
        raise TooManyRequests(
            "Your bodies under way have too many bytes in all: send fewer at the same time, and "
            "this one again.",
            retry_after=_RETRY_AFTER_S,
        )
    if not done:
        raise TooSlow(problem("body_slow", limit_seconds=_BODY_TIMEOUT_S))
    if reading.cancelled():
        raise ShuttingDown("The service stopped before the whole body had arrived; send it again.")
    return reading.result()


def is_form(request: web.Request) -> bool:
    """Return whether the body is that of an HTML form."""
    return request.content_type == "application/x-www-form-urlencoded"


def is_script(request: web.Request) -> bool:
    """Return whether the body is a batch script."""
    return request.content_type == "text/x-shellscript"


def decode_script(raw: bytes) -> str:
    """Decode a batch script; raises ``ValidationFailed``."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        why = field_message("not_utf8", byte=f"0x{raw[error.start]:02x}")
        sentence = field_message("line", line=str(line), why=why)
        raise ValidationFailed([field_error("/script", sentence)]) from None


async def read(
    request: web.Request,
    limit: int,
    begin_turn: BeginTurn,
    *,
    form: bool = False,
    script: bool = False,
) -> bytes | None:
    """Return the raw JSON body of at most *limit* bytes, or ``None`` when there is none.

    The turn to decode has begun when it returns. With *form*, the body may be that of an HTML form
    (``is_form``); with *script*, a batch script (``is_script``).

    Raises ``BodyTooLarge``, ``MalformedJSON``, ``UnsupportedMediaType``, ``TooSlow`` or
    ``ShuttingDown``.
    """
    if not request.can_read_body:
        return None
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity")
    if encoding.lower() != "identity":
        raise UnsupportedMediaType(f"Send the body without Content-Encoding {encoding[:100]}.")
    if hdrs.EXPECT in request.headers:
        await _invite(request)
    raw = await _read(request, limit, begin_turn)
    request.app[keys.RATE_LIMITS].check_body(clients_of(request), len(raw))
    # JSON begins with ASCII, whose characters contain zero bytes in UTF-16 and UTF-32.
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw[:_UTF32_BYTES]:
        raise MalformedJSON("The body is UTF-16 or UTF-32; send it as UTF-8.")
    if script and is_script(request):
        return raw or None
    # RFC 8259 allows a parser to ignore the byte order mark that some editors write.
    raw = raw.removeprefix(codecs.BOM_UTF8)
    if not raw:
        return None
    kind = request.content_type
    if form and is_form(request):
        return raw
    if kind != "application/json" and not kind.endswith("+json"):
        given = request.headers.get(hdrs.CONTENT_TYPE, "none")[:100]
        or_script = ", or a script, with Content-Type: text/x-shellscript" if script else ""
        raise UnsupportedMediaType(
            f"The body must be JSON, with Content-Type: application/json{or_script}, not {given}."
        )
    return raw
