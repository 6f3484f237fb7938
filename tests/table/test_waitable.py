"""The waitable jobs of a table, also those that left it."""

from __future__ import annotations

from fluxapi.model.eventlog import Event, JournalMessage, Purged
from fluxapi.model.job_end import WAITABLE
from fluxapi.table.table import Table


def add(table: Table, *jobids: int) -> None:
    """Add waitable jobs that have ended."""
    context = {"userid": 0, "urgency": 16, "flags": WAITABLE, "version": 1}
    exception = {"type": "cancel", "severity": 0}
    events = [Event(1.0, "submit", context), Event(2.0, "exception", exception)]
    table.feed([JournalMessage(jobid, [*events, Event(3.0, "clean")]) for jobid in jobids])


def test_purged_jobs_are_kept_first() -> None:
    table = Table()
    add(table, 1, 2, 3)
    table.feed([Purged([2])])
    assert table.waitable.ended(2) == [2, 1]
    assert (table.waitable.ended_count, 2 in table.waitable, 2 in table) == (3, True, False)


def test_an_active_job_that_is_gone_has_no_end() -> None:
    table = Table()
    context = {"userid": 0, "urgency": 16, "flags": WAITABLE, "version": 1}
    table.feed([JournalMessage(1, [Event(1.0, "submit", context)])])
    table.feed([Purged([1])])
    assert (table.waitable.active_count, table.waitable.ended_count) == (0, 0)


def test_jobs_beyond_the_limit_of_the_table_are_kept() -> None:
    table = Table(max_inactive=2)
    add(table, 1, 2, 3)
    assert (len(table), table.waitable.ended(9)) == (2, [1, 2, 3])


def test_the_number_of_jobs_that_left_the_table_is_limited() -> None:
    table = Table(max_inactive=2)
    add(table, 1, 2, 3, 4, 5)
    assert table.waitable.ended(9) == [2, 3, 4, 5]
