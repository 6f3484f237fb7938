from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientPayloadError, web

from fluxapi.handlers import sending
from fluxapi.handlers.output_forms import Lines
from fluxapi.model import jobid
from fluxapi.model.eventlog import Event
from fluxapi.model.output import OutputBatch

from .conftest import Service, Start


def data(text: str, stream: str = "stdout", rank: str = "0", **more: Any) -> Event:
    return Event(1.0, "data", {"stream": stream, "rank": rank, "data": text, **more})


def test_lines_are_whole() -> None:
    lines = Lines()
    assert lines.take([data("a\nb")]) == [b"a\n"]
    assert lines.take([data("c\n")]) == [b"bc\n"]


def test_tasks_do_not_mix_within_a_line() -> None:
    lines = Lines()
    assert lines.take([data("a"), data("x", rank="1"), data("b\n"), data("y\n", rank="1")]) == [
        b"ab\n",
        b"xy\n",
    ]


def test_text_without_a_newline_is_sent_at_the_end() -> None:
    lines = Lines()
    assert lines.take([data("a")]) == []
    assert lines.end() == [b"a"]


def test_an_endless_line_is_cut() -> None:
    assert Lines().take([data("x" * 100_000)]) == [b"x" * 100_000]


@pytest.fixture
async def job(service: Service) -> str:
    name = await service.submit()
    service.instance.write(
        jobid.parse(name),
        {"stream": "stdout", "data": "one\ntwo\n"},
        {"stream": "stderr", "data": "oops\n"},
        {"stream": "stdout", "data": "three 🥞\n"},
        {"stream": "stdout", "eof": True},
    )
    return name


async def output_bytes(service: Service, job: str, accept: str = "*/*", **parameters: Any) -> bytes:
    response = await service.client.get(
        f"/jobs/{job}/output", params=parameters, headers={"Accept": accept}
    )
    assert response.status == 200
    return await response.read()


async def output(service: Service, job: str, accept: str = "*/*", **parameters: Any) -> str:
    return (await output_bytes(service, job, accept, **parameters)).decode()


async def test_json_is_lines(service: Service, job: str) -> None:
    body = json.loads(await output(service, job))
    assert body == {"Output": ["one\n", "two\n", "oops\n", "three 🥞\n"]}


async def test_one_stream(service: Service, job: str) -> None:
    body = json.loads(await output(service, job, stream="stderr"))
    assert body == {"Output": ["oops\n"]}


@pytest.mark.parametrize(("tail", "lines"), [(0, []), (1, ["three 🥞\n"]), (9, 4)])
async def test_tail(service: Service, job: str, tail: int, lines: Any) -> None:
    found = json.loads(await output(service, job, tail=tail))["Output"]
    assert (len(found) if isinstance(lines, int) else found) == lines


async def test_plain_text_is_what_the_job_wrote(service: Service, job: str) -> None:
    assert await output(service, job, "text/plain") == "one\ntwo\noops\nthree 🥞\n"
    assert await output(service, job, "text/plain", tail=1) == "three 🥞\n"


async def test_ndjson_is_the_entries(service: Service, job: str) -> None:
    text = await output(service, job, "application/x-ndjson")
    entries = [json.loads(line) for line in text.splitlines()]
    assert [entry["name"] for entry in entries] == ["header"] + ["data"] * 4


async def test_a_job_that_has_not_written_says_so(service: Service) -> None:
    name = await service.submit()
    assert "not exist yet" in json.loads(await output(service, name))["Message"]
    assert await output(service, name, "text/plain") == ""


async def test_an_unsupported_media_type_is_406(service: Service, job: str) -> None:
    response = await service.client.get(f"/jobs/{job}/output", headers={"Accept": "image/png"})
    assert response.status == 406


async def test_redirected_streams_say_where(service: Service) -> None:
    name = await service.submit()
    service.instance.outputs[jobid.parse(name)] = [
        [Event(0.0, "redirect", {"stream": "stdout", "rank": "all", "path": "/tmp/x"})]  # noqa: S108 - only a text
    ]
    (redirect,) = json.loads(await output(service, name))["redirects"]
    assert redirect == {
        "stream": "stdout",
        "path": "/tmp/x",  # noqa: S108 - only a text
        "rank": "all",
        "unread": "Its nodes are not known.",
    }


async def test_a_gone_broker_is_503_before_the_first_byte(service: Service, job: str) -> None:
    service.instance.gone = True
    assert (await service.client.get(f"/jobs/{job}/output")).status == 503


RAW = b"a\xff\xfe\n\0b\r\n"


@pytest.fixture
async def raw_job(service: Service) -> str:
    name = await service.submit()
    text = base64.b64encode(RAW).decode()
    service.instance.write(
        jobid.parse(name),
        {"stream": "stdout", "data": text, "encoding": "base64"},
        {"stream": "stderr", "data": "oops\n"},
    )
    return name


BYTES = "application/octet-stream"


async def test_bytes_are_as_they_were_written(service: Service, raw_job: str) -> None:
    assert await output_bytes(service, raw_job, BYTES) == RAW + b"oops\n"
    assert await output_bytes(service, raw_job, BYTES, stream="stdout") == RAW
    assert await output_bytes(service, raw_job, BYTES, stream="stderr") == b"oops\n"
    assert await output_bytes(service, raw_job, BYTES, tail=1, stream="stdout") == b"\0b\r\n"


async def test_bytes_have_no_charset(service: Service, raw_job: str) -> None:
    response = await service.client.get(
        f"/jobs/{raw_job}/output", headers={"Accept": "application/octet-stream"}
    )
    assert response.headers["Content-Type"] == "application/octet-stream"


async def test_text_says_how_much_of_it_is_replaced(service: Service, raw_job: str) -> None:
    text = await output(service, raw_job, "text/plain", stream="stdout")
    assert text.startswith("a\ufffd\ufffd\n\0b\r\n")
    assert "2 \ufffd stand for bytes that are not UTF-8" in text
    body = json.loads(await output(service, raw_job))
    assert body["Output"][0] == "a\ufffd\ufffd\n"
    assert body["replaced"] == 2


async def test_text_that_is_whole_says_nothing(service: Service, job: str) -> None:
    assert "fluxapi" not in await output(service, job, "text/plain")
    assert "replaced" not in json.loads(await output(service, job))


ERROR = "flux-shell[0]: ERROR: Could not change dir to /x.\n"


@pytest.fixture
async def lost_job(service: Service) -> str:
    """Run a job whose working directory does not exist on its node."""
    name = await service.submit(cwd="/x")
    context = {"rank": 0, "level": 3, "message": "Could not change dir to /x."}
    service.instance.outputs[jobid.parse(name)] = [
        [Event(0.0, "header", {"version": 1}), Event(0.5, "log", context), data("out\n")]
    ]
    return name


@pytest.mark.parametrize("tail", [{}, {"tail": 100}])
async def test_messages_of_the_job_shell_are_in_every_format(
    service: Service, lost_job: str, tail: dict[str, Any]
) -> None:
    assert json.loads(await output(service, lost_job, **tail)) == {"Output": [ERROR, "out\n"]}
    for kind in ("text/plain", BYTES):
        assert await output(service, lost_job, kind, **tail) == ERROR + "out\n"
        assert await output(service, lost_job, kind, stream="stderr", **tail) == ERROR
        assert await output(service, lost_job, kind, stream="stdout", **tail) == "out\n"
    entries = (await output(service, lost_job, "application/x-ndjson", **tail)).splitlines()
    assert "Could not change dir" in entries[1]


@pytest.mark.parametrize(
    "entry",
    [
        {"stream": "stdout", "data": "====", "encoding": "base64"},
        {"stream": ["stdout"], "data": "a", "rank": {}},
        {"stream": "stdout", "data": 7},
        {"data": "a"},
    ],
)
@pytest.mark.parametrize("kind", ["*/*", "text/plain", BYTES, "application/x-ndjson"])
async def test_an_odd_entry_is_no_error(service: Service, kind: str, entry: dict[str, Any]) -> None:
    name = await service.submit()
    service.instance.write(jobid.parse(name), entry, {"stream": "stdout", "data": "good\n"})
    for parameters in ({}, {"tail": 5}, {"stream": "stdout"}):
        assert "good" in await output(service, name, kind, **parameters)


async def test_a_tail_of_entries_is_bounded_in_bytes(service: Service) -> None:
    name = await service.submit()
    entries = [{"stream": "stdout", "data": "x" * (1 << 20)}] * 20
    service.instance.write(jobid.parse(name), *entries)
    found = await output_bytes(service, name, "application/x-ndjson", tail=20)
    assert len(found) < 9 << 20


@pytest.mark.parametrize("kind", ["*/*", "text/plain", BYTES, "application/x-ndjson"])
async def test_a_search_that_ended_at_its_bound_is_told(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def cut(*_: Any, **__: Any) -> AsyncIterator[OutputBatch]:
        yield OutputBatch(7, [Event(0.0, "data", {"stream": "stderr", "data": "found\n"})])
        yield OutputBatch(9, [], searched=1000, cut=True)

    name = await service.submit()
    monkeypatch.setattr(service.instance, "output", cut)
    response = await service.client.get(
        f"/jobs/{name}/output", params={"tail": 2}, headers={"Accept": kind}
    )
    text = await response.text()
    assert response.headers["Output-Searched-Bytes"] == "1000"
    assert "found" in text
    if kind == "*/*":
        assert json.loads(text)["searched"] == 1000
    if kind == "text/plain":
        assert "only the last 1000 bytes of the output were searched" in text


async def test_a_tail_that_is_complete_says_nothing_of_a_search(service: Service, job: str) -> None:
    response = await service.client.get(f"/jobs/{job}/output", params={"tail": 2})
    assert "Output-Searched-Bytes" not in response.headers


async def test_a_reader_that_takes_nothing_is_disconnected(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = asyncio.Event()

    def abort(request: web.Request) -> None:
        assert request.transport is not None
        request.transport.abort()
        let_go.set()

    monkeypatch.setattr(sending, "STALL_TIMEOUT_S", 0.05)
    monkeypatch.setattr(sending, "_abort", abort)
    name = await service.submit()
    lines = [{"stream": "stdout", "data": "x" * (1 << 20)}] * 64
    service.instance.write(jobid.parse(name), *lines)
    response = await service.client.get(f"/jobs/{name}/output", headers={"Accept": BYTES})
    await asyncio.wait_for(let_go.wait(), 30)
    with pytest.raises(ClientPayloadError):
        await response.read()


async def test_a_long_answer_counts_as_a_stream(start: Start) -> None:
    service = await start(max_streams=0)
    name = await service.submit()
    service.instance.write(jobid.parse(name), {"stream": "stdout", "data": "short\n"})
    assert await output(service, name, BYTES) == "short\n"
    service.instance.write(jobid.parse(name), {"stream": "stdout", "data": "x" * (1 << 20)})
    response = await service.client.get(f"/jobs/{name}/output", headers={"Accept": BYTES})
    assert response.status == 503
