"""Journals of many programs that pose as instances, all of which send long messages."""

from __future__ import annotations

import pytest

from fluxapi.events import consumer
from fluxapi.events.buffer import EventBuffer
from fluxapi.events.consumer import JournalConsumer
from fluxapi.events.cursor import new_epoch
from fluxapi.events.event_log import EventLog
from fluxapi.events.hub import Hub
from fluxapi.table.table import Table
from tests.events.test_consumer import ScriptedInstance, within
from tests.table.test_table import SENTINEL, submit


@pytest.mark.parametrize(("trusted", "turns"), [(True, 0), (False, 3)])
async def test_journals_of_posing_instances_take_turns(
    monkeypatch: pytest.MonkeyPatch, trusted: bool, turns: int
) -> None:
    taken: list[int] = []

    class Turns:
        async def share(self) -> None:
            taken.append(1)

    monkeypatch.setattr(consumer, "TimeSlice", Turns)
    monkeypatch.setattr(consumer, "_MAX_PIECE_MESSAGES", 1)
    instance = ScriptedInstance()
    hub = Hub(Table(), EventLog(EventBuffer(new_epoch("0" * 8))))
    pump = JournalConsumer(instance, hub, trusted=trusted)  # type: ignore[arg-type]  # a journal
    pump.start()
    stream = await within(instance.streams.get())
    stream.put_nowait([submit(1), SENTINEL])
    await within(pump.caught_up())
    await pump.aclose()
    assert len(taken) == turns
