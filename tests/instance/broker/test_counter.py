"""The counts of a child, which any program can send."""

from __future__ import annotations

import asyncio
import json
import os
import select
from typing import Any, NamedTuple

import msgspec
import pytest

from fluxapi.instance.broker import counter
from fluxapi.instance.broker.counter import Counter, CounterThread, read_counts
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


class Said(NamedTuple):
    payload: bytes
    error: int = 0


class Piped:
    """A connection to an instance that says what a test writes into its pipe."""

    opened: list[Piped]

    def __init__(self, _bindings: Any, _uri: str, _timeout: float) -> None:
        self.descriptor, self.other = os.pipe()
        os.set_blocking(self.descriptor, False)
        self.opened.append(self)

    def say(self, payload: bytes) -> None:
        os.write(self.other, payload)

    def request(self, *_words: Any, **_flags: Any) -> None:
        self.say(json.dumps({"job_states": {}}).encode())

    def receive(self) -> Said | None:
        try:
            return Said(os.read(self.descriptor, 65536))
        except BlockingIOError:
            return None

    def flush(self) -> None: ...

    def is_ready(self) -> bool:
        return False

    def close(self) -> None:
        os.close(self.descriptor)
        os.close(self.other)


async def test_a_lost_instance_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    Piped.opened = []
    monkeypatch.setattr(counter, "Connection", Piped)
    thread = CounterThread(None)
    changed = asyncio.Event()
    take = Counter.take

    def note(self: Counter, counts: dict[str, Any]) -> None:
        take(self, counts)
        changed.set()

    async def counted(it: Counter, total: int) -> None:
        while it.counts is None or it.counts["total"] != total:
            changed.clear()
            await changed.wait()

    monkeypatch.setattr(Counter, "take", note)
    left = asyncio.Event()
    lost = thread.add("local:///lost", left.set)
    await counted(lost, 0)
    Piped.opened[0].say(b"nonsense")
    await left.wait()
    kept = thread.add("local:///kept", lambda: None)
    await counted(kept, 0)
    assert Piped.opened[1].descriptor == Piped.opened[0].descriptor
    lost.close()
    last = thread.add("local:///last", lambda: None)
    await counted(last, 0)
    Piped.opened[1].say(json.dumps(SAID).encode())
    await counted(kept, 15)
    await thread.close(10.0)
