"""Helpers of the tests of the embedded instance: jobspecs, and a journal to wait on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fluxapi.errors import FluxapiError
from fluxapi.instance.embedded import EmbeddedInstance
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import Event, JournalMessage, Purged, Resync

TIMEOUT = 20.0
PATH = "/usr/local/bin:/usr/bin:/bin"


def spec(
    *command: str,
    tasks: int = 1,
    cores: int = 1,
    duration: float = 0,
    options: dict[str, Any] | None = None,
    **system: Any,
) -> bytes:
    """Return a jobspec as ``JobspecV1.from_command`` makes it.

    ``options`` are shell options; ``system`` adds system attributes.
    """
    if options is not None:
        system["shell"] = {"options": options}
    slot = {
        "type": "slot",
        "count": tasks,
        "label": "task",
        "with": [{"type": "core", "count": cores}],
    }
    return json.dumps(
        {
            "resources": [slot],
            "tasks": [
                {"command": list(command or ("true",)), "slot": "task", "count": {"per_slot": 1}}
            ],
            "attributes": {
                "system": {"duration": duration, "environment": {"PATH": PATH}, **system}
            },
            "version": 1,
        }
    ).encode()


def shell(script: str, **options: Any) -> bytes:
    """Return a jobspec that runs ``script``."""
    return spec("sh", "-c", script, **options)


def after(scheme: str, jobid: int) -> list[dict[str, str]]:
    """Return the dependencies attribute for one dependency."""
    return [{"scheme": scheme, "value": str(jobid)}]


class Journal:
    """Reads the journal of an instance from the moment it is created."""

    def __init__(self, instance: EmbeddedInstance) -> None:
        self.messages: list[JournalMessage | Purged] = []
        self.backlog: list[JournalMessage] = []
        self.purged: list[int] = []
        self.live = asyncio.Event()
        self._instance = instance
        self._changed = asyncio.Condition()
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for batch in self._instance.changes():
            for message in batch:
                if isinstance(message, Resync):
                    continue
                if isinstance(message, Purged):
                    self.purged += message.ids
                elif message.is_sentinel:
                    self.live.set()
                elif not self.live.is_set():
                    self.backlog.append(message)
                self.messages.append(message)
            async with self._changed:
                self._changed.notify_all()

    def events(self, jobid: int) -> list[Event]:
        return [
            event
            for message in self.messages
            if isinstance(message, JournalMessage) and message.id == jobid
            for event in message.events
        ]

    def names(self, jobid: int) -> list[str]:
        return [event.name for event in self.events(jobid) if event.name != "annotations"]

    def context(self, jobid: int, name: str) -> dict[str, Any]:
        return next(event.context or {} for event in self.events(jobid) if event.name == name)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(condition), TIMEOUT)

    async def wait(self, jobid: int, name: str = "clean") -> None:
        await self.until(lambda: name in self.names(jobid))

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Site:
    """An instance with a journal, as a test uses it."""

    def __init__(self, instance: EmbeddedInstance) -> None:
        self.instance = instance
        self.journal = Journal(instance)

    async def submit(
        self, jobspec: bytes, urgency: int = 16, *, waitable: bool = False, debug: bool = False
    ) -> int:
        submission = Submission(jobspec, urgency, waitable=waitable, debug=debug)
        [result] = await self.instance.submit([submission])
        if isinstance(result, FluxapiError):
            raise result
        return result

    async def run(self, jobspec: bytes) -> int:
        jobid = await self.submit(jobspec)
        await self.journal.wait(jobid)
        return jobid

    async def output(self, jobid: int) -> list[Event]:
        return [event async for batch in self.instance.output(jobid) for event in batch]

    async def text(self, jobid: int, stream: str = "stdout") -> str:
        return "".join(
            event.context["data"]
            for event in await self.output(jobid)
            if event.name == "data"
            and event.context is not None
            and event.context["stream"] == stream
            and "data" in event.context
        )

    async def written(self) -> None:
        """Return when all output so far is in its files."""
        assert self.instance._parts is not None
        await self.instance._parts.spool.settle()

    async def close(self) -> None:
        await self.instance.close()
        await self.journal.close()


def alive(pid: int) -> bool:
    """Return whether a process runs (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}
