"""An writer between a transport that is told what to do and a protocol that listens."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.events.transport.stream_writer import StreamWriter


class Listener(asyncio.Protocol):
    def __init__(self) -> None:
        self.heard: list[object] = []

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a protocol
        self.heard.append("lost")

    def pause_writing(self) -> None:
        self.heard.append("pause")

    def resume_writing(self) -> None:
        self.heard.append("resume")

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)

    def eof_received(self) -> bool | None:
        self.heard.append("eof")
        return True


class Pipe(asyncio.Transport):
    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.written: list[bytes] = []
        self.closed: list[str] = []

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high, self.low = high, low

    def get_write_buffer_size(self) -> int:
        return 7

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return bool(self.closed)

    def close(self) -> None:
        self.closed.append("close")

    def abort(self) -> None:
        self.closed.append("abort")


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def pipe(listener: Listener) -> Pipe:
    return Pipe(listener)


@pytest.fixture
def writer(pipe: Pipe) -> StreamWriter:
    return StreamWriter(pipe)


def test_everything_is_passed_on(writer: StreamWriter, listener: Listener) -> None:
    writer.data_received(b"x")
    assert writer.eof_received()
    writer.pause_writing()
    writer.resume_writing()
    writer.connection_lost(None)
    assert listener.heard == [b"x", "eof", "pause", "resume", "lost"]


def test_it_says_when_there_is_room(writer: StreamWriter) -> None:
    heard: list[tuple[str, bool]] = []
    writer.on_pause = lambda _: heard.append(("pause", writer.paused))
    writer.on_resume = lambda _: heard.append(("resume", writer.paused))
    writer.pause_writing()
    writer.resume_writing()
    assert heard == [("pause", True), ("resume", False)]


def test_one_byte_that_is_not_taken_is_no_room(writer: StreamWriter, pipe: Pipe) -> None:
    assert (pipe.high, writer.unsent) == (0, 7)


def test_nothing_is_written_to_one_that_is_lost(writer: StreamWriter, pipe: Pipe) -> None:
    heard: list[str] = []
    writer.on_pause = lambda _: heard.append("pause")
    writer.on_lost = lambda _: heard.append("lost")
    writer.write(b"before")
    writer.connection_lost(None)
    writer.write(b"after")
    assert pipe.written == [b"before"]
    assert (writer.lost, writer.paused, heard) == (True, True, ["pause", "lost"])


def test_one_that_is_given_back_hears_nothing_more(
    writer: StreamWriter, pipe: Pipe, listener: Listener
) -> None:
    writer.on_pause = writer.on_resume = writer.on_lost = lambda _: pytest.fail("it was given back")
    writer.release()
    assert (pipe.protocol, pipe.high) == (listener, None)
    writer.pause_writing()
    writer.resume_writing()
    writer.connection_lost(None)


def test_a_protocol_that_came_since_is_left_alone(writer: StreamWriter, pipe: Pipe) -> None:
    other = pipe.protocol = Listener()
    writer.release()
    assert pipe.protocol is other


async def test_waiting_for_room_ends_with_it(writer: StreamWriter) -> None:
    writer.pause_writing()
    waiting = asyncio.create_task(writer.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    writer.resume_writing()
    await asyncio.wait_for(waiting, 5)


async def test_waiting_for_room_ends_with_the_connection(writer: StreamWriter) -> None:
    writer.pause_writing()
    waiting = asyncio.create_task(writer.drained())
    await asyncio.sleep(0)
    writer.connection_lost(None)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(waiting, 5)


@pytest.mark.parametrize("end", ["close", "abort"])
async def test_after_its_end_it_takes_nothing(writer: StreamWriter, pipe: Pipe, end: str) -> None:
    getattr(writer, end)()
    writer.write(b"more")
    writer.resume_writing()
    assert (pipe.written, pipe.closed[0], writer.paused) == ([], end, True)
