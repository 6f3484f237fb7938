"""Time limits as people write them; the form of the dashboard reads the same cases."""

from __future__ import annotations

import pytest

from fluxapi.model.time_limit import limit_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("1.5h", 5400.0),
        ("500ms", 0.5),
        ("2h30m", 9000.0),
        ("1d 2h 3m 4s", 93784.0),
        ("2:30:00", 9000.0),
        ("90:00", 5400.0),
        ("1-12:00", 129600.0),
        ("0", 0.0),
    ],
)
def test_time_limits(text: str, seconds: float) -> None:
    assert limit_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "30m2h", "1h1h", "2h30", "-1h", "1:99", "٣h", "9" * 80]
)
def test_other_texts(text: str) -> None:
    if text.isascii() and text.isdigit():
        assert limit_seconds(f"{text}d{text}h") is None
    else:
        assert limit_seconds(text) is None
