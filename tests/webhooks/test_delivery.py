"""Webhooks from the event of a job to the target, on a service in this process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluxapi.instance.protocol import Queue
from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import encode_f58
from fluxapi.webhooks import condition_watch

from .conftest import Serve, until
from .receiver import Message, Receiver


def is_clean(message: Message) -> bool:
    return bool(message.document["type"] == "fluxapi.job.clean")


async def test_each_event_arrives_signed_and_in_order(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    made = await site.hook(receiver)
    job = await site.submit()
    site.instance.finish(job)
    messages = await receiver.until(lambda them: any(map(is_clean, them)))
    indexes = [it.document["data"]["event"]["index"] for it in messages]
    assert indexes == list(range(7))
    assert len({it.id for it in messages}) == len(messages)
    for message in messages:
        assert message.verify(made["secret"])
        assert message.document["id"] == message.id
        assert message.document["subject"] == encode_f58(job)
        assert message.headers["content-type"].startswith("application/cloudevents+json")
    assert (await site.shown(made["id"]))["delivered"] == 7


async def test_a_filter_chooses(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    await site.hook(receiver, filter={"event": ["clean"], "result": ["FAILED"]})
    jobs = [await site.submit() for _ in range(2)]
    site.instance.finish(jobs[0])
    site.instance.finish(jobs[1], status=256)
    (message,) = await receiver.wait(1)
    assert message.document["data"]["job"]["id"] == encode_f58(jobs[1])
    assert message.document["data"]["job"]["result"] == "FAILED"


async def test_an_annotation_has_no_index(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    await site.hook(receiver, filter={"event": ["annotations"]})
    job = await site.submit()
    context = {"annotations": {"sched": {"reason_pending": "busy"}}}
    site.instance.post(job, Event(5.0, "annotations", context))
    (message,) = await receiver.wait(1)
    assert message.document["data"]["event"] == {
        "name": "annotations",
        "timestamp": 5.0,
        "context": context,
    }


async def test_hostile_names_stay_text(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    await site.hook(receiver)
    name = "a\r\nwebhook-id: x\x00\u202e<b>"
    spec = {
        "version": 1,
        "resources": [
            {"type": "slot", "count": 1, "label": "t", "with": [{"type": "core", "count": 1}]}
        ],
        "tasks": [{"command": ["true"], "slot": "t", "count": {"per_slot": 1}}],
        "attributes": {"system": {"duration": 0, "job": {"name": name}}},
    }
    submit = {"userid": 1, "urgency": 16, "flags": 0, "version": 1}
    site.instance.jobspecs[1 << 30] = json.dumps(spec).encode()
    site.instance.post(1 << 30, Event(1.0, "submit", submit), jobspec=spec)
    site.instance.post(1 << 30, Event(2.0, "x\r\nwebhook-id: y", {"a": 1}))
    messages = await receiver.wait(2)
    assert messages[0].document["data"]["job"]["name"] == name
    assert messages[1].document["type"] == "fluxapi.job.x\r\nwebhook-id: y"
    assert all("x" not in it.headers["webhook-id"].lower().split("-")[0] for it in messages)


async def test_groups(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    await site.hook(receiver, kinds=["group-done", "first-failure"], filter={"group": "sweep"})
    jobs = [await site.submit(group="sweep") for _ in range(3)]
    other = await site.submit(group="other")
    site.instance.finish(other, status=256)
    for job in jobs[:2]:
        site.instance.finish(job, status=256)
    await receiver.wait(1)
    site.instance.finish(jobs[2])
    first, done = await receiver.wait(2)
    assert first.document["type"] == "fluxapi.group.first-failure"
    assert first.document["data"]["job"]["id"] == encode_f58(jobs[0])
    assert done.document["type"] == "fluxapi.group.done"
    assert done.document["data"]["group"]["results"] == {"COMPLETED": 1, "FAILED": 2}
    again = await site.submit(group="sweep")
    site.instance.finish(again, status=256)
    (*_, third) = await receiver.wait(3)
    assert third.document["type"] == "fluxapi.group.done"
    assert third.id != done.id


@pytest.mark.usefixtures("short_intervals")
async def test_a_stopped_queue_and_a_drained_node(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    site.instance.queue = Queue("batch", enabled=True, started=True)
    old = {"timestamp": 5.0, "reason": "old"}
    site.instance.drained = {"0": old}
    made = await site.hook(receiver, kinds=["queue-stopped", "node-drained"])
    hook = site.webhooks.get(made["id"])
    # A state from before the webhook is no news.
    await until(lambda: {"queues are known", "nodes are known"} <= hook.states)
    site.instance.queue = Queue("batch", enabled=True, started=False, stop_reason="full")
    site.instance.drained = {"0": old, "1": {"timestamp": 7.0, "reason": "broken fan"}}
    messages = await receiver.wait(2)
    told: dict[str, Any] = {it.document["type"]: it.document for it in messages}
    assert told["fluxapi.queue.stopped"]["data"]["queue"]["stop_reason"] == "full"
    assert told["fluxapi.node.drained"]["data"]["node"]["reason"] == "broken fan"
    assert told["fluxapi.node.drained"]["time"] == "1970-01-01T00:00:07.000000Z"
    site.instance.queue = Queue("batch", enabled=True, started=True)
    await until(lambda: "queue batch" not in hook.states)
    site.instance.queue = Queue("batch", enabled=True, started=False)
    assert (await receiver.wait(3))[2].document["type"] == "fluxapi.queue.stopped"


@pytest.mark.usefixtures("short_intervals")
async def test_nodes_that_are_too_many_are_told_of_later(
    serve: Serve,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # One place is that of the mark of the first look.
    monkeypatch.setattr(condition_watch, "_MAX_STATES", 2)
    site = await serve()
    hook = site.webhooks.get((await site.hook(receiver, kinds=["node-drained"]))["id"])
    await until(lambda: "nodes are known" in hook.states)
    drained = {str(rank): {"timestamp": 7.0 + rank, "reason": "fan"} for rank in range(2)}
    site.instance.drained = drained
    (first,) = await receiver.wait(1)
    await until(lambda: "it gets no messages about further ones" in caplog.text)
    rank = str(first.document["data"]["node"]["rank"])
    site.instance.drained = {other: it for other, it in drained.items() if other != rank}
    second = (await receiver.wait(2))[1]
    assert second.document["data"]["node"]["rank"] != int(rank)
    assert caplog.text.count("it gets no messages about further ones") == 1
