"""Text and JSON of jobs in the results of tools."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fluxapi.mcp import bounded

TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3000),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
JOINERS = "\u200c\u200d"


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@given(TREES)
def test_no_text_of_a_value_has_control_characters(tree: Any) -> None:
    for text in texts(bounded.value(tree)):
        assert not {unicodedata.category(char) for char in text if char not in JOINERS} & UNSEEN
        assert len(text) <= bounded.MAX_TEXT_CHARS + 1


def test_a_large_value_is_cut() -> None:
    wide = bounded.value({"list": list(range(100_000)), "more": ["x"] * 5000})
    assert len(json.dumps(wide)) < 20_000
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    assert len(json.dumps(bounded.value(deep))) < 100


def test_only_newlines_and_tabs_are_left_in_an_output() -> None:
    text, is_cut = bounded.last_lines("a\x1b[31m\tb\r\nc\x07\n", 10)
    assert (text, is_cut) == ("a\\x1b[31m\tb\nc\\x07\n", False)


def test_the_end_of_an_output_is_kept() -> None:
    assert bounded.last_lines("1\n2\n3\n", 2) == ("2\n3\n", False)
    assert bounded.last_lines("1\n2\n3", 2) == ("2\n3", False)
    assert bounded.last_lines("", 2) == ("", False)
    text, is_cut = bounded.last_lines("x" * 1_000_000 + "end", 5)
    assert is_cut
    assert len(text) <= bounded.MAX_OUTPUT_CHARS
    assert text.endswith("end")
    escaped, is_cut = bounded.last_lines("\x1b" * bounded.MAX_OUTPUT_CHARS, 5)
    assert is_cut
    assert len(escaped) <= bounded.MAX_OUTPUT_CHARS
