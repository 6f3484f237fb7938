"""Events that are refused when they are folded: nothing keeps them in memory."""

from __future__ import annotations

import gc

from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.table.table import Table
from tests.model.test_hostile_fold import SENTINEL, good


def test_a_bad_event_is_freed_without_the_collector() -> None:
    table = Table()
    table.feed([good(1), SENTINEL])
    gc.collect()
    gc.disable()
    try:
        for count in range(9):
            table.feed([JournalMessage(1, [Event(count, "memo", {"x" * 70_000: count})])])
            table.feed([JournalMessage(1, [Event(count, "urgency", {"urgency": "x" * 9000})])])
        assert gc.collect() == 0
    finally:
        gc.enable()
