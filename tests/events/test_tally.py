"""Number and digest of a filter's jobs, counted while the table goes on changing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.events import tally as tallies
from fluxapi.events.batch import publish
from fluxapi.events.filters import ANY, Filter, Selection
from fluxapi.events.index import facets
from fluxapi.events.query import JobQuery
from fluxapi.events.table import DIGEST_MODULUS, Table
from fluxapi.events.tally import Tally
from fluxapi.model.job import mark

from .channel import FILTERS, Channel, Flux, Step, Turns, steps


def brute_force(table: Table, filter: Filter) -> dict[str, object]:
    selection = Selection(filter)
    jobs = [job for jobid in table.index.all if (job := table.get(jobid))]
    taken = [mark(job) for job in jobs if selection.takes(job.id, facets(job))]
    return {"count": len(taken), "digest": f"{sum(taken) % DIGEST_MODULUS:08x}"}


@given(steps(), steps(), st.sampled_from(FILTERS), st.integers(1, 5), st.integers(1, 4))
def test_it_is_what_counting_at_once_gives(
    before: list[Step], during: list[Step], filter: Filter, size: int, walked: int
) -> None:
    flux = Flux()
    channel = Channel(Turns())
    table = channel.table
    for step in before:
        table.feed(flux.step(step))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tallies, "_SLICE", size)
        tally = Tally(table, Selection(filter))
        for number, step in enumerate(during):
            tally.apply(publish(table.feed(flux.step(step)), channel.ring, channel.trail))
            if number % walked == 0:
                tally.walk_on()
            if tally.complete:
                assert tally.members() == brute_force(table, filter)
            else:
                assert tally.members() == {}
        while not tally.walk_on():
            pass
        assert tally.members() == brute_force(table, filter)


def test_of_all_jobs_it_is_known_at_once() -> None:
    channel, flux = Channel(Turns()), Flux()
    channel.feed([flux.submit() for _ in range(3)])
    tally = Tally(channel.table, Selection(ANY))
    assert tally.members() == brute_force(channel.table, ANY)


def test_a_filter_that_takes_nothing_counts_nothing() -> None:
    channel, flux = Channel(Turns()), Flux()
    channel.feed([flux.submit()])
    tally = Tally(channel.table, Selection(Filter(JobQuery(queue="none"))))
    assert tally.walk_on()
    assert tally.members() == {"count": 0, "digest": "00000000"}
