"""Long bodies that wait for a file, for Flux, or for the SDK of MCP: few are under way."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from typing import Any

import pytest

from fluxapi.handlers.submit import Made
from fluxapi.http import keys
from fluxapi.http.work_turns import WorkTurns
from fluxapi.job_templates.template import Entry
from tests.handlers.conftest import Service, service, start
from tests.mcp.sessions import needs_sdk

__all__ = ["service", "start"]

MANY = 12
WORDS = ["echo", "x" * 10_000]
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "submit_job", "arguments": {"command": WORDS}},
}


class Work:
    """Stands for work, and counts how many do it at the same time."""

    def __init__(self, answer: Any) -> None:
        self.now = self.most = 0
        self._answer = answer

    async def __call__(self, *_: object, **__: object) -> Any:
        self.now += 1
        self.most = max(self.most, self.now)
        for _number in range(9):
            await asyncio.sleep(0)
        self.now -= 1
        return self._answer


def limit(service: Service, key: Any, body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a client have two of these bodies under way."""
    app = service.client.app
    assert app is not None
    monkeypatch.setitem(app._state, key, WorkTurns(5 * len(json.dumps(body)), 1 << 30))


@needs_sdk
async def test_few_submissions_of_mcp_are_under_way(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(import_module, "fluxapi.mcp.http")
    work = Work(Made("f1", None, [], replayed=False))
    monkeypatch.setattr("fluxapi.handlers.mcp.submit_fields", work)
    limit(service, keys.SUBMISSIONS, CALL, monkeypatch)
    answers = await asyncio.gather(
        *(service.client.post("/v1/mcp", json=CALL) for _ in range(MANY))
    )
    assert {answer.status for answer in answers} == {200}
    assert work.most == 2


async def test_few_memos_are_under_way(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    jobid, work, body = await service.submit(), Work(None), {"memo": {"x": WORDS}}
    monkeypatch.setattr(service.instance, "post_memo", work)
    limit(service, keys.CHECKS, body, monkeypatch)
    answers = await asyncio.gather(
        *(service.client.post(f"/v1/jobs/{jobid}/memo", json=body) for _ in range(MANY))
    )
    assert {answer.status for answer in answers} == {202}
    assert work.most == 2


async def test_few_templates_are_under_way(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, body = Work((Entry("t", 0, 0, "", 1), False)), {"job": {"command": WORDS}}
    monkeypatch.setattr("fluxapi.job_templates.store.TemplateStore.save", work)
    limit(service, keys.CHECKS, body, monkeypatch)
    answers = await asyncio.gather(
        *(service.client.put("/v1/templates/t", json=body) for _ in range(MANY))
    )
    assert {answer.status for answer in answers} == {200}
    assert work.most == 2


@needs_sdk
def test_long_messages_that_took_long_are_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    http = import_module("fluxapi.mcp.http")
    collected: list[int] = []
    monkeypatch.setattr("fluxapi.mcp.http.gc.collect", collected.append)
    answered = http._Answered()
    for _ in range(http._BYTES_PER_COLLECTION >> 20):
        answered.add(1 << 20)
    assert collected == [1]
