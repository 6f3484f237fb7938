"""Live streams of jobs, events and statistics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal, overload

from fluxapi.client.body import decoded
from fluxapi.client.event import Event, Reset
from fluxapi.client.events import EventStream
from fluxapi.client.instances import InstanceChange, instance_changes
from fluxapi.client.options import EventFilter, StreamFilter
from fluxapi.client.signatures import with_options
from fluxapi.client.stats import Stats
from fluxapi.client.watch import JobsWatch

from .base import Methods, job_path

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["StreamMethods"]


class StreamMethods(Methods):
    """The methods that follow jobs, events and statistics."""

    @overload
    def events(
        self,
        *,
        since: str | None = None,
        on_reset: Literal["raise"] = "raise",
        **filter: Unpack[EventFilter],
    ) -> EventStream[Event]: ...

    @overload
    def events(
        self,
        *,
        since: str | None = None,
        on_reset: Literal["continue"],
        **filter: Unpack[EventFilter],
    ) -> EventStream[Event | Reset]: ...

    @with_options(EventFilter)
    def events(
        self,
        *,
        since: str | None = None,
        on_reset: Literal["raise", "continue"] = "raise",
        **filter: Unpack[EventFilter],
    ) -> EventStream[Event] | EventStream[Event | Reset]:
        """Follow the events of all jobs from now on, or from a cursor; ``"0"`` replays all kept.

        ``async with`` connects the stream, so that it yields all events from then on.
        """
        channel = self._channel("/events", {"stream": "events", **filter}, cursor=since)
        if on_reset == "continue":
            return EventStream[Event | Reset](channel, on_reset=on_reset)
        return EventStream[Event](channel)

    def job_events(self, id: str | int) -> EventStream[Event]:
        """Follow the events of one job, from its first to its last."""
        channel = self._channel(f"{job_path(id)}/events", {}, resumes=False)
        return EventStream[Event](channel, replays=True)

    @with_options(StreamFilter)
    def watch(self, **filter: Unpack[StreamFilter]) -> JobsWatch:
        """Follow the jobs that match a filter: all of them first, then each change."""
        return JobsWatch(self._channel("/events", {"stream": "jobs", **filter}))

    async def stats_stream(self) -> AsyncIterator[Stats]:
        """Yield statistics when they change (at most twice a second) and every 5 seconds."""
        channel = self._channel("/events", {"stream": "stats"}, resumes=False)
        async with aclosing(channel.messages()) as messages:
            async for message in messages:
                if message.kind == "stats":
                    yield decoded(message.data, Stats)

    async def instances_stream(self) -> AsyncIterator[InstanceChange]:
        """Yield the instances of the tree: all of them first, then each that changes or has gone.

        With ``instance``, these are the instance there and those below it.
        """
        channel = self._channel("/events", {"stream": "instances"})
        async with aclosing(instance_changes(channel)) as changes:  # type: ignore[type-var] # a generator
            async for change in changes:
                yield change
