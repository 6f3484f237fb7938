from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.errors import ValidationFailed
from fluxapi.events.filters import ANY, Filter, Selection, read_filter
from fluxapi.model.jobid import encode_f58
from fluxapi.table.index import facets
from fluxapi.table.query import JobQuery

from .channel import FILTERS, Channel, Flux, Step, Turns, steps


@given(steps(), st.sampled_from(FILTERS), st.integers(1, 5))
def test_every_job_that_is_taken_is_a_candidate_once_newest_first(
    todo: list[Step], filter: Filter, limit: int
) -> None:
    flux, table = Flux(), Channel(Turns()).table
    for step in todo:
        table.feed(flux.step(step))
    selection = Selection(filter)
    seen: list[int] = []
    while ids := selection.below(table, seen[-1] if seen else None, limit):
        seen += ids
    assert seen == sorted(set(seen), reverse=True)
    taken = [
        jobid for jobid in table.index.all if selection.takes(jobid, facets(table._jobs[jobid]))
    ]
    assert set(taken) <= set(seen) <= set(table.index.all)


@given(steps(), st.sampled_from(FILTERS))
def test_a_job_that_was_taken_once_may_be_taken_or_has_moved(
    todo: list[Step], filter: Filter
) -> None:
    flux, channel = Flux(), Channel(Turns())
    selection = Selection(filter)
    once: set[int] = set()
    for step in todo:
        channel.feed(flux.step(step))
        for jobid in channel.table.index.all:
            values = facets(channel.table._jobs[jobid])
            if selection.takes(jobid, values):
                once.add(jobid)
            elif jobid in once:
                assert jobid in channel.change_log.moved or selection.might_take(jobid, values)


def test_no_fields_are_no_filter() -> None:
    assert read_filter({}) == ANY
    assert Selection(ANY).takes_all


def test_fields_are_read() -> None:
    fields = {"id": ["f2", encode_f58(77)], "event": ["submit"], "state": ["run"], "queue": "a"}
    jobs = JobQuery(states=frozenset({"RUN"}), queue="a")
    assert read_filter(fields) == Filter(jobs, frozenset({1, 77}), frozenset({"submit"}))


def test_every_bad_id_is_named() -> None:
    with pytest.raises(ValidationFailed) as caught:
        read_filter({"id": ["f2", "nonsense", "f!"]}, within="/filter")
    pointers = [error["pointer"] for error in caught.value.problem()["errors"]]
    assert pointers == ["/filter/id/1", "/filter/id/2"]


@pytest.mark.parametrize(
    ("filter", "whole"),
    [
        (ANY, True),
        (Filter(JobQuery(user="0", name="a*", queue="b")), True),
        (Filter(JobQuery(states=frozenset({"RUN"}))), False),
        (Filter(JobQuery(node="node0")), False),
        (Filter(events=frozenset({"submit"})), False),
    ],
)
def test_a_filter_takes_jobs_as_a_whole_or_in_part(filter: Filter, *, whole: bool) -> None:
    assert Selection(filter).whole is whole
