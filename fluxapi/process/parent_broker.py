"""The broker that this process descends from, if any, and a notification of its exit.

The initial program of a Flux instance and its descendants have the broker among their ancestors.
When that broker exits, its instance is gone for good. Any other broker may come back.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["ParentBroker", "find"]

_LOCAL = "local://"
_CREDENTIALS = struct.Struct("3i")
"""``struct ucred`` of unix(7): process, user and group."""

_POLL_S = 1.0
"""Seconds between two checks if the kernel cannot notify of the exit of a process."""


class ParentBroker:
    """A broker that is an ancestor of this process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = _open(pid)
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, ended: Callable[[], None]) -> None:
        """Call *ended* on the running loop once the broker has exited."""
        loop = asyncio.get_running_loop()

        def tell() -> None:
            loop.remove_reader(self._descriptor)
            ended()

        def look() -> None:
            if self.pid in _ancestors():
                self._timer = loop.call_later(_POLL_S, look)
            else:
                ended()

        if self._descriptor >= 0:
            loop.add_reader(self._descriptor, tell)
        else:
            look()

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


def find(uri: str | None) -> ParentBroker | None:
    """Return the broker at *uri*, or ``None`` unless this process descends from it."""
    if uri is None or not uri.startswith(_LOCAL):
        return None
    pid = _listener(uri.removeprefix(_LOCAL))
    return ParentBroker(pid) if pid in _ancestors() else None


def _listener(path: str) -> int:
    """Return the ID of the process that listens on a socket, or 0 if it is not visible."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        # The broker accepts connections in its event loop; do not wait for it.
        connection.setblocking(False)
        try:
            connection.connect(path)
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except (OSError, ValueError):
            return 0
    pid: int = _CREDENTIALS.unpack(found)[0]
    return pid


def _ancestors() -> Iterator[int]:
    """Yield the IDs of the ancestors of this process, the parent first."""
    pid = os.getppid()
    while pid > 0:
        yield pid
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        # The name, in parentheses, is arbitrary; the fields after the last parenthesis are fixed.
        pid = int(stat.rpartition(")")[2].split()[1])


def _open(pid: int) -> int:
    """Return a descriptor that is readable once the process has exited, or −1 without support."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1
