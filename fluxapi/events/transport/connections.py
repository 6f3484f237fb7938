"""Every stream that is open: there is a limit, and all of them end with the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fluxapi.errors import TooManyStreams

__all__ = ["Connections"]


class Connections:
    """Open sockets and streams, at most ``limit``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[Callable[[], None], None] = {}
        self._closing = False

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def hold(self, end: Callable[[], None]) -> Iterator[None]:
        """Count one while the context lasts; ``end`` is called when the service ends."""
        self.check()
        self._open[end] = None
        if self._closing:
            end()
        try:
            yield
        finally:
            del self._open[end]

    def check(self) -> None:
        """Raise ``TooManyStreams`` when there is no room for another."""
        if len(self._open) >= self._limit:
            raise TooManyStreams(
                f"{self._limit} streams are open, and there is no room for more: close some, or "
                "have the limit raised with --max-streams."
            )

    def close(self) -> None:
        """The service ends."""
        self._closing = True
        for end in list(self._open):
            end()
