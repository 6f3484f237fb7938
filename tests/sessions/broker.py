"""A broker in memory whose jobs are instances, which a test directs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from fluxapi.errors import FluxapiError, InstanceUnavailable
from fluxapi.instance.protocol import (
    Capabilities,
    ChangeBatch,
    ChildPlace,
    Instance,
    InstanceInfo,
    JobRecords,
)
from fluxapi.model.eventlog import Event, JournalMessage, Resync
from tests.handlers.fake import FakeInstance

__all__ = ["JOBSPEC", "FakeBroker", "FakeCounter"]

JOBSPEC = {"version": 1, "tasks": [{"command": ["flux", "broker"]}], "attributes": {"system": {}}}


class FakeCounter:
    """Counts what a test says."""

    def __init__(self, place: ChildPlace) -> None:
        self.place = place
        self.counts: dict[str, Any] | None = {"total": 1, "states": {"RUN": 1}, "results": {}}
        self.problem: str | None = None
        self.utilization: dict[str, dict[str, int]] | None = None
        self.closed = False

    def close(self) -> None:
        self.closed = True


class FakeBroker(FakeInstance):
    """A broker whose jobs are instances; a test has it hang, refuse or end."""

    def __init__(self) -> None:
        super().__init__()
        self.children: list[FakeBroker] = []
        self.places: list[ChildPlace] = []
        self.starting = asyncio.Event()
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.error: FluxapiError | None = None
        self.next_children: list[FakeBroker] = []
        self.backlog: list[JournalMessage] = []
        self.counters: list[FakeCounter] = []
        self.is_lost = False
        self.kept: JobRecords | None = None

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        self._check()
        yield [Resync(), *self.backlog]
        async with aclosing(super().changes()) as batches:  # type: ignore[type-var]
            yield (await anext(batches))[1:]
            async for batch in batches:
                self._check()
                yield batch

    def lose(self) -> None:
        """End the journal for good, as if the broker were killed."""
        self.is_lost = True
        self._journal.put_nowait([])

    def _check(self) -> None:
        if self.is_lost:
            raise InstanceUnavailable("The broker is gone.")

    async def start(self) -> InstanceInfo:
        self.starting.set()
        await self.may_start.wait()
        if self.error is not None:
            raise self.error
        children = Capabilities(children=True)
        return InstanceInfo("flux", "0.88.0", None, 1, "node0", 0, 0.0, capabilities=children)

    def child(self, place: ChildPlace) -> Instance:
        self.places.append(place)
        child = self.next_children.pop(0) if self.next_children else FakeBroker()
        self.children.append(child)
        return child

    async def count(self, place: ChildPlace) -> FakeCounter:
        counter = FakeCounter(place)
        self.counters.append(counter)
        if self.error is not None:
            raise self.error
        return counter

    def launch(self, jobid: int, *, userid: int | None = None, uri: str | None = "x") -> None:
        """Run a job that is an instance."""
        own = os.getuid() if userid is None else userid
        submit = {"userid": own, "urgency": 16, "flags": 0, "version": 1}
        self.post(jobid, Event(1.0, "submit", submit), jobspec=JOBSPEC)
        self.post(jobid, Event(1.0, "validate"))
        self.post(jobid, Event(1.0, "depend"))
        self.post(jobid, Event(1.0, "priority", {"priority": 16}))
        self.begin(jobid)
        if uri is not None:
            self.post(jobid, Event(1.0, "memo", {"uri": uri}))
