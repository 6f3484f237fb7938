"""Results on their way from a thread to the event loop: many in one turn of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["Outbox"]


class Outbox:
    """Collects ``function(argument)`` calls and has the event loop make them all at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._posted: list[tuple[Callable[[Any], None], Any]] = []

    def post(self, function: Callable[[Any], None], argument: Any) -> None:
        """Have ``function(argument)`` called by the next :meth:`hand_over`."""
        self._posted.append((function, argument))

    def hand_over(self) -> bool:
        """Give what was posted to the event loop; whether there was any."""
        if not self._posted:
            return False
        posted, self._posted = self._posted, []
        try:
            self._loop.call_soon_threadsafe(_deliver, posted)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            return False
        return True


def _deliver(posted: list[tuple[Callable[[Any], None], Any]]) -> None:
    for function, argument in posted:
        function(argument)
