"""``fluxapi mcp`` where it cannot serve, and its requests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fluxapi.cli.mcp_jobs import ClientJobs
from fluxapi.client import ClientError
from fluxapi.mcp.port import Refused
from tests.cli.conftest import run
from tests.cli.program import Program

__all__ = ["run"]


def test_a_missing_sdk_is_told(run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluxapi.cli.commands.mcp.find_spec", lambda _name: None)
    done = run("mcp")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "fluxapi: This command needs the MCP SDK, which is not installed: pip install "
        "'fluxapi[mcp]'\n"
    )


def test_a_terminal_is_no_client(run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluxapi.cli.commands.mcp.find_spec", lambda _name: object())
    monkeypatch.setattr("fluxapi.cli.commands.mcp._is_terminal", lambda: True)
    done = run("mcp")
    assert (done.status, done.out) == (2, "")
    assert "have an MCP client start it" in done.err


class SlowClient:
    """A client of a service whose answers are errors, once they may come."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.under_way = self.most = 0

    async def get(self, _id: str) -> Any:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.may_end.wait()
        self.under_way -= 1
        raise ClientError("no answer")


async def test_few_requests_are_under_way() -> None:
    flux: Any = SlowClient()
    jobs = ClientJobs(flux)
    calls = [asyncio.create_task(jobs.record("f1")) for _ in range(10)]
    # Each of them has begun, or waits.
    await asyncio.wait(calls, timeout=0)
    await asyncio.wait(calls, timeout=0)
    flux.may_end.set()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [str(end) for end in ends] == ["no answer"] * 10
    assert all(isinstance(end, Refused) for end in ends)
    assert flux.most == 4
