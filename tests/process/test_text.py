"""Text that a terminal shows and does not obey."""

from __future__ import annotations

import pytest

from fluxapi.process.text import safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 🥞 ünïcode", "plain 🥞 ünïcode"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\tc\x9b", r"a\nb\tc\x9b"),
        ("right\u202eleft", r"right\u202eleft"),
        ("line\u2028line", r"line\u2028line"),
        ("\ud800", r"\ud800"),
        ("no\u00a0break", "no\u00a0break"),
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_invisible_characters_are_escaped(text: str, shown: str) -> None:
    assert safe(text) == shown
