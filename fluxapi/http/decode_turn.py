"""The number of long bodies that are decoded and not yet checked.

A body of a megabyte can have a hundred thousand values, which take 8 MB and more. An invalid one
waits for its turn to be explained, so without a limit all those of hundreds of requests would be in
memory at the same time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

from fluxapi.process.client_turns import ClientTurns

__all__ = ["LONG_BYTES", "MAX_DECODED", "BeginTurn", "DecodeTurn"]

LONG_BYTES = 4096
"""Size of a body that takes long to check, and much memory once it is decoded."""

MAX_DECODED = 4
"""Long bodies that may be decoded and not yet checked."""

BeginTurn = Callable[[int], Awaitable[None]]
"""Returns when a body of this size may be decoded: at once if it is short."""


class DecodeTurn(AbstractContextManager[BeginTurn]):
    """The turn of a request to decode and check its body, which ends with the context.

    The context yields the function that begins it. *turns* are those of all requests.
    """

    __slots__ = ("_client", "_turns")

    def __init__(self, turns: ClientTurns) -> None:
        self._turns = turns
        self._client: str | None = None

    def __enter__(self) -> BeginTurn:
        return self._begin

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._client is not None:
            self._turns.give_back(self._client)

    async def _begin(self, size: int) -> None:
        if size >= LONG_BYTES:
            self._client = await self._turns.take()
