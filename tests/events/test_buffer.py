"""The buffer: what is kept, and where a cursor leads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.events.buffer import CursorError, EventBuffer, encode_body
from fluxapi.events.cursor import parse
from fluxapi.model.eventlog import Event
from fluxapi.table.index import Facets

HERE, THERE = "1" * 8 + "2" * 8, "1" * 8 + "3" * 8
FACETS = Facets("RUN", None, 0, "", "app", "", "")


def buffer(*times: float, **options: Any) -> EventBuffer:
    made = EventBuffer(HERE, **options)
    for number, time in enumerate(times, 1):
        made.post(number, 0, Event(time, "submit"), FACETS)
    return made


def cursor(seq: int, time: int, epoch: str = THERE) -> str:
    return f"{epoch}.{seq}.{time}"


def ids_after(buffer: EventBuffer, text: str) -> list[int]:
    return [entry.id for entry in buffer.after(buffer.resolve(text), 1000)]


def refusal(buffer: EventBuffer, text: str) -> str:
    with pytest.raises(CursorError) as caught:
        buffer.resolve(text)
    return caught.value.reason


def test_a_cursor_of_this_process_goes_on_exactly_there() -> None:
    made = buffer(100.0, 101.0, 101.0)
    assert ids_after(made, made.entries[0].cursor.decode()) == [2, 3]


def test_zero_is_all_that_is_here() -> None:
    assert ids_after(buffer(100.0, 101.0), "0") == [1, 2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "unknown"),
        ("garbage", "unknown"),
        (cursor(1, 1) + "\n", "unknown"),
        (cursor(10**15, 1), "unknown"),
        ("9" * 8 + "2" * 8 + ".1.100000", "instance"),
        (cursor(4, 100_000, HERE), "future"),
        (cursor(1, 110_000), "future"),
    ],
)
def test_a_cursor_that_leads_nowhere_is_refused(text: str, reason: str) -> None:
    assert refusal(buffer(100.0, 101.0, 102.0), text) == reason


def test_a_cursor_before_the_buffer_is_expired() -> None:
    made = buffer(*(100.0 + number for number in range(10)), max_events=4)
    assert refusal(made, cursor(made.floor - 1, 0, HERE)) == "expired"
    assert ids_after(made, cursor(made.floor, 0, HERE)) == [entry.id for entry in made.entries]
    with pytest.raises(CursorError, match="overflow"):
        made.after(made.floor - 1, 1)


def test_another_process_goes_by_the_time_with_overlap() -> None:
    made = buffer(90.0, 95.0, 99.0, 100.0, 103.0)
    assert ids_after(made, cursor(999, 100_000)) == [2, 3, 4, 5]


def test_another_process_cannot_go_on_before_what_is_kept() -> None:
    made = buffer(*(100.0 + number for number in range(20)), max_events=4)
    oldest = made.entries[0].time
    assert refusal(made, cursor(1, oldest)) == "expired"
    assert ids_after(made, cursor(1, oldest + 5000)) == [entry.id for entry in made.entries]


def test_events_with_the_time_of_the_last_dropped_one_may_be_missing() -> None:
    made = buffer(*[100.0] * 20, 120.0, max_events=4)
    assert refusal(made, cursor(1, 105_000)) == "expired"


def test_one_who_came_before_anything_happened_gets_all_of_it() -> None:
    assert ids_after(buffer(100.0, 101.0), cursor(0, 0)) == [1, 2]


def test_a_clock_that_stepped_back_makes_times_worthless() -> None:
    made = buffer(100.0)
    made.stepped = True
    assert refusal(made, cursor(1, 100_000)) == "clock"
    assert ids_after(made, cursor(0, 0, HERE)) == [1]


def test_rows_go_on_by_number_however_old_but_in_this_process_only() -> None:
    made = buffer(*(100.0 + number for number in range(20)), max_events=4)
    assert made.resolve_own(cursor(1, 0, HERE)) == 1
    with pytest.raises(CursorError, match="epoch"):
        made.resolve_own(cursor(1, 100_000))
    with pytest.raises(CursorError, match="future"):
        made.resolve_own(cursor(21, 100_000, HERE))


@given(st.lists(st.floats(0, 200), max_size=50), st.integers(1, 20), st.integers(600, 20_000))
def test_it_is_bounded_dense_and_never_steps_back(times: list[float], most: int, size: int) -> None:
    made = EventBuffer(HERE, max_events=most, max_bytes=size)
    for number, time in enumerate(times, 1):
        made.post(number, 0, Event(time, "memo", {"x": "y" * int(time * 10)}), FACETS)
        assert len(made.entries) <= most + most // 8
        assert sum(len(entry.body) for entry in made.entries) <= size
        assert [it.seq for it in made.entries] == list(range(made.floor + 1, made.head + 1))
        assert [it.time for it in made.entries] == sorted(it.time for it in made.entries)
        for entry in made.entries:
            assert made.cursor_at(entry.seq) == entry.cursor
            place = parse(entry.cursor.decode())
            assert place is not None
            assert place[:3] == ("1" * 8, "2" * 8, entry.seq)


def test_a_cursor_steps_back_with_the_clock() -> None:
    made = buffer(100.0, 98.0, 50.0, 51.0, 49.0)
    times = [entry.cursor.rpartition(b".")[2] for entry in made.entries]
    assert times == [b"100000", b"100000", b"50000", b"51000", b"51000"]
    assert [entry.time for entry in made.entries] == [100_000] * 5


def test_a_context_too_deep_to_be_written_is_left_out() -> None:
    deep: dict[str, Any] = {}
    for _ in range(200_000):
        deep = {"x": deep}
    assert encode_body(1, 4, Event(1.0, "memo", deep)) == (
        b'"id":"f2","index":4,"name":"memo","timestamp":1.0,"truncated":true}'
    )
