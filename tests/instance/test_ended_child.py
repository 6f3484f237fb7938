"""The instance of a job that has ended: what is kept of its jobs is read in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fluxapi.errors import InstanceEnded
from fluxapi.instance.broker.child import ChildInstance
from fluxapi.instance.protocol import ChildPlace, Last, LookupKey, OutputBatch
from fluxapi.model.eventlog import Event


class Kept:
    async def lookup(self, jobid: int, key: LookupKey) -> str:
        return f"{key} of {jobid}"

    async def eventlog(self, jobid: int) -> list[Event]:
        return [Event(float(jobid), "submit")]

    async def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        yield OutputBatch(first, [f"{jobid} {follow} {last}"])  # type: ignore[list-item]


def unused(*_: object) -> object:
    raise AssertionError


async def test_kept_data_is_read_when_the_instance_has_ended() -> None:
    child = ChildInstance(
        ChildPlace(1, "local:///run/flux", "0", "node0"),
        unused,  # type: ignore[arg-type]
        unused,  # type: ignore[arg-type]
        unused,  # type: ignore[arg-type]
        unused,  # type: ignore[arg-type]
        transports=(),
        timeout=1.0,
    )
    with pytest.raises(InstanceEnded):
        await child.lookup(7, "R")
    child.kept = Kept()
    assert await child.lookup(7, "R") == "R of 7"
    assert [event.name for event in await child.eventlog(7)] == ["submit"]
    assert len([batch async for batch in child.output(7)]) == 1
    with pytest.raises(InstanceEnded):
        await child.kill(7, 9)
