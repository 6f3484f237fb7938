from __future__ import annotations

import json
from pathlib import Path

import pytest

from fluxapi.web.visible import escaped, unbroken, visible

CASES = json.loads(
    (Path(__file__).parents[2] / "frontend/test/visible.json").read_text(encoding="utf-8")
)
"""Texts and how they are shown, by the service and by the scripts alike."""


@pytest.mark.parametrize(("text", "shown"), CASES)
def test_text_is_shown_as_text(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_may_stay_lines() -> None:
    assert visible("a\n\tb\r", lines=True) == "a\n\tb⟨U+000D⟩"


def test_a_long_text_is_cut() -> None:
    assert visible("x" * 90_000, 3) == "xxx …"


def test_escaped_json_says_the_same() -> None:
    given = {"name": "\u202eabc\x9b\u2028\x7f <b>"}
    text = escaped(json.dumps(given, ensure_ascii=False))
    assert text.isascii()
    assert json.loads(text) == given


def test_an_option_of_a_command_is_not_broken() -> None:
    assert unbroken("<b> --scope submit, a--b -n") == (
        '&lt;b&gt; <span class="unbroken">--scope</span> submit, a--b -n'
    )
