"""A made-up instance with output, and the viewers of it, without sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from fluxapi.events.output.hub import OutputHub
from fluxapi.events.output.viewer import Selection
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import Lines, Wire
from fluxapi.table.table import Table
from tests.handlers.fake import FakeInstance

JOB = 1 << 24
TIMEOUT = 30.0
NDJSON = Lines(chunked=False)


class Known:
    """A table that knows the jobs of a set."""

    def __init__(self) -> None:
        self.ids = {JOB, JOB + 1}

    def get(self, jobid: int) -> object | None:
        return "a job" if jobid in self.ids else None


class Line(asyncio.Transport):
    """A connection that takes everything, and tells when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.news = asyncio.Event()
        self.protocol: asyncio.BaseProtocol = asyncio.Protocol()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.data += data
        self.news.set()

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 1


class Reader:
    """One viewer and what it got."""

    def __init__(self, outputs: OutputHub, selection: Selection, wire: Wire) -> None:
        self.line = Line()
        self.writer = StreamWriter(self.line)
        self.ended: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()
        self.stop = outputs.view(JOB, selection, self.writer, wire, self._end)

    def _end(self, reason: str, detail: str = "") -> None:
        self.ended.set_result((reason, detail))

    async def end(self) -> str:
        """Return the reason of its end."""
        return (await asyncio.wait_for(self.ended, TIMEOUT))[0]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.line.data.splitlines()]

    @property
    def indexes(self) -> list[int]:
        return [message["index"] for message in self.messages]

    @property
    def text(self) -> str:
        return "".join(message.get("data", "") for message in self.messages)

    async def until(self, text: str) -> None:
        """Return when ``text`` has come."""
        while text not in self.text:
            self.line.news.clear()
            await asyncio.wait_for(self.line.news.wait(), TIMEOUT)


class Place:
    """A made-up instance and the viewers of it."""

    def __init__(self) -> None:
        self.instance = FakeInstance()
        self.table = Known()
        self.outputs = OutputHub(self.instance, cast("Table", self.table))

    def view(self, wire: Wire = NDJSON, **selection: Any) -> Reader:
        return Reader(self.outputs, Selection(**selection), wire)

    def write(self, *texts: str, stream: str = "stdout") -> None:
        self.instance.feed(JOB, *({"stream": stream, "data": text} for text in texts))

    def finish(self, error: Exception | None = None) -> None:
        self.instance.end_output(JOB, error)
