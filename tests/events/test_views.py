"""A replay shows the same as the live stream did."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fluxapi.events.filters import Filter
from fluxapi.events.views import EventsView, JobsView, Message
from fluxapi.table.query import JobQuery

from .channel import FILTERS, Channel, Flux, Step, Turns, steps


@given(st.lists(steps(2), max_size=15), st.sampled_from(FILTERS))
def test_the_past_of_events_is_their_news(batches: list[list[Step]], filter: Filter) -> None:
    flux, channel = Flux(), Channel(Turns())
    view = EventsView(filter, channel.table, channel.buffer)
    news: list[Message] = []
    for todo in batches:
        messages = [message for step in todo for message in flux.step(step)]
        batch = channel.log.append(channel.table.feed(messages))
        news += view.live(batch)
    past: list[Message] = []
    seq = 0
    while seq < channel.buffer.head:
        messages_, seq = view.replay(seq)
        past += messages_
    assert past == news


def test_events_before_the_first_index_are_left_out_but_for_those_without_one() -> None:
    flux, channel = Flux(), Channel(Turns())
    filter = Filter(ids=frozenset({1}), first_index=1)
    view = EventsView(filter, channel.table, channel.buffer)
    messages = [
        flux.submit(),
        flux.submit(),
        flux.happen(1, "annotations", {"annotations": {}}),
        flux.happen(1, "validate"),
    ]
    batch = channel.log.append(channel.table.feed(messages))
    assert [it.name for it in batch.entries if view._shows(it)] == ["annotations", "validate"]


def test_a_row_that_never_matched_is_not_reported_as_gone() -> None:
    flux, channel = Flux(), Channel(Turns())
    view = JobsView(Filter(JobQuery(queue="a")), channel.table, channel.buffer, channel.change_log)
    channel.feed([flux.submit(queue="b"), flux.happen(1, "clean")])
    assert view.replay(0) == ([], channel.buffer.head)
