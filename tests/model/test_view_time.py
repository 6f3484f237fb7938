from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fluxapi.model.view_time import view_time

SHARED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "frontend/test/view_times.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(("text", "is_end", "expected"), SHARED["cases"])
def test_a_time_of_a_view(text: str, is_end: bool, expected: float | None) -> None:
    assert view_time(text, SHARED["now"], is_end=is_end) == expected


def test_a_long_text_is_no_time() -> None:
    assert view_time("1h" * 1000, SHARED["now"]) is None
