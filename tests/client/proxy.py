"""A way to a service on which connections are cut when a test says so."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING

from yarl import URL

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Proxy"]


class Proxy:
    """Hands bytes on to ``target``. ``swallow``: so many answers are cut off before they come."""

    def __init__(self, target: str) -> None:
        self._target = URL(target)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.swallow = 0
        self.taken = asyncio.Event()
        """Set once somebody has come."""
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def retarget(self, target: str) -> None:
        """Connect to another service from now on."""
        self._target = URL(target)

    async def close(self) -> None:
        """Cut everything off, and take nobody anymore."""
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Cut every connection off, as a network does."""
        for writer in self._writers:
            writer.transport.abort()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection; from its first moment on, :meth:`close` closes it."""
        assert self._server is not None
        if not self._server.is_serving():
            writer.transport.abort()
            return
        self.taken.set()
        self._writers.add(writer)
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(self._target.host, self._target.port)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(back)
        if writer.transport.is_closing():
            back.transport.abort()
        try:
            await asyncio.gather(
                self._hand_on(reader, back, answers=False),
                self._hand_on(there, writer, answers=True),
            )
        finally:
            for one in (writer, back):
                one.transport.abort()
            self._writers -= {writer, back}

    async def _hand_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        try:
            while data := await reader.read(65536):
                if answers and self.swallow:
                    self.swallow -= 1
                    break
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
