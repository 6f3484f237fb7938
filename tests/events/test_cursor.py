from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.events.cursor import Cursor, instance_tag, new_epoch, parse

NUMBER = st.integers(0, 10**15 - 1)


@given(st.floats(allow_nan=False), NUMBER, NUMBER)
def test_a_cursor_is_read_as_it_was_made(starttime: float, seq: int, time: int) -> None:
    tag = instance_tag(starttime)
    epoch = new_epoch(tag)
    assert parse(f"{epoch}.{seq}.{time}") == Cursor(tag, epoch[8:], seq, time)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0123456789abcdef",
        "0123456789abcdef.1",
        "0123456789abcdef.1.",
        "0123456789abcdef.-1.1",
        "0123456789ABCDEF.1.1",
        "0123456789abcdef.1.1\n",
        " 0123456789abcdef.1.1",
        "0123456789abcdef.1.1.1",
        "0123456789abcdef.\u0661.1",
        "0123456789abcdef." + "1" * 16 + ".1",
        "0123456789abcde.1.1",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse(text) is None


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    parse(text)


def test_processes_before_one_instance_differ() -> None:
    tag = instance_tag(1.0)
    assert new_epoch(tag) != new_epoch(tag)
    assert new_epoch(tag)[:8] == tag


def test_instances_that_began_a_moment_apart_differ() -> None:
    assert instance_tag(1.000001) != instance_tag(1.000002)
