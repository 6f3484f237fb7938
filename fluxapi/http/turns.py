"""The turns of requests whose work takes memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager

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


def turns_in(
    request: web.Request, turns: WorkTurns, least: int = 0
) -> AbstractContextManager[TakeTurn]:
    """Yield the function that takes the turns of a request, which end with the context.

    Work that is smaller than *least* needs none.
    """
    return _Turns(request, turns, least)


class _Turns(AbstractContextManager[TakeTurn]):
    """The turns of one request.

    Almost all requests take none, and a generator with an ``ExitStack`` costs each of them as much
    as the rest of what is done here for a turn.
    """

    __slots__ = ("_least", "_request", "_taken", "_turns")

    def __init__(self, request: web.Request, turns: WorkTurns, least: int) -> None:
        self._request = request
        self._turns = turns
        self._least = least
        self._taken: list[tuple[Taker, int]] = []

    def __enter__(self) -> TakeTurn:
        return self._take

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        while self._taken:
            self._turns.give_back(*self._taken.pop())

    async def _take(self, size: int) -> None:
        if size >= self._least:
            taker = taker_of(self._request)
            await self._turns.take(taker, size)
            self._taken.append((taker, size))
            # The wait may have been long.
            check_client()
