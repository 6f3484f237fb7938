"""The batch that one append publishes, compared with the table before and after it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.events.event_log import Batch
from fluxapi.model.eventlog import JournalMessage, Purged
from fluxapi.model.job import checksum
from fluxapi.table.changes import Shape
from fluxapi.table.index import facets

from .channel import Channel, Flux, Step, Turns, steps


class Desk:
    def __init__(self) -> None:
        self.flux = Flux()
        self.channel = Channel(Turns(), max_inactive=4)

    def hand_over(self, *messages: JournalMessage | Purged) -> Batch:
        channel = self.channel
        return channel.log.append(channel.table.feed(messages))

    def shapes(self) -> dict[int, Shape]:
        return {
            jobid: Shape(facets(job), checksum(job))
            for jobid, job in self.channel.table._jobs.items()
        }


def told(batch: Batch) -> list[tuple[int, int | None, str]]:
    return [(it.id, it.index, it.name or it.kind) for it in batch.entries]


@given(st.lists(steps(2), max_size=15))
def test_rows_lead_from_the_table_before_to_the_table_after(batches: list[list[Step]]) -> None:
    desk = Desk()
    for todo in batches:
        shapes = desk.shapes()
        head = desk.channel.buffer.head
        batch = desk.hand_over(*(message for step in todo for message in desk.flux.step(step)))
        for row in batch.rows:
            assert shapes.pop(row.id, None) == row.before
            if row.after is not None:
                shapes[row.id] = row.after
        assert shapes == desk.shapes()
        assert [it.seq for it in batch.entries] == list(
            range(head + 1, desk.channel.buffer.head + 1)
        )
        ends = [row.entry.seq for row in batch.rows]
        assert ends == sorted(ends)
        last = {entry.id: entry.seq for entry in batch.entries}
        assert all(row.entry.seq == last[row.id] for row in batch.rows)
        assert list(desk.channel.change_log.since(head)) == [
            (row.entry.seq, row.id) for row in batch.rows
        ]


def test_a_row_that_changed_by_no_event_is_an_entry_of_its_own() -> None:
    desk = Desk()
    desk.hand_over(desk.flux.submit(), desk.flux.happen(1, "memo", {"a": 1}, volatile=True))
    desk.channel.table.begin_replay()
    message, sentinel = desk.flux.backlog()
    assert isinstance(message, JournalMessage)
    message.jobspec = None
    batch = desk.hand_over(message, sentinel)
    assert told(batch) == [(1, None, "row")]
    assert [row.id for row in batch.rows] == [1]


def test_after_a_loss_only_what_is_new_is_told() -> None:
    desk = Desk()
    desk.hand_over(*(desk.flux.submit() for _ in range(4)))
    desk.flux.happen(2, "validate")
    desk.flux.purge(3)
    desk.flux.submit()
    desk.channel.table.begin_replay()
    batch = desk.hand_over(*desk.flux.backlog())
    assert set(told(batch)) == {(2, 1, "validate"), (5, 0, "submit"), (3, None, "gone")}
    assert len(told(batch)) == 3
    desk.channel.table.begin_replay()
    assert told(desk.hand_over(*desk.flux.backlog())) == []


def test_a_job_that_came_and_went_at_once_is_gone() -> None:
    desk = Desk()
    batch = desk.hand_over(desk.flux.submit(), desk.flux.purge(1))
    assert told(batch) == [(1, 0, "submit"), (1, None, "gone")]
    assert batch.rows == []


def test_a_job_that_is_dropped_for_room_is_gone() -> None:
    desk = Desk()
    for jobid in range(1, 6):
        batch = desk.hand_over(desk.flux.submit(), desk.flux.happen(jobid, "clean"))
    assert told(batch) == [(5, 0, "submit"), (5, 1, "clean"), (1, None, "gone")]


@pytest.mark.parametrize("purge_first", [False, True])
def test_a_purge_and_the_last_event_come_in_any_order(*, purge_first: bool) -> None:
    desk = Desk()
    desk.hand_over(desk.flux.submit())
    clean, purge = desk.flux.happen(1, "clean"), desk.flux.purge(1)
    batch = desk.hand_over(*((purge, clean) if purge_first else (clean, purge)))
    assert told(batch)[-1] == (1, None, "gone")
    assert [(row.id, row.after) for row in batch.rows] == [(1, None)]


def test_memos_are_not_repeated_when_the_clock_steps_back() -> None:
    desk = Desk()
    desk.hand_over(desk.flux.submit(), desk.flux.happen(1, "memo", {"text": "a"}))
    desk.flux.now -= 5
    desk.hand_over(desk.flux.happen(1, "memo", {"text": "a"}, volatile=True))
    desk.channel.table.begin_replay()
    assert told(desk.hand_over(*desk.flux.backlog())) == []


def test_a_memo_that_was_missed_and_changes_no_row_leaves_its_job_there() -> None:
    desk = Desk()
    desk.hand_over(desk.flux.submit(), desk.flux.happen(1, "memo", {"text": "a"}))
    desk.flux.now += 5
    desk.flux.happen(1, "memo", {"text": "a"})
    desk.channel.table.begin_replay()
    assert told(desk.hand_over(*desk.flux.backlog())) == [(1, None, "memo")]
    assert 1 in desk.channel.table
