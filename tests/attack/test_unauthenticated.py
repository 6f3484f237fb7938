"""Requests without credentials: as little as their route needs is read of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fluxapi.contracts.route import MAX_FIELDS_BYTES, Route
from fluxapi.handlers.routes import ROUTES

from .wire import connect, serving

AUTH: dict[str, Any] = {"require_auth": True, "user": "alice", "token": "s3cret"}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(**AUTH) as port:
        yield port


def post(path: str, *headers: str) -> bytes:
    """Return the head of a POST of JSON."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    return "\r\n".join([*lines, *headers, "", ""]).encode()


@pytest.mark.parametrize("path", ["/token", "/v1/token"])
async def test_a_large_login_is_refused_by_its_head(port: int, path: str) -> None:
    async with connect(port) as wire:
        await wire.send(post(path, "Content-Length: 33554432"))
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 413
        assert str(MAX_FIELDS_BYTES) in answer.problem["detail"]


async def test_a_login_without_a_length_is_read_up_to_its_limit(port: int) -> None:
    chunk = b"4000\r\n" + b"[" * 0x4000 + b"\r\n"
    async with connect(port) as wire:
        await wire.send(post("/token", "Transfer-Encoding: chunked"))
        for _ in range(MAX_FIELDS_BYTES // 0x4000 + 1):
            await wire.send(chunk)
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 413


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/bulk", "/nothing"])
@pytest.mark.parametrize("coding", ["gzip", "br"])
async def test_a_coded_body_of_a_refused_request_is_not_decoded(
    port: int, path: str, coding: str
) -> None:
    async with connect(port) as wire:
        await wire.send(post(path, f"Content-Encoding: {coding}", "Content-Length: 10"))
        await wire.send(b"not coded!")
        refused = await wire.answer()
        assert refused is not None
        assert refused.status == 401
        # Whoever decodes the body finds it broken, and ends the connection.
        await wire.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 200


@pytest.mark.parametrize("route", [r for r in ROUTES if r.body_use != "none"], ids=lambda r: r.name)
def test_only_submissions_are_as_large_as_the_setting_allows(route: Route) -> None:
    assert (route.max_body is None) == (
        route.body in {"submit", "bulk", "job-check", "script-check"}
    )
    if route.is_public:
        assert route.max_body == MAX_FIELDS_BYTES


async def test_a_stranger_is_not_invited_to_send_a_body(port: int) -> None:
    async with connect(port) as wire:
        await wire.send(post("/v1/jobs", "Content-Length: 2", "Expect: 100-continue"))
        assert (await wire.next_status()) == 401


async def test_a_login_is_invited_to_send_its_body(port: int) -> None:
    body = b'{"user":"alice","token":"s3cret"}'
    async with connect(port) as wire:
        await wire.send(post("/token", f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert (await wire.next_status()) == 100
        await wire.send(body)
        assert (await wire.next_status()) == 200
