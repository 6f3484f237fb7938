from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from fluxapi.handlers.output import Lines
from fluxapi.model import jobid
from fluxapi.model.eventlog import Event

from .conftest import Service


def data(text: str, stream: str = "stdout", rank: str = "0", **more: Any) -> Event:
    return Event(1.0, "data", {"stream": stream, "rank": rank, "data": text, **more})


def test_lines_are_whole() -> None:
    lines = Lines()
    assert lines.take([data("a\nb")]) == ["a\n"]
    assert lines.take([data("c\n")]) == ["bc\n"]


def test_tasks_do_not_mix_within_a_line() -> None:
    lines = Lines()
    assert lines.take([data("a"), data("x", rank="1"), data("b\n"), data("y\n", rank="1")]) == [
        "ab\n",
        "xy\n",
    ]


def test_what_has_no_newline_comes_at_the_end() -> None:
    lines = Lines()
    assert lines.take([data("a")]) == []
    assert lines.end() == ["a"]


def test_an_endless_line_is_cut() -> None:
    assert Lines().take([data("x" * 100_000)]) == ["x" * 100_000]


def test_bytes_that_are_no_text_are_replaced() -> None:
    raw = base64.b64encode(b"a\xff\n").decode()
    assert Lines().take([data(raw, encoding="base64")]) == ["a\ufffd\n"]


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


async def output(service: Service, job: str, accept: str = "*/*", **parameters: Any) -> str:
    response = await service.client.get(
        f"/jobs/{job}/output", params=parameters, headers={"Accept": accept}
    )
    assert response.status == 200
    return await response.text()


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


async def test_what_nobody_offers_is_406(service: Service, job: str) -> None:
    response = await service.client.get(f"/jobs/{job}/output", headers={"Accept": "image/png"})
    assert response.status == 406


async def test_redirected_streams_say_where(service: Service) -> None:
    name = await service.submit()
    service.instance.outputs[jobid.parse(name)] = [
        [Event(0.0, "redirect", {"stream": "stdout", "rank": "all", "path": "/tmp/x"})]  # noqa: S108 - only a text
    ]
    assert json.loads(await output(service, name)) == {
        "Output": [],
        "redirects": [{"stream": "stdout", "path": "/tmp/x"}],  # noqa: S108 - only a text
    }


async def test_a_gone_broker_is_503_before_the_first_byte(service: Service, job: str) -> None:
    service.instance.gone = True
    assert (await service.client.get(f"/jobs/{job}/output")).status == 503
