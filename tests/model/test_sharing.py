from __future__ import annotations

from typing import Any

import pytest

from fluxapi.model import sharing
from fluxapi.model.fold import begin
from fluxapi.model.resources import allocation
from fluxapi.model.sharing import shared_text, short_json


def named(jobid: int, name: str) -> str:
    return begin(jobid, {"attributes": {"system": {"job": {"name": name}}}}).name


def test_jobs_share_equal_names() -> None:
    texts = ["sw" + "eep" for _ in range(2)]
    assert named(1, texts[0]) is named(2, texts[1])


def test_texts_that_are_not_seen_again_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_MAX_TEXTS", 10)
    for number in range(100):
        shared_text(f"run {number}")
    assert len(sharing._texts) <= 10


def test_jobs_share_equal_allocations() -> None:
    def given() -> dict[str, Any]:
        lite = [{"rank": "0-1", "children": {"core": "0"}}]
        return {"execution": {"R_lite": lite, "nodelist": ["n[0-1]"]}}

    assert allocation(given()) is allocation(given())


def test_a_long_or_deep_value_has_no_short_json() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert short_json([1], 3) == b"[1]"
    assert short_json([10], 3) is None
    assert short_json(deep, 10) is None
    assert short_json("\ud800", 100) is None
