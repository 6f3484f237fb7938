"""All open streams: their number is limited, and they end with the service."""

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
        """Count one stream while the context lasts; ``end`` is called at shutdown."""
        self.check()
        self._open[end] = None
        if self._closing:
            end()
        try:
            yield
        finally:
            del self._open[end]

    def check(self) -> None:
        """Raise ``TooManyStreams`` when the limit is reached."""
        if len(self._open) >= self._limit:
            raise TooManyStreams(
                f"{self._limit} streams are open, the most that this service allows; close some, "
                "or raise --max-streams."
            )

    def close(self) -> None:
        """End all streams, and any that opens later, since the service shuts down."""
        self._closing = True
        for end in list(self._open):
            end()
