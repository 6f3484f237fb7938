from __future__ import annotations

import pytest

from fluxapi.events import tail
from fluxapi.events.tail import Tail
from fluxapi.model.eventlog import Event

HEADER = Event(0.0, "header", {"version": 1})
END = Event(9.0, "data", {"stream": "stdout", "rank": "0", "eof": True})


def data(text: str, stream: str = "stdout") -> Event:
    return Event(1.0, "data", {"stream": stream, "rank": "0", "data": text})


EVENTS = [HEADER, data("a"), data("x", "stderr"), data("b"), data("c"), END]


@pytest.mark.parametrize("size", [1, 2, 6])
@pytest.mark.parametrize(
    ("count", "stream", "first"),
    [
        (0, None, 6),
        (1, None, 4),
        (2, None, 3),
        (3, None, 2),
        (4, None, 1),
        (5, None, 0),
        (2, "stdout", 3),
        (3, "stdout", 1),
        (1, "stderr", 2),
        (2, "stderr", 0),
    ],
)
def test_it_is_from_the_entry_that_is_first_of_so_many(
    count: int, stream: str | None, first: int, size: int
) -> None:
    found = Tail(count, stream)
    for index in range(0, len(EVENTS), size):
        found.take(index, EVENTS[index : index + size])
    assert found.first == first
    assert found.events == EVENTS[first:]


def test_one_that_is_too_large_is_only_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "_LIMIT", 2000)
    found = Tail(2, None)
    found.take(0, [HEADER, data("x" * 1500), data("y" * 1500)])
    found.take(3, [data("z")])
    assert (found.first, found.events) == (2, [])
