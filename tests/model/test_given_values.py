"""Urgencies and durations in the forms that requests give them."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.model.jobspec import parse_duration, parse_urgency


@pytest.mark.parametrize(
    ("given_as", "number"), [("hold", 0), ("expedite", 31), (7, 7), (16.0, 16)]
)
def test_urgency(given_as: Any, number: int) -> None:
    assert parse_urgency(given_as) == number


@pytest.mark.parametrize(
    ("given_as", "seconds"),
    [(5, 5.0), ("250ms", 0.25), ("1.5h", 5400.0), ("7", 7.0), (".5m", 30.0)],
)
def test_duration(given_as: Any, seconds: float) -> None:
    assert parse_duration(given_as) == seconds


@pytest.mark.parametrize("given_as", ["", "h", "1..2s", "-1s", "1y", -1, float("inf")])
def test_no_duration(given_as: Any) -> None:
    with pytest.raises(ValueError, match=r"duration|seconds"):
        parse_duration(given_as)
