"""Answers with rows of jobs, of which the longest are made while they are sent."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from aiohttp import web

from fluxapi.events.output.tails import TailReader
from fluxapi.sessions.row_text import PIECE_BYTES, RowText

from .sending import send, tail_reader
from .support import reply

__all__ = ["reply_rows"]


async def reply_rows(
    request: web.Request, rows: RowText, headers: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """Return a response with ``rows``."""
    if rows.rest is None:
        return reply(rows.text, headers=headers)
    pieces = _pieces(deque(_split(rows.text)), rows.rest, tail_reader(request))
    return await send(request, "application/json", pieces, lambda: headers or {})


async def _pieces(
    first: deque[bytes], rest: AsyncGenerator[bytes, None], client: TailReader
) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        # Clients may read nothing, and hundreds of them may ask for rows.
        with client.sending(sum(map(len, first))) as sent:
            while first:
                size = len(first[0])
                yield first.popleft()
                sent(size)
        async for part in rest:
            with client.sending(len(part)):
                yield part


def _split(text: bytes) -> list[bytes]:
    return [text[at : at + PIECE_BYTES] for at in range(0, len(text), PIECE_BYTES)]
