from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.table.name_pattern import is_pattern, prefix
from fluxapi.table.name_pattern import test_of as matches

TEXTS = st.text("ab*", max_size=8).filter(is_pattern)


@given(TEXTS, st.text("ab", max_size=8))
def test_a_star_stands_for_any_characters(pattern: str, name: str) -> None:
    expression = ".*".join(map(re.escape, pattern.split("*")))
    assert matches(pattern)(name) == (re.fullmatch(expression, name, re.DOTALL) is not None)


@given(TEXTS, st.text("ab", max_size=8))
def test_a_match_begins_with_the_prefix(pattern: str, name: str) -> None:
    assert not matches(pattern)(name) or name.startswith(prefix(pattern))


@pytest.mark.parametrize(("text", "expected"), [("train", False), ("train*", True), ("*", True)])
def test_a_text_with_a_star_is_a_pattern(text: str, expected: bool) -> None:
    assert is_pattern(text) is expected


def test_other_characters_stand_for_themselves() -> None:
    assert matches("a[0-9]?*")("a[0-9]?x")
    assert not matches("a[0-9]?*")("a5bx")


def test_a_pattern_that_has_many_stars_takes_no_longer() -> None:
    name = "a" * 1000
    assert not matches("*a" * 500 + "*b*")(name)
