"""Reads one output file: on this host, from a shared file system, or on the node of its job."""

from __future__ import annotations

import asyncio
import socket
from typing import NamedTuple

from fluxapi.instance.protocol import NodeFileReader
from fluxapi.model.output_files import OutputFile
from fluxapi.process.file_piece import MAX_PIECE_BYTES, SHARED_TYPES, Piece, Wanted, read_piece
from fluxapi.process.replaced_threads import ReplacedThreads

__all__ = ["FileAccess", "FileReader", "is_here"]

_MAX_THREADS = 8
_READ_TIMEOUT_S = 10.0

_LOCAL_PIECE_BYTES = 128 << 10
"""Size of a piece that is read on this host: for each client that reads nothing, one is kept."""


class FileAccess(NamedTuple):
    """The ways to read files of the user ID ``owner``.

    ``nodes`` reads them on the nodes of the instance, if it can; ``threads`` on this host.
    """

    owner: int
    nodes: NodeFileReader | None
    threads: ReplacedThreads

    @classmethod
    def of(cls, owner: int, instance: object) -> FileAccess:
        """Return the ways that *instance* offers."""
        nodes = instance if isinstance(instance, NodeFileReader) else None
        return cls(owner, nodes, ReplacedThreads("fluxapi-file", _MAX_THREADS))


class FileReader:
    """A reader of one file.

    Attributes:
        way: How it is read: ``local``, ``shared`` or ``node``; empty before the first read.
    """

    def __init__(self, file: OutputFile, access: FileAccess) -> None:
        self.file = file
        self.way = ""
        self._access = access
        self._identity = ""

    @property
    def piece_bytes(self) -> int:
        """Return the size of a piece to read: a program is run for each on another node."""
        return MAX_PIECE_BYTES if self.way == "node" else _LOCAL_PIECE_BYTES

    async def piece(self, offset: int, length: int = MAX_PIECE_BYTES) -> Piece:
        """Read a piece; the first one that can be read decides how all others are read."""
        if self.way:
            piece = await self._read(self.way, offset, length)
        elif is_here(self.file.host):
            piece = await self._begin("local", offset, length)
        else:
            piece = await self._read("shared", offset, length)
            if not piece.problem and piece.system in SHARED_TYPES:
                self.way = "shared"
            else:
                piece = await self._begin_on_node(piece, offset, length)
        if self.way and not piece.problem:
            self._identity = piece.identity
        return piece

    async def _begin(self, way: str, offset: int, length: int) -> Piece:
        piece = await self._read(way, offset, length)
        if not piece.problem:
            self.way = way
        return piece

    async def _begin_on_node(self, here: Piece, offset: int, length: int) -> Piece:
        if self._access.nodes is None or self.file.rank < 0:
            return Piece("refused", self._far(here))
        piece = await self._begin("node", offset, length)
        if piece.problem:
            words = f"{self._far(here)} On {self.file.host}: {piece.problem}"
            return Piece(piece.kind, words)
        return piece

    def _far(self, here: Piece) -> str:
        """Return why the file is not read on the host of the service."""
        system = f" ({here.system})" if here.system else ""
        return (
            f"It is on the host {self.file.host}, and the service runs on {socket.gethostname()}, "
            f"which does not share its file system{system}."
        )

    async def _read(self, way: str, offset: int, length: int) -> Piece:
        owner, nodes, threads = self._access
        wanted = Wanted(self.file.path, owner, offset, length, self._identity)
        if way == "node" and nodes is not None:
            return await nodes.read_file(self.file.rank, wanted)
        try:
            return await threads.run(_READ_TIMEOUT_S, wanted.path, read_piece, wanted)
        except asyncio.TimeoutError:
            return Piece("failed", "Its file system does not answer.")


def is_here(host: str) -> bool:
    """Return whether *host* is a name of the host of this process."""
    own = socket.gethostname()
    if host == own:
        return True
    # One of the two may be the full name.
    return ("." in host) != ("." in own) and host.partition(".")[0] == own.partition(".")[0]
