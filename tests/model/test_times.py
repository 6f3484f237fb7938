"""Times in the words that ``flux jobs --since`` accepts."""

from __future__ import annotations

import pytest

from fluxapi.model.times import parse_time

NOW = 1_000_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2 hours ago", 7200),
        ("1 hour ago", 3600),
        ("30 min ago", 1800),
        ("5 minutes ago", 300),
        ("10 seconds ago", 10),
        ("3 days ago", 3 * 86400),
        ("1 week ago", 7 * 86400),
        ("2h ago", 7200),
    ],
)
def test_a_time_ago(text: str, seconds: int) -> None:
    assert parse_time(text, NOW) == NOW - seconds


@pytest.mark.parametrize("text", ["hours ago", "2 moons ago", "-2 hours ago", "9" * 10 + " s ago"])
def test_other_words_are_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|not a time"):
        parse_time(text, NOW)
