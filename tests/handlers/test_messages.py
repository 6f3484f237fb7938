"""The messages on each wire are those of the AsyncAPI document."""

from __future__ import annotations

import json

import pytest

from fluxapi.contracts import schema
from fluxapi.events.channel import async_messages
from fluxapi.http import keys
from fluxapi.model import jobid
from fluxapi.model.eventlog import Purged

from .checked_messages import (
    DOCUMENT,
    MESSAGES,
    WIRES,
    Message,
    over_socket,
    reading,
    reading_job,
    socket_of,
    until,
)
from .conftest import Service, Start


def forget(service: Service, job: str) -> None:
    service.instance._journal.put_nowait([Purged([jobid.parse(job)])])


@pytest.mark.parametrize("wire", WIRES)
async def test_an_event(service: Service, wire: str) -> None:
    async with reading(service, wire, "events") as reader:
        await until(reader, "bookmark")
        job = await service.submit()
        message = await until(reader, "event")
    assert (message["id"], message["index"], message["name"]) == (job, 0, "submit")


@pytest.mark.parametrize("wire", WIRES)
async def test_a_job(service: Service, wire: str) -> None:
    async with reading(service, wire, "jobs") as reader:
        await until(reader, "bookmark")
        job = await service.submit()
        message = await until(reader, "job")
    assert message["id"] == job


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", ["jobs", "events"])
async def test_a_job_that_is_gone(service: Service, stream: str, wire: str) -> None:
    job = await service.submit()
    async with reading(service, wire, stream) as reader:
        await until(reader, "bookmark")
        forget(service, job)
        message = await until(reader, "gone")
    assert message["id"] == job


@pytest.mark.parametrize("wire", WIRES)
async def test_a_snapshot(service: Service, wire: str) -> None:
    job = await service.submit()
    async with reading(service, wire, "jobs") as reader:
        message = await until(reader, "snapshot")
    assert [row["id"] for row in message["jobs"]] == [job]
    assert (message["first"], message["more"]) == (True, False)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", ["jobs", "events"])
async def test_a_mark_counts_jobs(service: Service, stream: str, wire: str) -> None:
    await service.submit()
    async with reading(service, wire, stream) as reader:
        message = await until(reader, "bookmark")
    assert message["count"] == 1
    assert message["digest"] != "00000000"


@pytest.mark.parametrize("wire", WIRES)
async def test_a_mark_of_figures_counts_nothing(service: Service, wire: str) -> None:
    async with reading(service, wire, "stats") as reader:
        message = await until(reader, "bookmark")
    assert "count" not in message
    assert "digest" not in message


@pytest.mark.parametrize(
    ("name", "value", "counted"),
    [("queue", "batch", True), ("name", "x*", True), ("state", "RUN", False), ("node", "n", False)],
)
async def test_a_mark_of_events_counts_what_a_filter_takes_for_good(
    service: Service, name: str, value: str, *, counted: bool
) -> None:
    async with reading(service, "Line", "events", **{name: value}) as reader:
        message = await until(reader, "bookmark")
    assert ("count" in message) is counted
    assert ("digest" in message) is counted


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", ["jobs", "events"])
async def test_a_reset(service: Service, stream: str, wire: str) -> None:
    async with reading(service, wire, stream, since="bogus") as reader:
        message = await until(reader, "reset")
    assert message["reason"] == "unknown"
    assert message["detail"] == DOCUMENT["x-reset-reasons"]["unknown"]


@pytest.mark.usefixtures("short_intervals")
@pytest.mark.parametrize("wire", WIRES)
async def test_figures(service: Service, wire: str) -> None:
    await service.submit()
    async with reading(service, wire, "stats") as reader:
        message = await until(reader, "stats")
        while message["nodes"] is None:
            message = await until(reader, "stats")
    assert message["total"] == 1
    assert message["nodes"]["total"] == 2


@pytest.mark.parametrize("wire", ["SSE", "Line"])
async def test_the_end_of_a_job(service: Service, wire: str) -> None:
    job = await service.submit()
    service.instance.finish(jobid.parse(job))
    async with reading_job(service, wire, job, "events") as reader:
        events = [message async for kind, message in reader if kind in {"event", "end"}]
    assert [event.get("index") for event in events[:-1]] == list(range(7))
    assert events[-1]["reason"] == "clean"


async def test_a_job_as_its_eventlog(service: Service) -> None:
    job = await service.submit()
    service.instance.finish(jobid.parse(job))
    path = f"/v1/jobs/{job}/events"
    async with service.client.get(path, headers={"Accept": "text/plain"}) as response:
        lines = (await response.text()).splitlines()
    assert schema.errors("eventlog", [json.loads(line) for line in lines]) == []
    assert len(lines) == 7


@pytest.mark.parametrize("wire", ["SSE", "Line"])
async def test_the_end_of_the_service(service: Service, wire: str) -> None:
    app = service.client.app
    assert app is not None
    async with reading(service, wire, "events") as reader:
        await until(reader, "bookmark")
        app[keys.CONNECTIONS].close()
        messages = [message async for kind, message in reader if kind == "end"]
    assert [message["reason"] for message in messages] == ["shutdown"]


@pytest.mark.parametrize("wire", ["SSE", "Line"])
async def test_output(service: Service, wire: str) -> None:
    job = await service.submit()
    service.instance.write(jobid.parse(job), {"stream": "stdout", "data": "hello\n"})
    async with reading_job(service, wire, job, "output/stream") as reader:
        message = await until(reader, "output")
        end = await until(reader, "end")
    assert message["data"] == "hello\n"
    assert end["reason"] == "finished"


async def test_output_over_a_socket(service: Service) -> None:
    job = await service.submit()
    service.instance.write(jobid.parse(job), {"stream": "stdout", "data": "hello\n"})
    async with socket_of(service) as socket:
        subscribe = {"type": "subscribe", "sub": "log", "stream": "output", "job": job}
        assert (await socket.ask(subscribe))["type"] == "subscribed"
        reader = over_socket(socket)
        message = await until(reader, "output")
        end = await until(reader, "end")
    assert message["data"] == "hello\n"
    assert (end["sub"], end["reason"]) == ("log", "finished")


CLIENTS = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name in async_messages.CLIENT
    for number, example in enumerate(MESSAGES[name]["examples"])
]


@pytest.mark.parametrize(("name", "example"), CLIENTS)
async def test_every_example_gets_its_answer(start: Start, name: str, example: Message) -> None:
    service = await start(require_auth=True, user="alice", token="secret")
    login = await service.client.post("/v1/token", json={"user": "alice", "token": "secret"})
    token = (await login.json())["access_token"]
    bearer = f"Bearer {token}"
    submitted = await service.client.post(
        "/v1/jobs", json={"command": "true"}, headers={"Authorization": bearer}
    )
    # Values that an example cannot know: a valid token, and an existing job.
    known = {"token": token, "job": (await submitted.json())["id"]}
    message = {key: known.get(key, value) for key, value in example["payload"].items()}
    async with socket_of(service, Authorization=bearer) as socket:
        if name == "unsubscribe":
            await socket.ask({"type": "subscribe", "sub": message["sub"], "stream": "stats"})
        answer = await socket.ask(message)
    promised, _ = async_messages.CLIENT[name]
    assert answer["type"] == promised
    assert answer.get("sub") == message.get("sub")


@pytest.mark.parametrize("filter", schema.schema("stream-filter")["examples"])
async def test_every_example_of_a_filter_is_taken(service: Service, filter: Message) -> None:
    async with socket_of(service) as socket:
        subscribe = {"type": "subscribe", "sub": "mine", "stream": "events", "filter": filter}
        assert (await socket.ask(subscribe))["type"] == "subscribed"
