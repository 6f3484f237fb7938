"""Lists of jobs with long rows, whose readers may read nothing: most is made while it is sent."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Any
from unittest.mock import Mock

import pytest

from fluxapi.events.output.tails import Tails
from fluxapi.handlers.rows import _pieces, _split
from fluxapi.model.jobid import parse
from fluxapi.sessions import row_text
from fluxapi.sessions.row_text import text_of
from fluxapi.sessions.session import InstanceSession
from fluxapi.sessions.situation import SituationMonitor
from tests.handlers.conftest import Service, service, start
from tests.table.test_table import live_table, submit

__all__ = ["service", "start"]

JOBS = 250


class Rows:
    """Rows of *size* bytes, and how many have been made."""

    def __init__(self, size: int, count: int) -> None:
        self.size = size
        self.count = count
        self.made = 0

    async def lists(self) -> AsyncGenerator[Sequence[bytes], None]:
        while self.made < self.count:
            self.made += 1
            yield [b'"%b"' % (b"x" * (self.size - 2))]

    async def whole(self) -> tuple[bytes, list[bytes]]:
        text, rest = await text_of(b"[", self.lists(), lambda: b"]")
        return text, [] if rest is None else [part async for part in rest]


async def test_few_bytes_are_one_text() -> None:
    assert await Rows(3, 2).whole() == (b'["x","x"]', [])
    assert await Rows(3, 0).whole() == (b"[]", [])


async def test_of_many_bytes_the_rest_is_made_while_it_is_sent() -> None:
    rows = Rows(100_000, 100)
    text, rest = await text_of(b"[", rows.lists(), lambda: b"]")
    assert rest is not None
    assert len(text) < (1 << 20) + 2 * rows.size
    assert rows.made < 13
    assert len(await anext(rest)) == rows.size + 1
    assert rows.made < 14
    parts = [text, b',"x"', *[part async for part in rest]]
    assert len(json.loads(b"".join(parts))) == 100


async def test_bytes_limit_the_rows_that_are_made_together(monkeypatch: pytest.MonkeyPatch) -> None:
    observer = SituationMonitor(live_table(*map(submit, range(1, JOBS + 1))), Mock(), Mock())
    monkeypatch.setattr(observer, "_encode_all", lambda ids: [b"x" * 40_000 for _ in ids])
    lengths = [len(rows) async for rows in observer.lists(range(1, JOBS + 1))]
    assert lengths == [20] + [1] * (JOBS - 20)
    monkeypatch.setattr(observer, "_encode_all", lambda ids: [b"x" * 400 for _ in ids])
    lengths = [len(rows) async for rows in observer.lists(range(1, JOBS + 1))]
    assert lengths == [20, 100, 100, 30]
    assert len(await observer.rows(range(1, JOBS + 1))) == JOBS


async def answers(service: Service, ids: list[str]) -> list[Any]:
    """Return what is told of jobs, without the cursor."""
    found: list[Any] = []
    client = service.client
    for request in (
        client.post("/v1/jobs/query", json={"ids": [*ids, "f1"]}),
        client.get("/v1/jobs", params={"limit": JOBS - 1}),
        client.get("/v1/jobs/search", params={"draw": 1, "length": JOBS}),
    ):
        async with request as response:
            assert response.status == 200
            assert response.content_type == "application/json"
            body = await response.json()
            body.pop("cursor", None)
            found.append((response.headers.get("Content-Length") is None, body))
    return found


async def test_long_answers_are_the_same_as_short_ones(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [await service.submit(name=f"n{n}" * 100) for n in range(JOBS)]
    for jobid in ids:
        # Nothing changes in the row of a job that has ended.
        service.instance.finish(parse(jobid))
    async with service.client.get(f"/v1/jobs/{ids[-1]}/wait") as response:
        assert (await response.json())["state"] == "INACTIVE"
    whole = await answers(service, ids)
    monkeypatch.setattr(row_text, "_MAX_WHOLE_BYTES", 10_000)
    monkeypatch.setattr(row_text, "PIECE_BYTES", 10_000)
    in_parts = await answers(service, ids)
    assert [body for _, body in in_parts] == [body for _, body in whole]
    assert [is_stream for is_stream, _ in whole] == [False] * 3
    assert [is_stream for is_stream, _ in in_parts] == [True] * 3
    assert in_parts[0][1]["unknown"] == ["f1"]


async def test_an_unknown_job_is_told_before_a_long_answer_while_a_backlog_is_read(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [await service.submit(name="n" * 500) for _ in range(100)]
    monkeypatch.setattr(row_text, "_MAX_WHOLE_BYTES", 10_000)
    monkeypatch.setattr(InstanceSession, "is_reading", True)
    async with service.client.post("/v1/jobs/query", json={"ids": [*ids, "f1"]}) as response:
        assert response.status == 503
    async with service.client.post("/v1/jobs/query", json={"ids": ids}) as response:
        assert len((await response.json())["jobs"]) == 100


async def test_bytes_of_rows_that_are_not_received_count() -> None:
    tails = Tails()
    reader = tails.reader("client")
    rows = Rows(1 << 19, 6)
    text, rest = await text_of(b"[", rows.lists(), lambda: b"]")
    assert rest is not None
    parts: list[bytes] = []
    used: list[int] = []
    async for part in _pieces(deque(_split(text)), rest, reader):
        parts.append(part)
        used.append(reader.unsent_bytes)
    assert json.loads(b"".join(parts)) == ["x" * (rows.size - 2)] * 6
    assert used[0] == len(text)
    assert used[1] == len(text) - len(parts[0])
    assert used[-2] == rows.size + 1
    assert not tails._kept.used
