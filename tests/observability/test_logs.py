"""The log: its two forms, its access lines, and what is never in it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import encode_basic_auth

from fluxapi.observability import logs
from tests.handlers.conftest import Service, Start, service, start

__all__ = ["service", "start"]

Begin = Callable[[str, str], io.StringIO]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Log to a text of this test's own; the root logger is as before afterward."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # The streams by which pytest captures must not be closed.
    root.handlers.clear()
    # Of the test's server; the service's own has none.
    monkeypatch.setattr(logging.getLogger("aiohttp.access"), "propagate", False)

    def _begin(level: str, form: str) -> io.StringIO:
        stream = io.StringIO()
        logs.configure(level, form, stream)
        return stream

    yield _begin
    root.handlers[:] = handlers
    root.setLevel(level)


def entries(stream: io.StringIO, logger: str = "fluxapi.access") -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [entry for entry in found if entry["logger"] == logger]


async def test_a_write_has_a_line_with_the_id_of_its_request(
    service: Service, begin: Begin
) -> None:
    stream = begin("info", "json")
    response = await service.client.post("/v1/jobs", json={"command": "true"})
    (entry,) = entries(stream)
    assert entry["request_id"] == response.headers["X-Request-ID"]
    assert entry["level"] == "info"
    assert (entry["method"], entry["route"], entry["status"]) == ("POST", "submitJobV1", 201)
    assert entry["duration"] > 0
    assert "user" not in entry
    assert entry["time"].endswith("Z")


async def test_a_read_is_logged_at_debug_only(service: Service, begin: Begin) -> None:
    stream = begin("info", "json")
    await service.client.get("/v1/jobs")
    assert entries(stream) == []
    stream = begin("debug", "json")
    await service.client.get("/v1/jobs", headers={"X-Request-ID": "mine"})
    (entry,) = entries(stream)
    assert (entry["level"], entry["request_id"], entry["route"]) == ("debug", "mine", "listJobsV1")


async def test_the_user_is_named_once_the_credentials_held(start: Start, begin: Begin) -> None:
    service = await start(require_auth=True, user="ada", token="s3cret")
    stream = begin("info", "json")
    await service.client.post("/v1/jobs", json={"command": "true"})
    headers = {"Authorization": encode_basic_auth("ada", "s3cret")}
    await service.client.post("/v1/jobs", json={"command": "true"}, headers=headers)
    refused, done = entries(stream)
    assert (refused["status"], "user" in refused) == (401, False)
    assert (done["status"], done["user"]) == (201, "ada")
    assert "s3cret" not in stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
async def test_neither_token_nor_ticket_nor_body_is_logged(
    start: Start, begin: Begin, form: str
) -> None:
    service = await start(require_auth=True, user="ada", token="s3cret-token")
    stream = begin("debug", form)
    login = {"user": "ada", "token": "s3cret-token"}
    bearer = (await (await service.client.post("/v1/token", json=login)).json())["access_token"]
    headers = {"Authorization": f"Bearer {bearer}"}
    ticket = (await (await service.client.post("/v1/ticket", headers=headers)).json())["ticket"]
    for wrong in (ticket, "wr0ng"):
        async with service.client.get(f"/v1/events?ticket={wrong}"):
            pass
    body = {"command": "true", "environment": {"PASSWORD": "h1dden"}}
    await service.client.post("/v1/jobs", json=body, headers=headers)
    await service.client.get("/v1/s3cret-path", headers={"X-Request-ID": "bad id"})
    text = stream.getvalue()
    assert "submitJobV1" in text
    for secret in ("s3cret", bearer, ticket, "wr0ng", "h1dden", "bad id"):
        assert secret not in text


async def test_a_bug_is_logged_under_the_id_that_the_client_has(
    service: Service, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = begin("info", "json")

    async def fail(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(service.instance, "queues", fail)
    response = await service.client.get("/v1/queues")
    assert response.status == 500
    (entry,) = entries(stream, "fluxapi.http.middleware")
    assert entry["request_id"] == (await response.json())["request_id"]
    assert entry["level"] == "error"
    assert "ZeroDivisionError: a bug" in entry["exception"]


def test_a_line_for_people(begin: Begin) -> None:
    stream = begin("info", "text")
    logs.access("POST", "submitJobV1", 201, 0.25, "ada")
    _, rest = stream.getvalue().split(" ", 1)
    assert rest == "INFO fluxapi.access: POST submitJobV1 201 duration=0.25 user=ada\n"


@pytest.mark.parametrize("form", ["text", "json"])
def test_hostile_words_stay_on_their_line(begin: Begin, form: str) -> None:
    stream = begin("info", form)
    logging.getLogger("fluxapi.test").warning("one\ntwo\x1b[2J\x85 %s", "\ud800")
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "\x1b" not in text
    if form == "json":
        assert json.loads(text)["message"] == "one\ntwo\x1b[2J\x85 ?"


def test_a_level_that_is_not_asked_for_costs_no_line(begin: Begin) -> None:
    stream = begin("warning", "text")
    logs.access("POST", "submitJobV1", 201, 0.1, None)
    assert stream.getvalue() == ""


def test_the_words_of_an_error_forge_no_line(begin: Begin) -> None:
    stream = begin("info", "text")
    forged = "2026-01-01T00:00:00.000Z INFO fluxapi.access: POST stop 200"
    error = ValueError(f"x\n{forged}\x1b[2J\x9b31m")
    logging.getLogger("fluxapi").error("it failed", exc_info=error)
    lines = stream.getvalue().splitlines()
    assert forged not in {line[: len(forged)] for line in lines}
    assert [line for line in lines[1:] if not line.startswith("  ")] == []
    assert not {"\x1b", "\x9b"} & set(stream.getvalue())


class Counting(io.StringIO):
    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


class Plain(logs._Form):
    def line(self, entry: logs._Entry) -> str:
        return entry.message


async def test_the_lines_of_one_pass_are_written_together() -> None:
    stream = Counting()
    handler = logs._Handler(stream, Plain())
    for number in range(3):
        handler.handle(logging.makeLogRecord({"msg": f"line {number}", "levelno": logging.INFO}))
    assert stream.getvalue() == ""
    await asyncio.sleep(0)
    assert stream.getvalue() == "line 0\nline 1\nline 2\n"
    assert stream.writes == 1


async def test_a_warning_is_written_at_once_after_the_lines_before_it() -> None:
    stream = Counting()
    handler = logs._Handler(stream, Plain())
    for level in (logging.INFO, logging.WARNING):
        handler.handle(logging.makeLogRecord({"msg": "line", "levelno": level}))
    assert stream.getvalue() == "line\nline\n"


async def test_the_lines_of_the_last_pass_are_not_lost() -> None:
    stream = Counting()
    handler = logs._Handler(stream, Plain())
    handler.handle(logging.makeLogRecord({"msg": "the last", "levelno": logging.INFO}))
    # As logging does when the process exits.
    handler.flush()
    assert stream.getvalue() == "the last\n"


class Foreign(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


async def test_another_handler_gets_the_access_lines_too(begin: Begin) -> None:
    stream = begin("info", "text")
    foreign = Foreign()
    logging.getLogger().addHandler(foreign)
    logs.access("POST", "submitJobV1", 201, 0.25, "ada")
    await asyncio.sleep(0)
    assert foreign.messages == ["POST submitJobV1 201"]
    assert "POST submitJobV1 201 duration=0.25 user=ada" in stream.getvalue()
