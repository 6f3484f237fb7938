"""Reading JSON bodies: type, size, syntax."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import hdrs, web

from . import keys
from .errors import BodyTooLarge, MalformedJSON, UnsupportedMediaType

__all__ = ["decode", "read"]

_decoder = msgspec.json.Decoder()


def decode(raw: bytes) -> Any:
    """JSON; raises ``MalformedJSON`` with the place of the mistake."""
    try:
        return _decoder.decode(raw)
    except RecursionError:
        raise MalformedJSON("The body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise MalformedJSON("The body is not UTF-8.") from None
    except msgspec.MsgspecError as error:
        raise MalformedJSON(f"The body is not JSON: {error}.") from None


async def read(request: web.Request) -> bytes | None:
    """The raw JSON body, or ``None`` when there is none.

    Raises ``BodyTooLarge`` or ``UnsupportedMediaType``.
    """
    if not request.can_read_body:
        return None
    limit = request.app[keys.SETTINGS].max_body
    if request.content_length is not None and request.content_length > limit:
        raise BodyTooLarge(f"The body is above {limit} bytes.")
    raw = await request.read()
    if not raw:
        return None
    kind = request.content_type
    if kind != "application/json" and not kind.endswith("+json"):
        given = request.headers.get(hdrs.CONTENT_TYPE, "none")[:100]
        raise UnsupportedMediaType(
            f"The body must be JSON, with Content-Type: application/json, not {given}."
        )
    return raw
