"""The counts of a child, which any program can send."""

from __future__ import annotations

import json
import select
from typing import Any

import msgspec
import pytest

from fluxapi.instance.broker.counter import read_counts
from fluxapi.instance.broker.instance import _load
from fluxapi.instance.broker.wire import Connection
from tests.running import needs_flux

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


@needs_flux
def test_the_descriptor_of_an_idle_connection_ends_no_wait(flux_uri: str) -> None:
    connection = Connection(_load(), flux_uri, 10.0)
    try:
        poll = select.poll()
        poll.register(connection.descriptor, select.POLLIN)
        connection.request(b"job-list.job-stats", b"{}", 1, streaming=True)
        while (message := connection.receive()) is None:
            connection.wait(10.0)
        assert read_counts(message.payload)["total"] >= 0
        while connection.receive() is not None:
            pass  # Another test may have jobs there.
        assert not connection.is_ready()
        assert poll.poll(0) == []
    finally:
        connection.close()
