"""``POST /v1/mcp``: the tools under the authentication and the scopes of the service."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import pytest
from aiohttp import web

from fluxapi.contracts.rights import Right
from fluxapi.model import jobid
from fluxapi.security.credentials import Credentials
from fluxapi.security.principal import Principal
from tests.handlers.conftest import Service, Start, service, start
from tests.running import Service as Running

from .sessions import called, mcp, needs_sdk, refusal

__all__ = ["service", "start"]

pytestmark = needs_sdk

READING = {"list_jobs", "get_job", "explain_job", "read_output"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """Yield a session of the SDK's client with the endpoint at *url*."""
    streamable_http = import_module("mcp.client.streamable_http")
    async with (
        streamable_http.streamable_http_client(url) as streams,
        mcp.ClientSession(*streams) as session,
    ):
        await session.initialize()
        yield session


def place(service: Service) -> str:
    return str(service.client.make_url("/v1/mcp"))


def held(monkeypatch: pytest.MonkeyPatch, right: Right) -> None:
    """Let every request of the test have this right."""

    async def check(_self: Credentials, _request: web.Request) -> Principal:
        return Principal("ada", right)

    monkeypatch.setattr(Credentials, "check", check)


@pytest.mark.slow
async def test_a_job_from_its_submission_to_its_end(service: Service) -> None:
    async with connected(place(service)) as session:
        made = await called(session, "submit_job", command=["true"], idempotency_key="k")
        assert await called(session, "submit_job", command=["true"], idempotency_key="k") == made
        listed = await called(session, "list_jobs", state=["SCHED"])
        assert [job["id"] for job in listed["jobs"]] == [made["id"]]
        number = jobid.parse(made["id"])
        service.instance.feed(number, {"stream": "stdout", "rank": "0", "data": "a\x1b[1m\nb\n"})
        read = await called(session, "read_output", id=made["id"], lines=5)
        assert read["output"] == "a\\x1b[1m\nb\n"
        await called(session, "cancel_job", id=made["id"], note="no need")
        assert service.instance.calls[-1] == ("raise", number, "cancel", 0, "no need")


async def test_the_endpoint_of_a_running_service(on_embedded: Running) -> None:
    async with connected(f"{on_embedded.url}/v1/mcp") as session:
        made = await called(session, "submit_job", command=["true"], urgency=0)
        explained = await called(session, "explain_job", id=made["id"])
        assert explained["explanation"] == "Held until it is released"
        await called(session, "cancel_job", id=made["id"])
    async with mcp.Client(f"{on_embedded.url}/v1/mcp") as client:
        # This one speaks the newest version of the protocol, without a handshake.
        assert {tool.name for tool in (await client.list_tools()).tools} >= READING


@pytest.mark.parametrize(
    ("right", "more"),
    [
        ("view", set()),
        ("operate", {"cancel_job"}),
        ("submit", {"cancel_job", "submit_job"}),
    ],
)
async def test_the_scope_of_the_token_chooses_the_tools(
    start: Start, monkeypatch: pytest.MonkeyPatch, right: Right, more: set[str]
) -> None:
    service = await start(require_auth=True, user="ada", token="s3cret")
    held(monkeypatch, right)
    async with connected(place(service)) as session:
        assert {tool.name for tool in (await session.list_tools()).tools} == READING | more
        for tool in {"cancel_job", "submit_job"} - more:
            with pytest.raises(mcp.MCPError, match="needs the scope"):
                await session.call_tool(tool, {"id": "f1", "command": ["true"]})
    assert service.instance.submitted == []


async def test_credentials_are_needed(start: Start) -> None:
    service = await start(require_auth=True, user="ada", token="s3cret")
    response = await service.client.post("/v1/mcp", json=PING)
    assert response.status == 401
    assert response.content_type == "application/problem+json"


async def test_errors_of_the_service_are_those_of_the_tool(service: Service) -> None:
    async with connected(place(service)) as session:
        assert "There is no job" in await refusal(session, "get_job", id="f23")
        assert "not a job ID" in await refusal(session, "cancel_job", id="no job")
        assert "Fix" in await refusal(session, "submit_job", command=["true"], cwd="relative")
        made = await service.submit()
        service.instance.finish(jobid.parse(made))
        assert "dependencies" in await refusal(
            session, "submit_job", command=["true"], dependencies=["\x1b"]
        )


@pytest.mark.parametrize(
    "message", [[], {}, {"jsonrpc": "2.0"}, {**PING, "id": []}, {**PING, "params": []}]
)
async def test_other_messages_are_problems(service: Service, message: Any) -> None:
    response = await service.client.post("/v1/mcp", json=message)
    assert response.status == 422
    assert response.content_type == "application/problem+json"


async def test_messages_by_hand(service: Service) -> None:
    response = await service.client.post("/v1/mcp", json=PING)
    assert (response.status, await response.json()) == (200, {**_answer(), "result": {}})
    assert "Mcp-Session-Id" not in response.headers
    unknown = await service.client.post("/v1/mcp", json={**PING, "method": "no/such"})
    assert (await unknown.json())["error"]["code"] == -32601
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    noted = await service.client.post("/v1/mcp", json=note)
    assert (noted.status, await noted.read()) == (202, b"")
    html = await service.client.post("/v1/mcp", json=PING, headers={"Accept": "image/png"})
    assert html.status == 406
    assert html.content_type == "application/problem+json"
    for method in ("GET", "DELETE"):
        assert (await service.client.request(method, "/v1/mcp")).status == 405


def _answer() -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1}


async def test_a_service_without_the_sdk_says_so(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "fluxapi.mcp.http", raising=False)
    monkeypatch.setattr("fluxapi.handlers.mcp.find_spec", lambda _name: None)
    response = await service.client.post("/v1/mcp", json=PING)
    assert response.status == 501
    assert "pip install 'fluxapi[mcp]'" in json.loads(await response.text())["detail"]
