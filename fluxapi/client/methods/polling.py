"""Waiting by requests that the service answers late."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fluxapi.client import backoff
from fluxapi.client.body import decoded, encoded
from fluxapi.client.request import Query, Request
from fluxapi.client.transport import Transport

__all__ = ["poll"]

T = TypeVar("T")

_POLL_S = 25.0
"""Longest wait of one request; proxies close connections that are silent for longer."""

_EARLY_S = 1.0
"""A wait that is over sooner, for nothing, is followed by a pause."""


async def poll(
    transport: Transport,
    path: str,
    kind: type[T],
    *,
    query: Query | None = None,
    body: Mapping[str, Any] | None = None,
    is_over: Callable[[T], bool],
    timeout: float | None,
    repeatable: bool = True,
) -> T:
    """Ask until *is_over* holds for the answer, or for *timeout* seconds; return the last answer.

    Args:
        transport: The connection to the service.
        path: The path of a request that takes the parameter or the field ``timeout``.
        kind: The type of the answer.
        query: The other parameters of a GET request.
        body: The other fields of a POST request.
        is_over: The condition to wait for.
        timeout: ``None`` is without limit.
        repeatable: A request that fails may be sent again.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    early = 0
    while True:
        asked_at = time.monotonic()
        left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
        wait = _POLL_S if left is None else min(left, _POLL_S)
        request = Request(
            "GET" if body is None else "POST",
            path,
            {**(query or {}), "timeout": f"{wait:.3f}"} if body is None else {},
            body=None if body is None else encoded({**body, "timeout": wait}),
            repeatable=repeatable,
            read_timeout=wait + transport.retry_policy.read_timeout,
            waits=True,
            timeout=left,
        )
        found = decoded((await transport.ask(request)).body, kind)
        if is_over(found) or (deadline is not None and time.monotonic() >= deadline):
            return found
        # As a service does that shuts down, or one that does not wait at all.
        early = early + 1 if time.monotonic() < asked_at + min(wait, _EARLY_S) else 0
        if early:
            pause = backoff.delay(early)
            left = pause if deadline is None else max(deadline - time.monotonic(), 0.0)
            await backoff.pause(min(pause, left))
