"""The counts of a child, which any program can send."""

from __future__ import annotations

import asyncio
import json
import os
import select
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from fluxapi.instance.broker import counter
from fluxapi.instance.broker.counter import Counter, CounterThread, read_counts
from fluxapi.instance.broker.instance import _load
from fluxapi.instance.broker.utilization import read_utilization
from fluxapi.instance.broker.wire import Connection, Message
from tests.running import needs_flux
from tests.waiting import poll_until

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


def status(*groups: tuple[str, str, str]) -> dict[str, Any]:
    """Return an R with these ranks, cores and GPUs."""
    entries = [
        {"rank": ranks, "children": {"core": cores, **({"gpu": gpus} if gpus else {})}}
        for ranks, cores, gpus in groups
    ]
    return {"version": 1, "execution": {"R_lite": entries, "nodelist": ["n[0-9]"]}}


def test_the_utilization_is_counted_without_a_list_of_nodes() -> None:
    told = {"all": status(("0-3,7", "0-7", "0-1"), ("8", "0-1", "")), "allocated": None}
    assert read_utilization(json.dumps(told).encode()) == {
        "nodes": {"total": 6, "allocated": 0},
        "cores": {"total": 42, "allocated": 0},
        "gpus": {"total": 10, "allocated": 0},
    }
    told = {"all": status(("0-99999", "0-127", "")), "allocated": status(("5-6", "3,9", ""))}
    found = read_utilization(json.dumps(told).encode())
    assert found["nodes"] == {"total": 100_000, "allocated": 2}
    assert found["cores"] == {"total": 12_800_000, "allocated": 4}


@pytest.mark.parametrize(
    "told",
    [
        [],
        None,
        {"all": []},
        {"all": {"execution": {}}},
        {"all": {"execution": {"R_lite": [{"rank": 5, "children": {}}]}}},
        {"all": status(("x", "0", ""))},
        {"all": status(("0-9", "x", ""))},
        {"all": status(*[("0-4294967294", "0-4294967294", "")] * 3)},
        {"all": status(*[("0", "0", "")] * 10_000)},
    ],
)
def test_other_answers_of_the_scheduler_are_errors(told: Any) -> None:
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        read_utilization(json.dumps(told).encode())


class Said(NamedTuple):
    payload: bytes
    tag: int = 1
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

    def request(self, topic: bytes, *_words: Any, **_flags: Any) -> None:
        if topic == b"job-list.job-stats":
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


DEEP = b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}"


@pytest.mark.parametrize("answer", [b"nonsense", DEEP])
async def test_a_lost_instance_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
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
    Piped.opened[0].say(answer)
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


class Scripted(Piped):
    """A connection to an instance whose jobs change, and whose scheduler says what a test wants."""

    asked = 0
    answer = Message(2, 0, json.dumps({"all": status(("0", "0-3", ""))}).encode())

    def __init__(self, bindings: Any, uri: str, timeout: float) -> None:
        super().__init__(bindings, uri, timeout)
        self.messages: deque[Message] = deque()

    def request(self, topic: bytes, *_words: Any, **flags: Any) -> None:
        if topic == b"resource.sched-status":
            assert flags == {"node": 0}
            type(self).asked += 1
            self.post(self.answer)
        else:
            self.change()

    def post(self, message: Message) -> None:
        self.messages.append(message)
        self.say(b"x")

    def change(self) -> None:
        self.post(Message(1, 0, json.dumps(SAID).encode()))

    def receive(self) -> Said | None:
        if not self.messages:
            return None
        os.read(self.descriptor, 1)
        message = self.messages.popleft()
        return Said(message.payload, message.tag, message.error)


async def until(condition: Callable[[], bool]) -> None:
    """Return when *condition*, which another thread brings about, holds."""

    async def holds() -> bool:
        return condition()

    await poll_until(holds)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    Piped.opened = []
    monkeypatch.setattr(Scripted, "asked", 0)
    monkeypatch.setattr(counter, "Connection", Scripted)
    monkeypatch.setattr(counter, "_RESOURCES_INTERVAL_S", 0.0)
    return Scripted


async def test_the_scheduler_is_asked_only_after_jobs_have_changed(
    scripted: type[Scripted],
) -> None:
    thread = CounterThread(None)
    it = thread.add("local:///one", lambda: None)
    await until(lambda: it.utilization is not None and scripted.asked == 2)
    assert it.utilization is not None
    assert it.utilization["cores"] == {"total": 4, "allocated": 0}
    # Another instance ends the wait of the thread, which asks this one nothing more.
    other = thread.add("local:///two", lambda: None)
    await until(lambda: other.utilization is not None and scripted.asked == 4)
    await thread.close(10.0)
    assert scripted.asked == 4


@pytest.mark.parametrize(
    "answer", [Message(2, 38, b"Function not implemented"), Message(2, 0, b"[]")]
)
async def test_counts_do_not_depend_on_the_scheduler(
    scripted: type[Scripted], monkeypatch: pytest.MonkeyPatch, answer: Message
) -> None:
    monkeypatch.setattr(scripted, "answer", answer)
    thread = CounterThread(None)
    it = thread.add("local:///one", lambda: None)
    await until(lambda: scripted.asked == 2 and it.counts is not None)
    await thread.close(10.0)
    assert it.utilization is None
    assert it.counts == read_counts(json.dumps(SAID).encode())


async def test_an_answer_without_a_request_ends_the_counting(scripted: type[Scripted]) -> None:
    thread = CounterThread(None)
    ended = asyncio.Event()
    it = thread.add("local:///one", ended.set)
    await until(lambda: scripted.asked == 2 and not (it.is_asking or it.unasked))
    (connection,) = scripted.opened
    assert isinstance(connection, Scripted)
    connection.post(scripted.answer)
    await asyncio.wait_for(ended.wait(), 30)
    assert "more than it should" in (it.problem or "")
    await thread.close(10.0)
