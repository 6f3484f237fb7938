"""The tails of outputs: what belongs to one is known only at its end, so it is kept until then.

A tail has megabytes, and hundreds of clients may ask for one and read slowly or nothing. Few are
made at the same time, and those that are complete share a limit until their readers have them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

from fluxapi.process.kept_bytes import Kept, KeptBytes

from .scan_turns import ScanTurns

__all__ = ["TailReader", "Tails"]

_MAX_BYTES = 64 << 20
"""Bytes of all tails that are complete, beyond which slow readers give way."""

_MAX_READ, _MAX_OF_CLIENT = 4, 2
"""Tails that are made at the same time, and those of one client among them."""


class Tails:
    """The tails that are made or sent for the clients of one instance."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._kept = KeptBytes(max_bytes)
        self._turns = ScanTurns(_MAX_READ, _MAX_OF_CLIENT)
        self._past_turns = ScanTurns(_MAX_READ, _MAX_OF_CLIENT)
        """The history answers while Flux does not."""

    def reader(
        self,
        client: str = "",
        drop: Callable[[], None] = lambda: None,
        buffered: Callable[[], int] = lambda: 0,
        *,
        is_past: bool = False,
    ) -> TailReader:
        """Return a reader of tails, one after the other.

        Args:
            client: Its name, as limits know it.
            drop: Ends the response, so that the memory is free.
            buffered: Returns the bytes that were written and that the system has not accepted.
            is_past: The history has the output.
        """
        turns = self._past_turns if is_past else self._turns
        return TailReader(self._kept, turns, client, drop, buffered)


class TailReader:
    """One client that reads tails.

    Attributes:
        client: Its name, as limits know it.
        drop: Ends the response.
    """

    def __init__(
        self,
        kept: KeptBytes,
        turns: ScanTurns,
        client: str,
        drop: Callable[[], None],
        buffered: Callable[[], int],
    ) -> None:
        self.client = client
        self.drop = drop
        self._kept = kept
        self._turns = turns
        self._buffered = buffered
        self._left = 0

    @property
    def unsent_bytes(self) -> int:
        """Return the bytes of the tail that the system has not accepted."""
        return self._left + self._buffered()

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Hold the turn to make a tail while the context lasts."""
        return self._turns.hold(self.client, self.drop)

    @contextmanager
    def sending(self, size: int) -> Iterator[Callable[[int], None]]:
        """Count a complete tail while the context lasts; yield what is told the bytes sent."""
        kept = Kept(size)
        self._left = size

        def sent(part: int) -> None:
            self._left -= part
            self._kept.shrink(kept, self._left)

        self._kept.add(kept, self)
        try:
            yield sent
        finally:
            self._kept.leave(kept, self)
