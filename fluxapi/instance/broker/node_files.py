"""Reads files on the nodes of an instance, by a short program that each broker runs.

``rexec.exec`` (flux-core, src/common/libsubprocess) starts a process as the owner of the instance,
who alone may call it. The program is the source of :mod:`fluxapi.process.file_piece`, so the checks
are the same there.
"""

from __future__ import annotations

import asyncio
import os
import signal
from functools import lru_cache
from pathlib import Path

import msgspec

from fluxapi.errors import FluxapiError, FluxRefused, Forbidden
from fluxapi.model.output import written
from fluxapi.process import file_piece
from fluxapi.process.client_turns import ClientTurns
from fluxapi.process.file_piece import MAX_PIECE_BYTES, Piece, Wanted, decode_piece
from fluxapi.process.timeout import within

from .calls import Call, Stream
from .rpc import RpcThread

__all__ = ["NodeFiles"]

_PASS_ON = 1 | 2
"""SUBPROCESS_REXEC_STDOUT and SUBPROCESS_REXEC_STDERR."""

_MAX_ANSWER_BYTES = MAX_PIECE_BYTES + (64 << 10)
_MAX_PROCESSES, _MAX_OF_CLIENT = 4, 3
"""Processes that run at the same time, and those for one client among them; other reads wait."""

_MAX_COMPLAINT_LENGTH = 200

_SHELL = (
    "if command -v python3 >/dev/null 2>&1; "
    'then exec python3 -I -S -c "$0" "$@"; else exec flux python -I -S -c "$0" "$@"; fi'
)
"""Run the Python of the node, or else the one that Flux uses there."""


class _Io(msgspec.Struct):
    stream: str = ""
    data: str = ""
    encoding: str = ""
    repeat: int = 1


class _Response(msgspec.Struct):
    type: str = ""
    pid: int = 0
    io: _Io = msgspec.field(default_factory=_Io)


_decoder = msgspec.json.Decoder(_Response)
"""A decoder of nothing but these members: the node of a nested instance may send any others."""


class NodeFiles:
    """A reader of files on any node of the instance; *timeout* is that of one read in seconds."""

    def __init__(self, rpc: RpcThread, timeout: float) -> None:
        self._rpc = rpc
        self._timeout = timeout
        self._turns = ClientTurns(_MAX_PROCESSES, _MAX_OF_CLIENT)

    async def read(self, rank: int, wanted: Wanted) -> Piece:
        """Read a piece of a file on the node of broker *rank*, as ``read_piece`` does."""
        # The first call reads a file.
        program = await asyncio.to_thread(_program)
        async with self._turns.held():
            process = _Process(self._rpc, rank, [program, *map(str, wanted)])
            try:
                piece = await within(self._timeout, process.run())
                # The node of a nested instance may send more than was asked for, without an end.
                return piece._replace(data=piece.data[: max(wanted.length, 0)])
            except asyncio.TimeoutError:
                return Piece("failed", "Its node has not answered in time.")
            except (Forbidden, FluxRefused) as error:
                return Piece("refused", error.detail)
            except FluxapiError as error:
                return Piece("failed", error.detail)
            finally:
                process.end()


class _Process:
    """One run of the program, the first of *words*, with the others as its arguments."""

    def __init__(self, rpc: RpcThread, rank: int, words: list[str]) -> None:
        self._rpc = rpc
        self._rank = rank
        self._stream = Stream(b"rexec.exec", _request(words), node=rank)
        self._pid = 0
        self._ended = False
        self._output = {"stdout": bytearray(), "stderr": bytearray()}

    async def run(self) -> Piece:
        """Return what the program has read; raise Flux's error."""
        self._rpc.stream(self._stream)
        while (batch := await self._stream.next_batch()) is not None:
            for payload in batch:
                self._take(_decoder.decode(payload))
                await asyncio.sleep(0)
        self._ended = True
        try:
            return decode_piece(bytes(self._output["stdout"]))
        except ValueError:
            words = self._output["stderr"].decode("utf-8", "replace").split("\n")
            said = next((line for line in reversed(words) if line.strip()), "it printed nothing")
            reason = " ".join(said.split())[:_MAX_COMPLAINT_LENGTH]
            return Piece("failed", f"The program that reads it on its node has failed: {reason}.")

    def end(self) -> None:
        """Kill the program if it still runs."""
        if self._ended:
            return
        self._rpc.cancel(self._stream)
        if not self._pid:
            return
        body = {"pid": self._pid, "signum": int(signal.SIGKILL)}
        kill = Call(b"rexec.kill", msgspec.json.encode(body), node=self._rank)
        # Nobody waits for the answer: the program may have ended meanwhile.
        kill.future.add_done_callback(lambda future: future.exception())
        self._rpc.send(kill)

    def _take(self, response: _Response) -> None:
        if response.type == "started":
            self._pid = response.pid
        elif response.type == "output":
            kept = self._output.get(response.io.stream)
            if kept is not None and len(kept) < _MAX_ANSWER_BYTES:
                kept += written(msgspec.structs.asdict(response.io))


@lru_cache(maxsize=1)
def _program() -> str:
    """Return the source of the program for any Python since 3.6."""
    source = Path(file_piece.__file__).read_text("utf-8")
    return source.replace("from __future__ import annotations\n", "", 1)


def _request(words: list[str]) -> bytes:
    command = {
        "cwd": "/",
        "cmdline": ["/bin/sh", "-c", _SHELL, *words],
        "env": {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
        "opts": {"stdout_LINE_BUFFER": "false"},
        "channels": [],
    }
    return msgspec.json.encode({"cmd": command, "flags": _PASS_ON, "local_flags": 0})
