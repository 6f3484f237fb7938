from __future__ import annotations

import json
import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.model.eventlog import decode_journal
from fluxapi.model.shallow import MAX_DEPTH, decode, shallow

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_shallow_values_stay_the_same(value: object) -> None:
    raw = json.dumps(value).encode()
    assert shallow(raw) == raw


@pytest.mark.parametrize("levels", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 5000])
def test_values_that_are_too_deep_are_null(levels: int) -> None:
    raw = b'{"a":' * levels + b'["}]"]' + b"}" * levels + b""
    value = msgspec.json.decode(shallow(b'{"deep":' + raw[: len(raw)] + b',"near":"]{"}'))
    assert value["near"] == "]{"
    depth = 0
    inner = value["deep"]
    while isinstance(inner, dict):
        inner, depth = inner["a"], depth + 1
    assert depth == min(levels, MAX_DEPTH - 1)
    assert inner == (["}]"] if levels < MAX_DEPTH - 1 else None)


@given(st.text(alphabet='"\\\\[]{}a,'))
def test_brackets_in_strings_are_no_levels(text: str) -> None:
    deep = json.dumps([text] * 2).encode()
    for _ in range(MAX_DEPTH):
        deep = b"[%b]" % deep
    raw = b"[%b,%b]" % (json.dumps(text).encode(), deep)
    assert msgspec.json.decode(shallow(raw))[0] == text
    assert shallow(raw).count(b"null") == 1


@pytest.mark.parametrize("part", [b"x", rb"\"", rb"\\", rb"\n"])
def test_a_long_string_in_a_deep_value_takes_little_memory(part: bytes) -> None:
    raw = b"[" * 2000 + b'"%b"' % (part * 300_000) + b"]" * 2000
    tracemalloc.start()
    try:
        found = shallow(raw)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) < 2 * MAX_DEPTH + 10
    assert most < 10 * len(raw)


def test_a_bad_payload_is_still_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(msgspec.json.decode, b'{"a":')


def test_a_deep_memo_does_not_stop_the_journal() -> None:
    deep = b'{"a":' * 2000 + b"1" + b"}" * 2000
    raw = b'{"id":1,"events":[{"timestamp":1.0,"name":"memo","context":%b}]}' % deep
    (event,) = decode_journal(raw).events
    assert event.name == "memo"


@pytest.mark.parametrize("member", ["jobspec", "R"])
def test_a_deep_member_of_a_long_message_does_not_stop_the_journal(member: str) -> None:
    deep = b'{"a":' * 1500 + b"1" + b"}" * 1500
    long = b'{"attributes":{"user":%b},"tasks":[%b],"version":"%b"}' % (deep, deep, b"x" * 200_000)
    message = decode_journal(b'{"id":5,"events":[],"%b":%b}' % (member.encode(), long))
    found = message.jobspec if member == "jobspec" else message.R
    assert found is not None
    assert {"attributes", "tasks"} <= set(found)


def test_a_deep_and_wide_r_does_not_stop_the_journal() -> None:
    wide = b"[" * 1500 + b",".join([b"[]"] * 60_000) + b"]" * 1500
    assert decode_journal(b'{"id":5,"events":[],"R":{"a":%b}}' % wide).R == {}
