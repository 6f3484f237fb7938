"""A program that poses as the instance of a job: its process, its queues and its journal."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.events import consumer
from fluxapi.events.buffer import EventBuffer
from fluxapi.events.consumer import JournalConsumer, _pieces
from fluxapi.events.cursor import new_epoch
from fluxapi.events.event_log import EventLog
from fluxapi.events.hub import Hub
from fluxapi.instance.broker import BrokerInstance, identity, journal, normalize, resources
from fluxapi.instance.broker.wire import Message
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import Event, JournalMessage, Purged, Resync
from fluxapi.table.capacity import Capacity, TableFull
from fluxapi.table.table import Table
from tests.events.test_consumer import ScriptedInstance, until, within
from tests.table.test_table import SENTINEL, submit

ROOM = 1 << 30


async def test_the_process_of_a_broker_is_no_path(tmp_path: Path) -> None:
    (tmp_path / "comm").write_text("flux-broker")
    (tmp_path / "cwd").symlink_to("/")
    told = {
        "version": "0.88.0",
        "size": "1",
        "security.owner": "0",
        "broker.starttime": "1.0",
        "hostname": socket.gethostname(),
        "statedir": "/x",
        "statedir-cleanup": "1",
        "broker.pid": str(tmp_path),
    }

    async def ask(topic: str, body: dict[str, Any], **options: Any) -> Any:
        assert (topic, options) in (("attr.get", {}), ("attr.get", {"node": 0}))
        return {"value": told[body["name"]]}

    with pytest.raises(ValueError, match="invalid literal"):
        await identity.identify(ask, None)


class Wide(dict[str, Any]):
    """A table of a configuration of which nobody may look at each member."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError

    def keys(self) -> Any:
        raise AssertionError


def test_the_tables_of_a_configuration_are_not_copied_for_each_queue() -> None:
    limits = Wide({"duration": "1h", "job-size": {"min": Wide(nnodes=2), "max": Wide()}})
    config = {
        "policy": {"jobspec": {"defaults": {"system": Wide(duration=5)}}, "limits": limits},
        "queues": {"q": {"policy": {"limits": Wide(duration="2h")}}},
    }
    status = {"enable": True, "start": True}
    one, other = (resources.queue(name, status, config).policy for name in "qr")
    assert (one.default_duration, one.max_duration, one.min_size) == (5.0, 7200.0, {"nodes": 2})
    assert (other.max_duration, other.max_size) == (3600.0, {})


def test_few_of_very_many_queues_are_sorted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    resources._warn.cache_clear()
    monkeypatch.setattr(resources, "_MAX_SORTED", 3)
    assert resources.queue_names({"queues": ["d", "c", "e", "a", "b"]}, {}) == ["c", "d", "e"]
    assert caplog.messages[0].startswith("2 queues of Flux are left out")


async def test_queues_are_converted_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "job-manager.queue-list": {"queues": ["a", "b"]},
        "config.get": {"queues": {"a": {"requires": ["x"]}}},
        "job-manager.queue-status": {"enable": True, "start": True},
    }
    threads: set[int] = set()
    convert = resources.queue

    def noted(*words: Any) -> Any:
        threads.add(threading.get_ident())
        return convert(*words)

    async def call(topic: str, _body: Any = None) -> Any:
        return told[topic]

    monkeypatch.setattr(resources, "queue", noted)
    instance = BrokerInstance()
    monkeypatch.setattr(instance, "_call", call)
    found = await instance.queues()
    assert [(one.name, one.policy.requires) for one in found] == [("a", ("x",)), ("b", ())]
    assert threads.isdisjoint({threading.get_ident()})


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_message_of_very_many_events_ends_the_journal(trusted: bool) -> None:
    events = [{"timestamp": 1.0, "name": "x"}] * (journal.MAX_EVENTS + 1)
    thread = journal.JournalThread(None, None, 10.0, trusted=trusted)
    message = Message(journal._JOURNAL, 0, json.dumps({"id": 1, "events": events}).encode())
    thread._hand_over(journal._Batch([message], ()))
    if trusted:
        assert len(await within(thread.next_batch())) == 1
    else:
        with pytest.raises(InstanceUnavailable, match="more than 10,000 events"):
            await within(thread.next_batch())
    await thread.close(10.0)


def test_a_live_message_of_many_events_is_split() -> None:
    many = JournalMessage(2, [Event(float(n), "x") for n in range(600)], {}, {}, partial=True)
    listing: ChangeBatch = [Resync(), submit(1), many, SENTINEL]
    pieces = list(_pieces([*listing, submit(3), many, submit(4)], is_live=True))
    assert [len(piece) for piece in pieces] == [3, 1, 2, 1, 2]
    parts = [pieces[2][1], pieces[3][0], pieces[4][0]]
    assert [event for part in parts for event in part.events] == many.events  # type: ignore[union-attr]
    assert all((part.jobspec, part.R, part.partial) == ({}, {}, True) for part in parts)  # type: ignore[union-attr]


async def test_listings_that_are_lost_at_once_are_asked_for_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        if seconds:
            pauses.append(seconds)
        await sleep(0)

    patched = types.SimpleNamespace(**{**vars(asyncio), "sleep": note})
    monkeypatch.setattr(consumer, "asyncio", patched)
    monkeypatch.setattr(consumer, "random", types.SimpleNamespace(uniform=lambda _, most: most))
    instance = ScriptedInstance()
    hub = Hub(Table(), EventLog(EventBuffer(new_epoch("0" * 8))))
    pump = JournalConsumer(instance, hub)  # type: ignore[arg-type]  # only its journal
    pump.start()
    for losses in range(1, 4):
        stream = await within(instance.streams.get())
        stream.put_nowait([SENTINEL])
        stream.put_nowait(None)
        await until(lambda losses=losses: len(pauses) == losses)  # type: ignore[misc]
    await pump.aclose()
    assert pauses == [0.1, 0.2, 0.4]


def test_few_jobs_wait_for_their_jobspecs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalize, "_MAX_HELD", 3)
    normalizer = normalize.Normalizer()
    normalizer.take(SENTINEL)
    submits = [JournalMessage(job, [Event(1.0, "submit")]) for job in range(1, 6)]
    assert [normalizer.take(one) for one in submits] == [[], [], [], submits[:1], submits[1:2]]
    valid = JournalMessage(3, [Event(1.0, "validate")], {"version": 1})
    assert normalizer.take(valid) == [submits[2], valid]
    assert submits[2].jobspec == {"version": 1}
    more = JournalMessage(4, [Event(1.0, "x")])
    assert normalizer.take(more) == []
    assert normalizer.take(more) == [submits[3], more, more]


def test_jobs_that_are_purged_during_a_listing_are_counted() -> None:
    table = Table(capacity=Capacity(1, ROOM))
    table.feed([SENTINEL, Resync()])
    table.feed([Purged([*range(16)])])
    with pytest.raises(TableFull):
        table.feed([Purged([16])])


def test_the_links_of_jobs_are_weighed() -> None:
    after = [{"scheme": "afterok", "value": f"f{number}"} for number in range(2, 50)]
    table = Table(capacity=Capacity(100, 5_000))
    linked = submit(1)
    assert linked.jobspec is not None
    linked.jobspec["attributes"]["system"]["dependencies"] = after
    table.feed([SENTINEL, submit(2)])
    with pytest.raises(TableFull, match="dependencies are very large"):
        table.feed([linked])
