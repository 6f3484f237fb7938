"""An instance under test with a reader of its journal, and the jobs to give it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from fluxapi.instance.protocol import Change, Instance, InstanceInfo, Submission
from fluxapi.instance.release import Release, parse
from fluxapi.model.eventlog import Event, JournalMessage

TIMEOUT = 30.0
PATH = "/usr/local/bin:/usr/bin:/bin"
UNKNOWN = 42
"""A job id that no instance gives out: a fraction of a millisecond after its beginning."""

COMPLETED = [
    "submit",
    "validate",
    "depend",
    "priority",
    "alloc",
    "start",
    "finish",
    "release",
    "free",
    "clean",
]


def spec(
    *command: str,
    nodes: int = 0,
    tasks: int = 1,
    cores: int = 1,
    duration: float = 0,
    environment: dict[str, str] | None = None,
    options: dict[str, Any] | None = None,
    **system: Any,
) -> bytes:
    """Return a jobspec V1; ``options`` are shell options, ``system`` more system attributes."""
    slot: dict[str, Any] = {
        "type": "slot",
        "count": tasks,
        "label": "task",
        "with": [{"type": "core", "count": cores}],
    }
    resource = {"type": "node", "count": nodes, "with": [slot]} if nodes else slot
    if options is not None:
        system["shell"] = {"options": options}
    attributes: dict[str, Any] = {
        "system": {
            "duration": duration,
            "cwd": "/tmp",  # noqa: S108 - every machine has it
            "environment": {"PATH": PATH} if environment is None else environment,
            **system,
        }
    }
    task = {"command": list(command or ("true",)), "slot": "task", "count": {"per_slot": 1}}
    document = {
        "resources": [resource],
        "tasks": [task],
        "attributes": attributes,
        "version": 1,
    }
    return json.dumps(document).encode()


def shell(script: str, **options: Any) -> bytes:
    """Return a jobspec that runs ``script``."""
    return spec("sh", "-c", script, **options)


def simulated() -> bytes:
    """Return a jobspec that no program is run for: a real Flux needs 40 ms for one that is."""
    return spec(exec={"test": {"run_duration": "0.001s"}})


def text(entries: list[Event], stream: str = "stdout") -> bytes:
    """Return the text that a job wrote to ``stream``, all tasks together (RFC 24)."""
    written = b""
    for entry in entries:
        context = entry.context or {}
        if entry.name == "data" and context["stream"] == stream and "data" in context:
            data = context["data"].encode()
            if context.get("encoding") == "base64":
                data = base64.b64decode(data)
            written += data * context.get("repeat", 1)
    return written


class Site:
    """An instance, and everything its journal told since :meth:`begin`."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.info: InstanceInfo
        self.messages: list[Change] = []
        self._changed = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Start the instance; returns when its journal has sent the backlog."""
        self.info = await self.instance.start()
        self._reader = asyncio.create_task(self._read())
        await self.until(
            lambda: any(isinstance(m, JournalMessage) and m.is_sentinel for m in self.messages)
        )

    async def end(self) -> None:
        """Stop reading and close the instance."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        await self.instance.close()

    @property
    def completed(self) -> list[str]:
        """The names of the events of a job that ends well."""
        if self.info.capabilities.events == "exact":
            return COMPLETED
        return [name for name in COMPLETED if name not in {"start", "release", "free"}]

    def needs(self, oldest: Release, what: str) -> None:
        """Skip the test on a Flux that is older than ``what`` it is about."""
        if self.info.kind == "flux" and (parse(self.info.version) or oldest) < oldest:
            pytest.skip(f"{what} came with Flux {oldest}, and this is {self.info.version}")

    async def submit(self, jobspec: bytes, **options: Any) -> int:
        """Submit one job and return its ID."""
        (jobid,) = await self.instance.submit([Submission(jobspec, **options)])
        assert isinstance(jobid, int), jobid
        return jobid

    async def submit_and_hear(self, jobspec: bytes) -> int:
        """Return the ID of a job whose tasks have written something, so they run."""
        jobid = await self.submit(jobspec)
        async with contextlib.aclosing(self.instance.output(jobid, follow=True)) as batches:  # type: ignore[type-var]  # both are generators
            async for batch in batches:
                if text(batch.events):
                    break
        return jobid

    async def run(self, jobspec: bytes, **options: Any) -> int:
        """Return the ID of a job that has ended."""
        jobid = await self.submit(jobspec, **options)
        await self.wait(jobid)
        return jobid

    async def cancel(self, jobid: int) -> None:
        """Cancel a job and wait for its end."""
        await self.instance.raise_exception(jobid, "cancel", 0)
        await self.wait(jobid)

    async def wait(self, jobid: int, name: str = "clean") -> None:
        """Return when the journal told of an event of a job."""
        await self.until(lambda: name in self.names(jobid))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the messages so far satisfy ``condition``."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(condition), TIMEOUT)

    def told(self, jobid: int) -> list[JournalMessage]:
        """Return the journal's messages about a job."""
        return [m for m in self.messages if isinstance(m, JournalMessage) and m.id == jobid]

    def events(self, jobid: int) -> list[Event]:
        """Return a job's events, without those that are never in its eventlog."""
        found = [event for message in self.told(jobid) for event in message.events]
        return [event for event in found if event.name != "annotations"]

    def names(self, jobid: int) -> list[str]:
        """Return the names of a job's events."""
        return [event.name for event in self.events(jobid)]

    def context(self, jobid: int, name: str) -> dict[str, Any]:
        """Return the context of a job's first event of that name."""
        return next(event.context or {} for event in self.events(jobid) if event.name == name)

    async def output(self, jobid: int, *, follow: bool = False) -> list[Event]:
        """Return all entries of a job's output eventlog."""
        async with contextlib.aclosing(self.instance.output(jobid, follow=follow)) as batches:  # type: ignore[type-var]  # both are generators
            return [entry async for batch in batches for entry in batch]

    async def _read(self) -> None:
        async for batch in self.instance.changes():
            async with self._changed:
                self.messages += batch
                self._changed.notify_all()
