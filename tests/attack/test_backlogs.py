"""Backlogs with more jobs than the table keeps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fluxapi.table.index import Facets, Index
from fluxapi.table.table import Table
from tests.table.test_table import SENTINEL, check_index, event, submit

JOBS = 2000
KEPT = 100


def test_jobs_that_are_dropped_leave_nothing_to_pass_over() -> None:
    """Check that readers do not iterate over the dropped jobs again and again."""
    table = Table(max_inactive=KEPT)
    # In no order, as Flux sends them.
    jobs = [number * 7919 % JOBS for number in range(JOBS)]
    for start in range(0, JOBS, 20):
        table.feed(
            message
            for jobid in jobs[start : start + 20]
            for message in (submit(jobid), event(jobid, "validate"), event(jobid, "clean"))
        )
        lists = [table.index.all, table.index.state["INACTIVE"], table.index.userid[0]]
        assert not any(held._gone for held in lists)
    table.feed([SENTINEL])
    for _ in table.index.settle():
        pass
    assert list(table.index.all) == list(range(JOBS - KEPT, JOBS))
    check_index(table)


STATES = st.sampled_from(["RUN", "INACTIVE"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("gather"), st.integers(0, 9), STATES),
        st.tuples(st.just("add"), st.integers(0, 9), STATES),
        st.tuples(st.just("move"), st.integers(0, 9), STATES),
        st.tuples(st.just("remove"), st.integers(0, 9), STATES),
        st.tuples(st.just("settle"), st.just(0), STATES),
    )
)


@given(STEPS)
def test_lists_hold_what_was_added_and_not_removed(steps: list[tuple[str, int, str]]) -> None:
    index = Index()
    jobs: dict[int, Facets] = {}
    for step, jobid, state in steps:
        result = "COMPLETED" if state == "INACTIVE" else None
        new = Facets(state, result, 0, "", "name", "", "")
        if step in {"gather", "add"} and jobid not in jobs:
            jobs[jobid] = new
            index.add([(jobid, new)], more_follow=step == "gather")
        elif step == "move" and jobid in jobs:
            index.move(jobid, jobs[jobid], new)
            jobs[jobid] = new
        elif step == "remove" and jobid in jobs:
            index.remove([(jobid, jobs.pop(jobid))])
        elif step == "settle":
            for _ in index.settle():
                pass
        assert list(index.all) == sorted(jobs)
        assert len(index.all) == len(jobs)
        for name, held in index.state.items():
            some = sorted(jobid for jobid, facets in jobs.items() if facets.state == name)
            assert (list(held), list(reversed(held)), len(held)) == (some, some[::-1], len(some))
        for held in index.userid.values():
            assert list(held) == sorted(jobs)
