"""Idempotency-Key: one key, one job, however often the request comes and whoever restarts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from fluxapi.errors import IdempotencyMismatch
from fluxapi.events.table import Table

__all__ = ["Idempotency", "digest"]

_encoder = msgspec.json.Encoder(order="sorted")


def digest(fields: Mapping[str, Any]) -> str:
    """SHA-256 of a request's fields; their order does not count."""
    return sha256(_encoder.encode(fields)).hexdigest()


class Idempotency:
    """Remembers keys: the table holds those of jobs, this holds those on their way there."""

    def __init__(self, table: Table, limit: int) -> None:
        self._table = table
        self._limit = limit
        self._under_way: dict[str, tuple[str, asyncio.Task[int]]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._owed: dict[str, tuple[int, str]] = {}

    async def once(
        self, key: str, body: str, submit: Callable[[], Awaitable[int]]
    ) -> tuple[int, bool]:
        """The job id, and whether it was there already; ``body`` is the digest of the request.

        Requests with one key share one submission, which goes on when its client goes away. Raises
        ``IdempotencyMismatch`` when the key came with another body, and whatever ``submit`` raises.
        """
        held = self._table.idempotent(key)
        if held is not None:
            _compare(held[1], body)
            return held[0], True
        waiting = self._under_way.get(key)
        if waiting is not None:
            _compare(waiting[0], body)
            return await asyncio.shield(waiting[1]), True
        task = asyncio.ensure_future(_run(submit))
        self._under_way[key] = (body, task)
        task.add_done_callback(lambda done: self._settle(key, done))
        return await asyncio.shield(task), False

    @contextlib.asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """One bulk request with ``key`` at a time; the next one finds the jobs of the last."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._locks.get(key) is lock:
                del self._locks[key]

    def known(self, key: str, body: str) -> int | None:
        """The job of one key, if there is one; raises ``IdempotencyMismatch``."""
        held = self._table.idempotent(key) or self._owed.get(key)
        if held is None:
            return None
        _compare(held[1], body)
        return held[0]

    def remember(self, key: str, body: str, jobid: int) -> None:
        """A job that Flux took and the journal has yet to show."""
        self._owed[key] = (jobid, body)
        if len(self._owed) > self._limit:
            del self._owed[next(iter(self._owed))]

    def _settle(self, key: str, task: asyncio.Task[int]) -> None:
        """Forget a key that failed or is in the table; keep one that the journal still owes us."""
        failed = task.cancelled() or task.exception() is not None
        if failed or self._table.idempotent(key) is not None:
            self._under_way.pop(key, None)
        excess = len(self._under_way) - self._limit
        if excess > 0:
            done = [name for name, (_, other) in self._under_way.items() if other.done()]
            for name in done[:excess]:
                del self._under_way[name]


async def _run(submit: Callable[[], Awaitable[int]]) -> int:
    return await submit()


def _compare(held: str, given: str) -> None:
    if held != given:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used for another request; use a new key for a new job."
        )
