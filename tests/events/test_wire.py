"""Bytes on the wire, read back by plain readers of each format."""

from __future__ import annotations

import json
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.events.buffer import encode_body
from fluxapi.events.transport.wire import (
    EventlogText,
    Lines,
    ServerSentEvents,
    WebSocketText,
    Wire,
    frame_close,
    frame_text,
)
from fluxapi.model.eventlog import Event, encode_event

from .channel import SSE
from .readers import Frame, parse

LINES = Lines(chunked=False)
CURSOR = b"11111111222222222.1.1"
TEXT = st.text(max_size=40)
CONTEXT = st.dictionaries(
    TEXT,
    st.recursive(
        st.one_of(TEXT, st.integers(-(2**60), 2**60), st.booleans(), st.none()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def read_socket(data: bytes) -> list[tuple[int, bytes]]:
    """Return the first byte and payload of each frame that a socket got (RFC 6455, 5.2)."""
    frames = []
    while data:
        size, start = data[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(data[2:start], "big")
        frames.append((data[0], data[start : start + size]))
        assert len(data) >= start + size
        data = data[start + size :]
    return frames


@pytest.mark.parametrize(
    ("size", "opening"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_lengths_take_the_shortest_form(size: int, opening: bytes) -> None:
    payload = b"x" * size
    assert frame_text(payload) == opening + payload


@given(st.integers(0, 200_000))
def test_a_frame_of_any_length_is_read_back(size: int) -> None:
    payload = b"x" * size
    assert read_socket(frame_text(payload) * 2) == [(0x81, payload)] * 2


@given(st.integers(1000, 4999), st.text(st.characters(codec="ascii")))
def test_a_close_frame_fits_into_a_control_frame(code: int, words: str) -> None:
    ((first, payload),) = read_socket(frame_close(code, words * 10))
    assert (first, int.from_bytes(payload[:2], "big")) == (0x88, code)
    assert len(payload) <= 125
    assert payload[2:] == (words * 10).encode()[:120]


@given(CONTEXT, TEXT, st.sampled_from([SSE, LINES]))
def test_no_context_breaks_a_message(context: dict[str, Any], name: str, wire: Wire) -> None:
    body = encode_body(1, 2, Event(1.5, name, context))
    data = wire.join([wire.frame("event", CURSOR, body), wire.frame("bookmark", b"", body)])
    expected = {"id": "f2", "index": 2, "name": name, "timestamp": 1.5, "context": context}
    first, second = parse(wire, data)
    assert first == Frame("event", CURSOR.decode(), expected)
    assert second == Frame("bookmark", "", expected)
    assert data.count(b"\n") == (7 if wire is SSE else 2)
    assert b"\r" not in data


@given(CONTEXT, TEXT, TEXT)
def test_no_label_breaks_a_socket(context: dict[str, Any], name: str, label: str) -> None:
    body = encode_body(1, None, Event(1.5, name, context))
    ((first, payload),) = read_socket(WebSocketText(label).frame("event", CURSOR, body))
    assert first == 0x81
    assert json.loads(payload) == {
        "type": "event",
        "sub": label,
        "cursor": CURSOR.decode(),
        "id": "f2",
        "name": name,
        "timestamp": 1.5,
        "context": context,
    }


def test_long_messages_are_compressed_each_by_itself_where_it_was_agreed_on() -> None:
    wire = WebSocketText("s", deflate=True)
    short, long = b'"x":"' + b"y" * 10 + b'"}', b'"x":"' + b"y" * 10_000 + b'"}'
    frames = read_socket(wire.join([wire.frame("job", b"", body) for body in (short, long, long)]))
    assert [first for first, _ in frames] == [0x81, 0xC1, 0xC1]
    for _, payload in frames[1:]:
        text = zlib.decompressobj(-zlib.MAX_WBITS).decompress(payload + b"\x00\x00\xff\xff")
        assert json.loads(text) == {"type": "job", "sub": "s", "x": "y" * 10_000}


@pytest.mark.parametrize("wire", [Lines(), ServerSentEvents(), EventlogText()])
def test_a_chunk_says_how_long_it_is(wire: Wire) -> None:
    frames = [wire.frame("event", CURSOR, encode_body(1, 0, Event(1.0, "x" * 20)))] * 3
    plain = b"".join(frames)
    assert wire.join(frames) == b"%x\r\n" % len(plain) + plain + b"\r\n"


@pytest.mark.parametrize("wire", [Lines(), ServerSentEvents(), EventlogText()])
def test_a_chunk_of_nothing_is_not_sent(wire: Wire) -> None:
    assert wire.join([]) == wire.join([b"", b""]) == b""


@given(CONTEXT, TEXT)
def test_plain_text_is_the_eventlog_as_flux_keeps_it(context: dict[str, Any], name: str) -> None:
    wire = EventlogText(chunked=False)
    event = Event(1.25, name, context)
    line = wire.frame("event", CURSOR, encode_body(1, 0, event))
    assert line.count(b"\n") == 1
    assert msgspec.json.decode(line) == msgspec.json.decode(encode_event(event))


@pytest.mark.parametrize("kind", ["bookmark", "reset", "gone", "end"])
def test_plain_text_holds_nothing_else(kind: str) -> None:
    assert EventlogText().frame(kind, CURSOR, b'"id":"f"}') == b""


def test_equal_wires_share_their_feeds() -> None:
    assert {ServerSentEvents(chunked=False): 1} == {SSE: 1}
    assert (
        len({SSE, ServerSentEvents(), LINES, Lines(), WebSocketText("a"), WebSocketText("b")}) == 6
    )
