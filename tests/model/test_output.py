"""Output eventlogs: the end of one, and entries that nobody should trust."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from fluxapi.model import output
from fluxapi.model.eventlog import Event
from fluxapi.model.output import (
    Last,
    OutputBatch,
    PlainText,
    Tail,
    decode_entry,
    log_line,
    writer_of,
)

HEADER = Event(0.0, "header", {"version": 1})
END = Event(9.0, "data", {"stream": "stdout", "rank": "0", "eof": True})


def data(text: str, stream: str = "stdout") -> Event:
    return Event(1.0, "data", {"stream": stream, "rank": "0", "data": text})


EVENTS = [HEADER, data("a\n"), data("x\n", "stderr"), data("b\nc"), data("d\n"), END]


def tail_of(events: list[Event], last: Last, size: int = 2) -> list[tuple[int, Event]]:
    found = Tail(last)
    for first in range(0, len(events), size):
        found.take(OutputBatch(first, events[first : first + size]))
    batches = list(found.batches())
    assert batches[-1] == OutputBatch(len(events), [])
    return [pair for batch in batches for pair in enumerate(batch, batch.first)]


@pytest.mark.parametrize("size", [1, 2, 6])
@pytest.mark.parametrize(
    ("last", "indexes"),
    [
        (Last(0), []),
        (Last(1), [4, 5]),
        (Last(2), [3, 4, 5]),
        (Last(3), [2, 3, 4, 5]),
        (Last(4), [1, 2, 3, 4, 5]),
        (Last(5), [0, 1, 2, 3, 4, 5]),
        (Last(2, "stdout"), [3, 4, 5]),
        (Last(3, "stdout"), [1, 3, 4, 5]),
        (Last(1, "stderr"), [2]),
        (Last(2, "stderr"), [0, 2]),
        (Last(2, lines=True), [3, 4, 5]),
        (Last(3, lines=True), [2, 3, 4, 5]),
    ],
)
def test_it_begins_with_the_entry_that_is_first_of_so_many(
    last: Last, indexes: list[int], size: int
) -> None:
    assert tail_of(EVENTS, last, size) == [(index, EVENTS[index]) for index in indexes]


def test_it_is_bounded_in_bytes() -> None:
    events = [data("x" * 1500), data("y" * 1500), data("z")]
    assert tail_of(events, Last(3, size=3000)) == [(1, events[1]), (2, events[2])]


def test_an_entry_larger_than_the_bound_is_kept_if_it_is_the_last() -> None:
    assert tail_of([data("x" * 5000)], Last(1, size=1000)) == [(0, data("x" * 5000))]


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b'"text"',
        b'{"timestamp":"now","name":"data"}',
        b'{"timestamp":1,"name":"data","context":[]}',
        b'{"timestamp":1,"name":"data","context":{"data":"\\ud800"}}',
        b'{"timestamp":1,"name":"\xff"}',
        b"\0",
    ],
)
def test_an_entry_that_is_not_valid_is_one_that_says_so(line: bytes) -> None:
    good = b'{"timestamp":1,"name":"data","context":{"stream":"stdout","data":"a"}}'
    first, bad, last = map(decode_entry, [good, line, good])
    assert first == last
    assert bad.name == "invalid"
    assert "not valid" in (bad.context or {})["message"]


def test_an_entry_that_is_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "MAX_ENTRY_BYTES", 100)
    entry = decode_entry(json.dumps({"timestamp": 1, "name": "x" * 100}).encode())
    assert "more than 100" in (entry.context or {})["message"]


def test_a_deep_entry_is_made_shallow() -> None:
    deep = b'{"timestamp":1,"name":"log","context":{"a":' + b"[" * 9999 + b"]" * 9999 + b"}}"
    entry = decode_entry(deep)
    assert entry.name == "log"


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"data": {"a": 1}}, b""),
        ({"data": "not base64!", "encoding": "base64"}, b"not base64!"),
        ({"data": "ab", "repeat": "3"}, b"ab"),
        ({"data": "ab", "repeat": -1}, b"ab"),
        ({"data": "ab", "repeat": 10**30}, b"ab"),
    ],
)
def test_the_bytes_of_an_odd_entry(context: dict[str, Any], expected: bytes) -> None:
    assert output.written(context) == expected


@pytest.mark.parametrize(
    ("context", "line"),
    [
        ({"message": "m", "level": 3, "rank": 0}, "flux-shell[0]: ERROR: m\n"),
        (
            {"message": "m", "level": 4, "rank": 1, "component": "c"},
            "flux-shell[1]: WARN: c: m\n",
        ),
        ({"message": "m", "level": 5}, "flux-shell: m\n"),
        ({"message": ["m"], "level": 99, "rank": "x", "component": 1}, "flux-shell: ['m']\n"),
        ({}, "flux-shell: \n"),
    ],
)
def test_a_message_of_the_job_shell_is_a_line(context: dict[str, Any], line: str) -> None:
    assert log_line(context) == line


def raw(data: bytes, **context: Any) -> dict[str, Any]:
    text = base64.b64encode(data).decode()
    return {"stream": "stdout", "rank": "0", "encoding": "base64", "data": text, **context}


def test_a_character_in_two_pieces_is_whole() -> None:
    text = PlainText()
    assert text.take(raw(b"a\xc3")) + text.take(raw(b"\xa9\n")) == "aé\n".encode()
    assert text.end() == b""


def test_the_pieces_of_two_tasks_are_separate() -> None:
    text = PlainText()
    pieces = [raw(b"\xc3"), raw(b"\xc3", rank="1"), raw(b"\xa9"), raw(b"\xa4", rank="1")]
    assert b"".join(map(text.take, pieces)).decode() == "éä"


def test_replaced_bytes_are_counted_and_reported_at_the_end() -> None:
    text = PlainText()
    assert text.take(raw(b"a\xff\xfeb")).decode() == "a\ufffd\ufffdb"
    assert text.take({"data": "\ufffd"}).decode() == "\ufffd"
    assert text.replaced == 2
    assert "2 \ufffd stand for bytes that are not UTF-8" in text.end().decode()


def test_a_replacement_character_of_the_job_in_two_pieces_is_its_own() -> None:
    text = PlainText()
    assert b"".join(map(text.take, [raw(b"\xef\xbf"), raw(b"\xbd")])).decode() == "\ufffd"
    assert text.replaced == 0


def test_a_character_that_is_cut_off_is_replaced() -> None:
    text = PlainText()
    assert text.take(raw(b"\xe2\x82")) == b""
    assert text.take(raw(b"", eof=True)).decode() == "\ufffd"


def test_a_job_writes_no_entry_of_the_service() -> None:
    entry = decode_entry(b'{"timestamp":1.0,"name":"file","context":{"path":"/etc/shadow"}}')
    assert entry.name == "invalid"


def test_texts_that_name_a_writer_are_short() -> None:
    assert writer_of({"stream": "stdout", "rank": "0-3"}) == ("stdout", "0-3")
    assert max(map(len, writer_of({"stream": ["x"] * 9999, "rank": "1," * 9999}))) == 256
    assert writer_of({}) == ("", "")
