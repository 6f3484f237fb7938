"""The change_log beside a plain dict that says the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.events import change_log as trails
from fluxapi.events.change_log import ChangeLog

MOST_GONE = 3


class Model:
    """The last change of each job, and the removals that are still known."""

    def __init__(self) -> None:
        self.last: dict[int, int] = {}
        self.gone: list[int] = []
        self.floor = 0

    def touch(self, jobid: int, seq: int) -> None:
        self.last[jobid] = seq

    def remove(self, jobid: int, seq: int) -> None:
        self.last[jobid] = seq
        self.gone.append(jobid)
        if len(self.gone) > MOST_GONE:
            self.floor = self.last.pop(self.gone.pop(0))

    def since(self, seq: int) -> list[tuple[int, int]]:
        return sorted((at, jobid) for jobid, at in self.last.items() if at > seq)


def length(change_log: ChangeLog) -> int:
    return sum(len(segment.seqs) for segment in change_log._segments)


STEPS = st.lists(
    st.tuples(st.sampled_from(["touch", "touch", "touch", "remove"]), st.integers(0, 12)),
    min_size=30,
    max_size=150,
)


@given(STEPS, st.integers(0, 4))
def test_it_says_what_a_dict_of_last_changes_says(steps: list[tuple[str, int]], jumps: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trails, "_SEGMENT_ENTRIES", 4)
        change_log, model = ChangeLog(max_gone=MOST_GONE), Model()
        removed: set[int] = set()
        seq = 0
        for kind, pick in steps:
            seq += 1 + seq % (jumps + 1)
            jobid = pick
            while jobid in removed:
                jobid += 100  # ids are given out once
            if kind == "remove":
                removed.add(jobid)
            for known in (change_log, model):
                getattr(known, kind)(jobid, seq)
            assert change_log.floor == model.floor
            for start in (change_log.floor, (change_log.floor + seq) // 2, seq - 1, seq):
                assert list(change_log.since(start)) == model.since(start)
            # Two segments are swept for one that is filled.
            assert length(change_log) <= 3 * len(model.last) + 5 * 4


def test_a_row_that_changes_all_the_time_takes_no_room() -> None:
    change_log = ChangeLog()
    change_log.touch(1, 1)
    for seq in range(2, 100_000):
        change_log.touch(2, seq)
    assert list(change_log.since(0)) == [(1, 1), (99_999, 2)]
    assert length(change_log) <= 4 * trails._SEGMENT_ENTRIES


def test_beginning_anew_forgets_everything() -> None:
    change_log = ChangeLog(max_gone=1)
    change_log.touch(1, 1)
    change_log.remove(2, 2)
    change_log.start(10)
    change_log.remove(3, 11)
    assert (change_log.floor, list(change_log.since(10)), len(change_log)) == (10, [(11, 3)], 1)


def test_removals_that_are_forgotten_raise_the_floor() -> None:
    change_log = ChangeLog(max_gone=2)
    for seq in range(1, 6):
        change_log.remove(seq, seq)
    assert change_log.floor == 3
    assert list(change_log.since(3)) == [(4, 4), (5, 5)]


def test_jobs_that_moved_are_known_until_they_are_gone() -> None:
    change_log = ChangeLog()
    change_log.moved.update({1, 2})
    change_log.remove(1, 1)
    assert change_log.moved == {2}
    change_log.start(2)
    assert not change_log.moved
