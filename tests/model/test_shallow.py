from __future__ import annotations

import json

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


def test_a_bad_payload_is_still_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(msgspec.json.decode, b'{"a":')


def test_a_deep_memo_does_not_stop_the_journal() -> None:
    deep = b'{"a":' * 2000 + b"1" + b"}" * 2000
    raw = b'{"id":1,"events":[{"timestamp":1.0,"name":"memo","context":%b}]}' % deep
    (event,) = decode_journal(raw).events
    assert event.name == "memo"
