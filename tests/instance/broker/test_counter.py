"""The counts of a child, which any program can send."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from fluxapi.instance.broker.counter import read_counts

SAID = {
    "job_states": {"depend": 1, "priority": 0, "sched": 2, "run": 3, "inactive": 9, "total": 15},
    "successful": 4,
    "failed": 3,
    "canceled": 2,
    "timeout": 0,
    "inactive_purged": 5,
    "queues": [],
}


def test_counts_have_the_form_of_the_api() -> None:
    assert read_counts(json.dumps(SAID).encode()) == {
        "total": 15,
        "states": {"DEPEND": 1, "SCHED": 2, "RUN": 3, "INACTIVE": 9},
        "results": {"COMPLETED": 4, "FAILED": 3, "CANCELED": 2},
    }


@pytest.mark.parametrize(
    "said",
    [
        {},
        [],
        None,
        {"job_states": []},
        {"job_states": {"run": "many"}},
        {"job_states": {"run": -1}},
        {"job_states": {"run": 1.5}},
        {"job_states": {"run": 1e300}},
        {"job_states": {"run": 2**60}},
        {"job_states": {}, "failed": -5},
    ],
)
def test_other_answers_are_errors(said: Any) -> None:
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        read_counts(json.dumps(said).encode())
