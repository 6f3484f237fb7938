"""The output of a job as it comes, over HTTP and over a socket."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientPayloadError, ClientWebSocketResponse

from fluxapi.errors import InstanceUnavailable
from fluxapi.http import keys
from fluxapi.model import jobid

from .conftest import Service, Start

SSE, NDJSON, TEXT = "text/event-stream", "application/x-ndjson", "text/plain"
TIMEOUT = 30.0


class Job:
    """A job that a test has write."""

    def __init__(self, service: Service, name: str) -> None:
        self.name = name
        self.id = jobid.parse(name)
        self.instance = service.instance
        self.instance.feed(self.id)

    def write(self, text: str, stream: str = "stdout", **more: Any) -> None:
        self.instance.feed(self.id, {"stream": stream, "data": text, **more})

    def finish(self, error: Exception | None = None) -> None:
        self.instance.end_output(self.id, error)


@pytest.fixture
async def job(service: Service) -> Job:
    return Job(service, await service.submit())


async def follow(
    service: Service, job: Job, accept: str = "*/*", last: str | None = None, **query: Any
) -> aiohttp.ClientResponse:
    headers = {"Accept": accept} | ({"Last-Event-ID": last} if last else {})
    response = await service.client.get(
        f"/v1/jobs/{job.name}/output/stream", params=query, headers=headers
    )
    assert response.status == 200, await response.text()
    return response


async def messages(response: aiohttp.ClientResponse) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await response.text()).splitlines()]


async def test_history_then_live_then_an_end_that_says_why(service: Service, job: Job) -> None:
    job.write("old\n")
    response = await follow(service, job, NDJSON)
    first = json.loads(await response.content.readline())
    assert first == {
        "type": "output",
        "index": 1,
        "timestamp": 1.0,
        "rank": "0",
        "stream": "stdout",
        "data": "old\n",
    }
    job.write("oops\n", "stderr", rank="3")
    second = json.loads(await response.content.readline())
    assert (second["index"], second["stream"], second["rank"]) == (2, "stderr", "3")
    job.finish()
    (end,) = await messages(response)
    assert (end["type"], end["reason"]) == ("end", "finished")


async def test_bytes_that_are_not_text_come_whole(service: Service, job: Job) -> None:
    raw = bytes(range(256))
    job.write(base64.b64encode(raw).decode(), encoding="base64")
    job.finish()
    message, _ = await messages(await follow(service, job, NDJSON))
    assert message["encoding"] == "base64"
    assert base64.b64decode(message["data"]) == raw
    assert await (await follow(service, job, "application/octet-stream")).read() == raw


async def test_plain_text_is_what_the_job_wrote_and_nothing_else(
    service: Service, job: Job
) -> None:
    response = await follow(service, job)
    assert response.content_type == TEXT
    job.write("one\n")
    assert await response.content.readline() == b"one\n"
    job.write("two 🥞", "stderr")
    job.finish()
    assert await response.text() == "two 🥞"


async def test_the_head_comes_before_the_job_writes(service: Service, job: Job) -> None:
    response = await follow(service, job, TEXT)
    assert response.headers["X-Accel-Buffering"] == "no"
    job.finish()
    assert await response.read() == b""


async def test_server_sent_events_end_with_an_event(service: Service, job: Job) -> None:
    job.write("a\n")
    job.finish()
    blocks = (await (await follow(service, job, SSE)).text()).split("\n\n")
    retry, _, first = blocks[0].partition("\n")
    assert retry.startswith("retry: ")
    assert first.startswith("id: 1\nevent: output\ndata: {")
    assert blocks[1].startswith("event: end\ndata: {")
    assert blocks[2:] == [""]


@pytest.mark.parametrize("writes", [True, False])
async def test_each_block_is_an_event_with_data(service: Service, job: Job, writes: bool) -> None:
    """Check that each block has data, since some readers (httpx-sse) misread ``retry`` alone."""
    if writes:
        job.write("a\n")
    job.finish()
    text = await (await follow(service, job, SSE)).text()
    for block in text.removesuffix("\n\n").split("\n\n"):
        names = {line.partition(":")[0] for line in block.split("\n")}
        assert {"event", "data"} <= names <= {"retry", "id", "event", "data"}


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ({}, ["a", "b", "c", "d"]),
        ({"tail": 2}, ["c", "d"]),
        ({"tail": 1, "stream": "stderr"}, ["b"]),
        ({"from": 3}, ["c", "d"]),
        ({"stream": "stdout"}, ["a", "c", "d"]),
        ({"last": "2"}, ["c", "d"]),
        ({"last": "2", "tail": 4}, ["c", "d"]),
        ({"last": "99"}, []),
    ],
)
async def test_which_part(service: Service, job: Job, query: Any, texts: list[str]) -> None:
    for text, stream in (("a", "stdout"), ("b", "stderr"), ("c", "stdout"), ("d", "stdout")):
        job.write(text, stream)
    job.finish()
    *found, end = await messages(await follow(service, job, NDJSON, **query))
    assert [message["data"] for message in found] == texts
    assert end["reason"] == "finished"


async def test_a_reader_that_resumes_gets_exactly_the_rest(service: Service, job: Job) -> None:
    job.write("one\n")
    response = await follow(service, job, SSE)
    seen = b""
    while b"\n\n" not in seen.partition(b"id: ")[2]:
        seen += await response.content.readany()
    response.close()
    last = seen.partition(b"id: ")[2].split(b"\n")[0].decode()
    job.write("two\n")
    back = await follow(service, job, SSE, last=last)
    job.write("three\n")
    job.finish()
    text = await back.text()
    found = [line for line in text.splitlines() if line.startswith("data: ")]
    assert [json.loads(line[6:]).get("data") for line in found] == ["two\n", "three\n", None]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "²", "9" * 40])
async def test_a_bad_last_event_id_is_refused(service: Service, job: Job, last: str) -> None:
    headers = {"Last-Event-ID": last}
    path = f"/v1/jobs/{job.name}/output/stream"
    response = await service.client.get(path, headers=headers)
    assert response.status == 422
    assert "Last-Event-ID" in (await response.json())["errors"][0]["detail"]


@pytest.mark.parametrize(
    "query", ["tail=-1", "tail=x", "from=-1", "stream=stdin", "tail=1&from=1", "follow=1"]
)
async def test_a_bad_query_is_refused(service: Service, job: Job, query: str) -> None:
    response = await service.client.get(f"/v1/jobs/{job.name}/output/stream?{query}")
    assert response.status == 422


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_unknown_job_is_404(service: Service, method: str) -> None:
    response = await service.client.request(method, "/v1/jobs/f99/output/stream")
    assert response.status == 404


async def test_head_does_not_wait(service: Service, job: Job) -> None:
    path = f"/v1/jobs/{job.name}/output/stream"
    response = await asyncio.wait_for(service.client.head(path), TIMEOUT)
    assert response.status == 200
    assert not job.instance.watches[job.id]


async def test_an_unsupported_media_type_is_406(service: Service, job: Job) -> None:
    response = await service.client.get(
        f"/v1/jobs/{job.name}/output/stream", headers={"Accept": "image/png"}
    )
    assert response.status == 406


async def test_ten_viewers_over_http_make_one_watch(service: Service, job: Job) -> None:
    kinds = [TEXT, SSE, NDJSON, NDJSON, TEXT] * 2
    responses = [await follow(service, job, kind) for kind in kinds]
    job.write("shared\n")
    job.finish()
    for response in responses:
        assert "shared" in await response.text()
    assert job.instance.watches[job.id] == 1


async def test_the_watch_ends_when_the_viewer_goes(service: Service, job: Job) -> None:
    response = await follow(service, job)
    await asyncio.wait_for(job.instance.until_watched(job.id, 1), TIMEOUT)
    response.close()
    await asyncio.wait_for(job.instance.until_watched(job.id, 0), TIMEOUT)


async def test_a_lost_instance_is_an_end(service: Service, job: Job) -> None:
    response = await follow(service, job, NDJSON)
    job.write("a\n")
    await response.content.readline()
    job.finish(InstanceUnavailable("The broker is away."))
    (end,) = await messages(response)
    assert end == {"type": "end", "reason": "lost", "detail": "The broker is away."}


@pytest.mark.parametrize("kind", [TEXT, "application/octet-stream"])
async def test_text_that_is_not_whole_does_not_end_well(
    service: Service, job: Job, kind: str
) -> None:
    response = await follow(service, job, kind)
    job.write("a\n")
    assert await response.content.readline() == b"a\n"
    job.finish(InstanceUnavailable("The broker is away."))
    with pytest.raises(ClientPayloadError):
        await response.read()


async def test_the_end_of_the_service_is_an_end(service: Service, job: Job) -> None:
    response = await follow(service, job, NDJSON)
    service.client.app[keys.CONNECTIONS].close()
    (end,) = await messages(response)
    assert end["reason"] == "shutdown"
    await asyncio.wait_for(job.instance.until_watched(job.id, 0), TIMEOUT)


async def test_a_ticket_opens_it(start: Start) -> None:
    service = await start(require_auth=True, secret_key="k" * 32, user="alice", token="pancakes")
    auth = {"Authorization": aiohttp.encode_basic_auth("alice", "pancakes")}
    answer = await service.client.post("/v1/jobs", json={"command": "true"}, headers=auth)
    job = Job(service, (await answer.json())["id"])
    job.finish()
    path = f"/v1/jobs/{job.name}/output/stream"
    assert (await service.client.get(path)).status == 401
    ticket = await (await service.client.post("/v1/ticket", headers=auth)).json()
    response = await service.client.get(path, params={"ticket": ticket["ticket"]})
    assert response.status == 200


@pytest.fixture
async def socket(service: Service) -> ClientWebSocketResponse:
    return await service.client.ws_connect("/v1/events/ws", protocols=("flux-events.v1",))


async def subscribe(socket: ClientWebSocketResponse, job: Job, **more: Any) -> Any:
    await socket.send_json(
        {"type": "subscribe", "sub": "o", "stream": "output", "job": job.name, **more}
    )
    return await socket.receive_json(timeout=TIMEOUT)


async def test_over_a_socket(socket: ClientWebSocketResponse, job: Job) -> None:
    job.write("old\n")
    job.write("older\n")
    assert await subscribe(socket, job, tail=1) == {
        "type": "subscribed",
        "sub": "o",
        "stream": "output",
    }
    message = await socket.receive_json(timeout=TIMEOUT)
    assert (message["type"], message["sub"], message["data"]) == ("output", "o", "older\n")
    job.finish()
    end = await socket.receive_json(timeout=TIMEOUT)
    assert (end["type"], end["sub"], end["reason"]) == ("end", "o", "finished")


async def test_after_the_end_the_name_is_free_again(
    socket: ClientWebSocketResponse, job: Job
) -> None:
    job.finish()
    for _ in range(2):
        assert (await subscribe(socket, job))["type"] == "subscribed"
        assert (await socket.receive_json(timeout=TIMEOUT))["type"] == "end"


async def test_unsubscribe_ends_the_watch(socket: ClientWebSocketResponse, job: Job) -> None:
    await subscribe(socket, job)
    await asyncio.wait_for(job.instance.until_watched(job.id, 1), TIMEOUT)
    await socket.send_json({"type": "unsubscribe", "sub": "o"})
    answer = await socket.receive_json(timeout=TIMEOUT)
    assert answer["type"] == "unsubscribed"
    await asyncio.wait_for(job.instance.until_watched(job.id, 0), TIMEOUT)


async def test_a_socket_that_closes_ends_the_watch(
    socket: ClientWebSocketResponse, job: Job
) -> None:
    await subscribe(socket, job)
    await asyncio.wait_for(job.instance.until_watched(job.id, 1), TIMEOUT)
    await socket.close()
    await asyncio.wait_for(job.instance.until_watched(job.id, 0), TIMEOUT)


async def test_streams_and_from_over_a_socket(socket: ClientWebSocketResponse, job: Job) -> None:
    for text, stream in (("a", "stderr"), ("b", "stdout"), ("c", "stderr")):
        job.write(text, stream)
    job.finish()
    await subscribe(socket, job, streams=["stderr"], **{"from": 2})
    assert (await socket.receive_json(timeout=TIMEOUT))["data"] == "c"


@pytest.mark.parametrize(
    ("fields", "pointer", "words"),
    [
        ({"job": None}, "/job", "text"),
        ({"job": "f1", "since": "0"}, "/since", "left out"),
        ({"job": "f1", "tail": 1, "from": 1}, "", "tail or from"),
        ({"job": "f1", "streams": ["stdin"]}, "/streams/0", "stdout or stderr"),
        ({"stream": "jobs", "job": "f1"}, "/job", "for the stream of output only"),
        ({"stream": "events", "tail": 1}, "/tail", "for the stream of output only"),
        ({}, "/job", "required"),
    ],
)
async def test_errors_of_a_subscription_have_pointers(
    socket: ClientWebSocketResponse, fields: dict[str, Any], pointer: str, words: str
) -> None:
    await socket.send_json({"type": "subscribe", "sub": "o", "stream": "output", **fields})
    answer = await socket.receive_json(timeout=TIMEOUT)
    assert answer["type"] == "error"
    (problem,) = answer["errors"]
    assert problem["pointer"] == pointer
    assert words in problem["detail"]


async def test_an_unknown_job_leaves_the_socket_and_the_name(
    socket: ClientWebSocketResponse, job: Job
) -> None:
    await socket.send_json({"type": "subscribe", "sub": "o", "stream": "output", "job": "f99"})
    answer = await socket.receive_json(timeout=TIMEOUT)
    assert (answer["type"], answer["sub"], answer["status"]) == ("error", "o", 404)
    assert (await subscribe(socket, job))["type"] == "subscribed"


async def test_a_socket_that_takes_nothing_is_closed(
    service: Service, socket: ClientWebSocketResponse, job: Job
) -> None:
    await subscribe(socket, job)
    outputs = service.client.app[keys.SESSIONS].root.outputs
    (writer,) = outputs.writers
    outputs.end(writer, "stalled")
    await socket.receive(timeout=TIMEOUT)
    assert socket.close_code == 4408
    assert not outputs.writers
