"""A job whose output goes to files, without an instance that runs it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

from fluxapi.errors import NotFound
from fluxapi.events.output.files import OutputFiles
from fluxapi.events.output.hub import OutputHub
from fluxapi.events.output.viewer import Selection
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import OutputText
from fluxapi.instance.protocol import Instance, Last, OutputBatch
from fluxapi.model.eventlog import Event
from fluxapi.model.job import Job
from fluxapi.model.output import written
from fluxapi.process.file_piece import Piece, Wanted, read_piece
from fluxapi.table.table import Table

from .output_place import TIMEOUT, Line

JOB = 1 << 24
HARD = b"one\na\xff\xfe\n\0b\r\nx\xe2\x80\xa8y\n\xf0\x9f\xa5\x9e" * 9 + b"no end"


class Jobs:
    """The table: one job, of the user who runs the test."""

    def __init__(self) -> None:
        self.job: Job | None = Job(JOB, userid=os.geteuid(), state="RUN")

    def get(self, jobid: int) -> Job | None:
        return self.job if jobid == JOB else None


class Writer:
    """An instance with one job, whose output goes to files in *folder* by its jobspec."""

    def __init__(self, folder: Path, **output: Any) -> None:
        self.folder = folder
        self.host = socket.gethostname()
        self.entries = [Event(0.0, "header", {"version": 1})]
        self.jobspec = {
            "attributes": {"system": {"cwd": str(folder), "shell": {"options": {"output": output}}}}
        }
        self.table = Jobs()
        self.files = OutputFiles(cast("Instance", self), cast("Table", self.table), os.geteuid())

    def redirect(self, path: str, *streams: str, ranks: str = "0") -> None:
        for stream in streams or ("stdout", "stderr"):
            context = {"stream": stream, "rank": ranks, "path": path}
            self.entries.append(Event(1.0, "redirect", context))

    def end(self) -> None:
        assert self.table.job is not None
        self.table.job.state = "INACTIVE"

    async def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        del jobid, last
        yield OutputBatch(first, self.entries[first:])
        if follow:
            yield OutputBatch(len(self.entries), [])

    async def lookup(self, jobid: int, key: str) -> str:
        del jobid
        if key == "jobspec":
            return json.dumps(self.jobspec)
        if key == "R":
            lite = [{"rank": "0", "children": {"core": "0"}}]
            return json.dumps({"execution": {"R_lite": lite, "nodelist": [self.host]}})
        raise NotFound("There is no such record.")

    async def source(self) -> Any:
        """Return the only file."""
        (source,) = await self.files.sources(JOB, None, may_read=True) or []
        return source


class RemoteWriter(Writer):
    """An instance whose job ran on another host, and which can read there."""

    def __init__(self, folder: Path, **output: Any) -> None:
        self.asked: list[tuple[int, Wanted]] = []
        super().__init__(folder, **output)
        self.host = "elsewhere"

    async def read_file(self, rank: int, wanted: Wanted) -> Piece:
        self.asked.append((rank, wanted))
        return read_piece(wanted)


def to_file(path: str) -> dict[str, str]:
    return {"type": "file", "path": path}


async def bytes_of(batches: AsyncIterator[OutputBatch]) -> bytes:
    """Return the data of all entries."""
    found = b""
    async for batch in batches:
        for event in batch:
            if event.name == "data":
                found += written(event.context or {})
    return found


async def notice_of(batches: AsyncIterator[OutputBatch]) -> dict[str, Any]:
    """Return what is said about the file."""
    async for batch in batches:
        for event in batch:
            if event.name == "file":
                return event.context or {}
    raise AssertionError


class Follower:
    """One follower of a job, and the bytes that it has got."""

    def __init__(self, hub: OutputHub, **selection: Any) -> None:
        self.line = Line()
        self.ended: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()
        text = OutputText(chunked=False, exact=True)
        wanted = Selection(**{"files": True, **selection})
        self.writer = StreamWriter(self.line)
        self.stop = hub.view(JOB, wanted, self.writer, text, self._end)

    def _end(self, reason: str, detail: str = "") -> None:
        self.ended.set_result((reason, detail))

    async def until(self, text: bytes) -> None:
        while text not in self.line.data:
            self.line.news.clear()
            await asyncio.wait_for(self.line.news.wait(), TIMEOUT)

    async def end(self) -> tuple[str, str]:
        return await asyncio.wait_for(self.ended, TIMEOUT)
