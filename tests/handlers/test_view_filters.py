"""The filters in the address of a page."""

from __future__ import annotations

import time

import pytest

from fluxapi.web import view_filters

DAY = 86_400.0
NOW = 1_795_780_800.0
"""2026-11-27 12:00 UTC."""

TODAY = NOW - DAY / 2


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("2h", {"ended": NOW - 7200.0}),
        ("yesterday", {"ended": TODAY - DAY, "ended_until": TODAY}),
        ("today", {"ended": TODAY, "ended_until": TODAY + DAY}),
        ("2026-11-20", {"ended": 1_795_132_800.0, "ended_until": 1_795_219_200.0}),
        ("2026-11-20T08:30", {"ended": 1_795_163_400.0}),
    ],
)
def test_a_day_of_the_end_is_that_day(
    text: str, fields: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert view_filters.valid({"ended": text}) == (fields, {})
