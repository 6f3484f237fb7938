"""The turns of requests whose work takes memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

from aiohttp import web

from fluxapi.process.timeslice import check_client

from . import keys
from .clients import clients_of
from .work_turns import Taker, WorkTurns

__all__ = ["TakeTurn", "taker_of", "turn_in", "turns_in"]

TakeTurn = Callable[[int], Awaitable[None]]
"""Returns when work of this size may begin."""


def taker_of(request: web.Request) -> Taker:
    """Return whom the work of a request is for; routes of the service have no session."""
    is_nested = keys.SESSION in request and bool(request[keys.SESSION].path)
    return Taker(clients_of(request)[-1], is_nested)


@asynccontextmanager
async def turn_in(request: web.Request, turns: WorkTurns, size: int = 1) -> AsyncIterator[None]:
    """Wait for the turn of a request; it ends with the context."""
    with turns_in(request, turns) as take:
        await take(size)
        yield


@contextmanager
def turns_in(request: web.Request, turns: WorkTurns, least: int = 0) -> Iterator[TakeTurn]:
    """Yield the function that takes the turns of a request, which end with the context.

    Work that is smaller than *least* needs none.
    """
    taker = taker_of(request)
    with ExitStack() as ends:

        async def take(size: int) -> None:
            if size >= least:
                await turns.take(taker, size)
                ends.callback(turns.give_back, taker, size)
                # The wait may have been long.
                check_client()

        yield take
