"""Number and digest of a filter's jobs, counted while the table goes on changing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.events import digest as digests
from fluxapi.events.digest import ViewDigest
from fluxapi.events.filters import ANY, Filter, Selection
from fluxapi.model.job import checksum
from fluxapi.table.index import facets
from fluxapi.table.query import JobQuery
from fluxapi.table.table import DIGEST_MODULUS, Table

from .channel import FILTERS, Channel, Flux, Step, Turns, steps


def brute_force(table: Table, filter: Filter) -> dict[str, object]:
    selection = Selection(filter)
    jobs = [job for jobid in table.index.all if (job := table.get(jobid))]
    taken = [checksum(job) for job in jobs if selection.takes(job.id, facets(job))]
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
        patch.setattr(digests, "_SLICE_JOBS", size)
        digest = ViewDigest(table, Selection(filter))
        for number, step in enumerate(during):
            digest.apply(digests.changed(channel.log.append(table.feed(flux.step(step)))))
            if number % walked == 0:
                digest.walk_on()
            if digest.complete:
                assert digest.members() == brute_force(table, filter)
            else:
                assert digest.members() == {}
        while not digest.walk_on():
            pass
        assert digest.members() == brute_force(table, filter)


def test_of_all_jobs_it_is_known_at_once() -> None:
    channel, flux = Channel(Turns()), Flux()
    channel.feed([flux.submit() for _ in range(3)])
    digest = ViewDigest(channel.table, Selection(ANY))
    assert digest.members() == brute_force(channel.table, ANY)


def test_a_filter_that_takes_nothing_counts_nothing() -> None:
    channel, flux = Channel(Turns()), Flux()
    channel.feed([flux.submit()])
    digest = ViewDigest(channel.table, Selection(Filter(JobQuery(queue="none"))))
    assert digest.walk_on()
    assert digest.members() == {"count": 0, "digest": "00000000"}
