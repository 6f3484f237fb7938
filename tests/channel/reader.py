"""Readers of the event channel that fold what they receive into what they hold."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Generic, TypeVar

import aiohttp

from .wires import Cut, Message, follow

__all__ = ["Events", "Held", "Jobs", "Reader"]


class Held:
    """The state of a reader, whatever it reads."""

    stream: str

    def __init__(self) -> None:
        self.cursor: str | None = None
        self.messages = 0
        self.marks: list[dict[str, Any]] = []
        self.resets: list[str] = []
        self.end: str | None = None

    def take(self, message: Message) -> None:
        """Fold one message in."""
        kind, cursor, fields = message
        if kind == "bookmark":
            self.marks.append(fields)
            self.check(fields)
        elif kind == "reset":
            self.resets.append(fields["reason"])
        elif kind == "end":
            self.end = fields["reason"]
        else:
            self.messages += 1
            self.fold(kind, fields)
        if cursor is not None:
            self.cursor = cursor

    def fold(self, kind: str, fields: dict[str, Any]) -> None:
        """Take what the stream is about."""
        raise NotImplementedError

    def check(self, mark: dict[str, Any]) -> None:
        """Compare with what a mark says."""


class Events(Held):
    """Every event by its identity; those that are in no eventlog in order."""

    stream = "events"

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, dict[int, dict[str, Any]]] = {}
        self.others: list[dict[str, Any]] = []
        self.gone: set[str] = set()
        self.clean: set[str] = set()
        self.repeats = 0

    def fold(self, kind: str, fields: dict[str, Any]) -> None:
        jobid = fields["id"]
        if kind == "gone":
            self.gone.add(jobid)
            return
        assert kind == "event"
        if "index" not in fields:
            self.others.append(fields)
            return
        index = fields["index"]
        entry = {name: fields[name] for name in fields if name not in {"id", "index"}}
        log = self.logs.setdefault(jobid, {})
        if index in log:
            assert log[index] == entry
            self.repeats += 1
        log[index] = entry
        if entry["name"] == "clean":
            self.clean.add(jobid)

    def eventlogs(self, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """Return the eventlogs of jobs; raises ``KeyError`` if one has a gap."""
        logs = {jobid: self.logs[jobid] for jobid in ids}
        return {jobid: [log[index] for index in range(max(log) + 1)] for jobid, log in logs.items()}


class Jobs(Held):
    """The rows of the table; every mark is held against them."""

    stream = "jobs"

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, Any]] = {}
        self.inactive: set[str] = set()
        self.gone: set[str] = set()

    def fold(self, kind: str, fields: dict[str, Any]) -> None:
        if kind == "snapshot":
            if fields["first"]:
                self.rows.clear()
                self.inactive.clear()
            for row in fields["jobs"]:
                self.put(row)
        elif kind == "gone":
            self.gone.add(fields["id"])
            self.rows.pop(fields["id"], None)
            self.inactive.discard(fields["id"])
        else:
            assert kind == "job"
            self.put(fields)

    def put(self, row: dict[str, Any]) -> None:
        """Take a row."""
        self.rows[row["id"]] = row
        if row["state"] == "INACTIVE":
            self.inactive.add(row["id"])

    def check(self, mark: dict[str, Any]) -> None:
        digest = sum(
            zlib.crc32(f"{row['id']} {row['revision']}".encode()) for row in self.rows.values()
        )
        ours = {"count": len(self.rows), "digest": f"{digest % 2**32:08x}"}
        assert ours == {name: mark[name] for name in ours}


H = TypeVar("H", bound=Held)


class Reader(Generic[H]):
    """One connection, opened when it is entered; ``held`` outlives it."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        wire: str,
        held: H,
        *,
        since: str | None = None,
        filter: Mapping[str, Any] | None = None,
        instance: str = "",
    ) -> None:
        api = f"{url}/v1/instances/{instance}" if instance else f"{url}/v1"
        self.held = held
        self.code = 0
        self._opening = follow(
            session, api, wire, held.stream, since=held.cursor or since, filter=filter
        )
        self._stack = contextlib.AsyncExitStack()
        self._messages: AsyncIterator[Message]

    async def __aenter__(self) -> Reader[H]:
        self._messages = await self._stack.enter_async_context(self._opening)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def read(self) -> Message:
        """Take one message; raises ``Cut`` at the end."""
        message = await anext(self._messages)
        self.held.take(message)
        return message

    async def until(self, condition: Callable[[H], object]) -> None:
        """Read until what is held satisfies ``condition``."""
        while not condition(self.held):
            await self.read()

    async def until_mark(self) -> dict[str, Any]:
        """Read up to the next mark."""
        while (message := await self.read()).kind != "bookmark":
            pass
        return message.fields

    async def until_cut(self) -> int:
        """Read to the end; the close code of a socket."""
        try:
            while True:
                await self.read()
        except Cut as cut:
            return cut.code
