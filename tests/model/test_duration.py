from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from fluxapi.model import times
from fluxapi.model.duration import duration

CASES = json.loads(
    (Path(__file__).parents[2] / "frontend/test/durations.json").read_text(encoding="utf-8")
)
"""Durations and their texts, which frontend/test/format.test.js tests, too."""


@pytest.mark.parametrize(("seconds", "text"), CASES)
def test_a_duration_reads_the_same_everywhere(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("seconds", [1.234, 0.007, 0.01, 2.5, 9.999])
def test_below_ten_seconds_it_reads_as_flux_prints_it(seconds: float) -> None:
    assert duration(seconds) == times.fsd(seconds)


@pytest.mark.parametrize("seconds", [math.inf, -math.inf, math.nan, 1e308])
def test_an_unknown_duration_has_no_text(seconds: float) -> None:
    assert duration(seconds) == ""


def test_a_page_says_it_with_the_units_of_its_language() -> None:
    texts = {
        "durations.hours": "{number} Std.",
        "durations.minutes": "{number} Min.",
        "durations.thousandths": "{seconds},{thousandths} s",
        "durations.two": "{large} und {small}",
    }

    def say(key: str, /, **values: object) -> str:
        return texts[key].format(**values)

    assert duration(5400, say) == "1 Std. und 30 Min."
    assert duration(1.234, say) == "1,234 s"
