"""Memos that Flux's programs could not show are refused."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.errors import ValidationFailed
from fluxapi.model.memo import check_memo


@pytest.mark.parametrize(
    "memo",
    [
        {"a-b": 1},
        {"": 1},
        {"1": 1},
        {"a.b": 1},
        {"class": 1},
        {"_fields": 1},
        {"a": {"b": {"c d": {}}}},
        {"uri": 5},
        {"uri": {"a": 1}},
        {"uri": "::"},
        {"uri": "http://["},
    ],
)
def test_a_memo_that_ends_flux_jobs_is_refused(memo: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed):
        check_memo(memo)


@pytest.mark.parametrize(
    "memo",
    [
        {"step": {"n": 3, "größe": [{"a-b": 1}]}},
        {"a-b": None, "uri": None},
        {"uri": "http://node1:8888/lab"},
        {"uri": "ssh://node1/tmp/flux-x/local-0"},
        {"a": {"uri": 5}},
    ],
)
def test_other_memos_are_taken(memo: dict[str, Any]) -> None:
    check_memo(memo)
