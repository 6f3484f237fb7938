"""Events as they happen: an iterator that comes back after every cut and repeats nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, cast

import msgspec

from .errors import EventsLost
from .event import Event, Reset
from .stream import Channel, Message
from .transport import decoded

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["EventStream"]

ItemT_co = TypeVar("ItemT_co", bound=Event | Reset, covariant=True)

_REMEMBERED = 131_072
"""Jobs whose last event is known, so that a repeat is seen: those with the newest events."""

_FEW = 64


class _Mark(msgspec.Struct):
    live: bool


class EventStream(Generic[ItemT_co]):
    """Iterate over it to follow events: ``async for event in stream``.

    ``cursor`` is where it stands after the event that was given last; kept with what was made of
    the event, it is what ``events(since=…)`` goes on from in another program, on another day.

    Raises ``EventsLost`` where events may be missing; iterating on goes on with what comes after.
    With ``on_reset="continue"`` it gives a ``Reset`` in that place instead.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        on_reset: Literal["raise", "continue"] = "raise",
        replays: bool = False,
    ) -> None:
        self._channel = channel
        # Whether each connection begins with all that was, so that nothing can be lost.
        self._replays = replays
        self._raises = on_reset == "raise"
        self._seen: dict[str, float] = {}
        self._items: AsyncGenerator[ItemT_co | None, None] | None = None
        self._first: ItemT_co | None = None
        self._cursor = channel.cursor
        self._closed = False
        self.live: bool | None = None
        """Whether the service follows its Flux instance, as of its last mark."""

    def __repr__(self) -> str:
        state = "connected" if self.connected else "not connected"
        return f"<EventStream {state}, cursor {self.cursor}>"

    @property
    def cursor(self) -> str | None:
        """Where the stream stands; ``None`` before it has begun."""
        return self._cursor

    @property
    def connected(self) -> bool:
        """Whether there is a connection at the moment."""
        return self._channel.connected

    async def open(self) -> Self:
        """Connect, and return once everything that happens from now on will be given."""
        with contextlib.suppress(StopAsyncIteration):
            while self._first is None and self.live is None:
                self._first = await self._next()
        return self

    async def aclose(self) -> None:
        """End it."""
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
        """The next item; ``None`` for a mark."""
        if self._closed:
            raise StopAsyncIteration
        if self._items is None:
            self._items = self._read()
        try:
            return await self._items.__anext__()
        except (EventsLost, asyncio.CancelledError):
            # The next call goes on where this one ended: after the gap, or at the cursor.
            self._items = None
            raise

    async def _read(self) -> AsyncGenerator[ItemT_co | None, None]:
        again = True
        while again:
            again = False
            async with aclosing(self._channel.messages()) as messages:
                async for message in messages:
                    if message.kind == "reset" and self._replays:
                        again = True
                        break
                    for item in self._take(message):
                        self._cursor = message.cursor or self._cursor
                        # Resets are in it only where they were asked for.
                        yield cast("ItemT_co | None", item)

    def _take(self, message: Message) -> list[Event | Reset | None]:
        if message.kind == "event":
            event = decoded(message.data, Event)
            return [] if self._is_repeat(event) else [event]
        if message.kind == "reset":
            reset = decoded(message.data, Reset)
            self._seen.clear()
            if self._raises:
                self._cursor = message.cursor or None
                raise EventsLost(reset.detail, reset.reason, message.cursor or None)
            return [reset]
        if message.kind == "bookmark":
            self.live = decoded(message.data, _Mark).live
            return [None]
        return []

    def _is_repeat(self, event: Event) -> bool:
        """Whether it was given before: the events of a job come in the order of their indexes."""
        if event.index is None:
            # Flux gives no two memos of a job one time.
            place, key = event.timestamp, f"{event.id} {event.name}"
        else:
            place, key = event.index, event.id
        last = self._seen.pop(key, -1)
        self._seen[key] = max(last, place)
        if len(self._seen) > _REMEMBERED:
            for known in list(self._seen)[:_FEW]:
                del self._seen[known]
        return place <= last
