"""Event stream: an iterator that reconnects and yields no event twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, cast

import msgspec

from .body import decoded
from .errors import EventsLost
from .event import Event, Reset
from .stream import Channel, Message

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["EventStream"]

ItemT_co = TypeVar("ItemT_co", bound=Event | Reset, covariant=True)

_MAX_JOBS_REMEMBERED = 131_072
"""Jobs whose last event is kept to detect repeats: those with the newest events."""

_EVICTION_BATCH = 64


class _Bookmark(msgspec.Struct):
    live: bool


class EventStream(Generic[ItemT_co]):
    """An iterator over events: ``async for event in stream``.

    ``cursor`` is the position after the last event yielded. Store it with the result of your
    processing, and pass it to ``events(since=…)`` to resume later, in any program.

    Raises ``EventsLost`` where events may be missing; iterate again to continue after the gap.
    With ``on_reset="continue"`` the stream yields a ``Reset`` instead.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        on_reset: Literal["raise", "continue"] = "raise",
        replays: bool = False,
    ) -> None:
        self._channel = channel
        # Each connection starts with all past events, so that none can be lost.
        self._replays_all = replays
        self._raises_on_reset = on_reset == "raise"
        self._last_places: dict[str, float] = {}
        self._items: AsyncGenerator[ItemT_co | None, None] | None = None
        self._first: ItemT_co | None = None
        self._cursor = channel.cursor
        self._closed = False
        self.live: bool | None = None
        """``False`` if the service had lost its Flux instance at the last bookmark."""

    def __repr__(self) -> str:
        state = "connected" if self.connected else "not connected"
        return f"<EventStream {state}, cursor {self.cursor}>"

    @property
    def cursor(self) -> str | None:
        """The position of the stream; ``None`` before it has started."""
        return self._cursor

    @property
    def connected(self) -> bool:
        """``True`` while the stream is connected."""
        return self._channel.connected

    async def open(self) -> Self:
        """Connect, and return when all events from now on will be yielded."""
        with contextlib.suppress(StopAsyncIteration):
            while self._first is None and self.live is None:
                self._first = await self._next()
        return self

    async def aclose(self) -> None:
        """End the stream."""
        self._closed = True
        items, self._items = self._items, None
        if items is not None:
            await items.aclose()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ItemT_co:
        item, self._first = self._first, None
        while item is None:
            item = await self._next()
        return item

    async def _next(self) -> ItemT_co | None:
        """Return the next item; ``None`` for a bookmark."""
        if self._closed:
            raise StopAsyncIteration
        if self._items is None:
            self._items = self._read()
        try:
            return await self._items.__anext__()
        except (EventsLost, asyncio.CancelledError):
            # The next call continues after the gap, or at the cursor.
            self._items = None
            raise

    async def _read(self) -> AsyncGenerator[ItemT_co | None, None]:
        again = True
        while again:
            again = False
            async with aclosing(self._channel.messages()) as messages:
                async for message in messages:
                    if message.kind == "reset" and self._replays_all:
                        again = True
                        break
                    for item in self._items_of(message):
                        self._cursor = message.cursor or self._cursor
                        # Resets appear only if on_reset is "continue".
                        yield cast("ItemT_co | None", item)

    def _items_of(self, message: Message) -> list[Event | Reset | None]:
        if message.kind == "event":
            event = decoded(message.data, Event)
            return [] if self._is_repeat(event) else [event]
        if message.kind == "reset":
            reset = decoded(message.data, Reset)
            self._last_places.clear()
            if self._raises_on_reset:
                self._cursor = message.cursor or None
                raise EventsLost(reset.detail, reset.reason, message.cursor or None)
            return [reset]
        if message.kind == "bookmark":
            self.live = decoded(message.data, _Bookmark).live
            return [None]
        return []

    def _is_repeat(self, event: Event) -> bool:
        """Return whether an event was yielded before; events of a job come in order of index."""
        if event.index is None:
            # No two memos of a job have the same timestamp.
            place, key = event.timestamp, f"{event.id} {event.name}"
        else:
            place, key = event.index, event.id
        last = self._last_places.pop(key, -1)
        self._last_places[key] = max(last, place)
        if len(self._last_places) > _MAX_JOBS_REMEMBERED:
            for known in list(self._last_places)[:_EVICTION_BATCH]:
                del self._last_places[known]
        return place <= last
