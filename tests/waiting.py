"""Waiting for what happens outside of a test: in files, in processes and in other services."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

__all__ = ["block_until", "ended", "files_show", "hang_up", "poll_until"]

TIMEOUT_S = 60.0

# Another process tells nobody when its state changes, so it is asked again after this pause. For
# all else there is an event to wait for: of this program, of a file, or the end of a process.
_POLL_INTERVAL_S = 0.01

_IN_MODIFY, _IN_MOVED_TO, _IN_CREATE, _IN_DELETE = 0x2, 0x80, 0x100, 0x200
"""Events of inotify(7)."""


async def poll_until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return when *condition*, which asks another process, holds."""

    async def poll() -> None:
        while not await condition():  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(_POLL_INTERVAL_S)

    await asyncio.wait_for(poll(), TIMEOUT_S)


def block_until(condition: Callable[[], bool]) -> None:
    """Return when *condition*, which asks another process, holds; this blocks."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(_POLL_INTERVAL_S)


async def files_show(
    folder: Path, condition: Callable[[], bool], timeout: float = TIMEOUT_S
) -> None:
    """Return when *condition*, which depends on the files of *folder* only, holds."""
    with _watched(folder) as changed:

        async def wait() -> None:
            while not condition():
                changed.clear()
                await changed.wait()

        await asyncio.wait_for(wait(), timeout)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and return once it is closed.

    Bytes that are not sent yet are dropped: a peer that reads no more would keep the connection
    open, and the collector would report it in another test.
    """
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def ended(pid: int) -> None:
    """Return when a process has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, gone.set)
    try:
        await asyncio.wait_for(gone.wait(), TIMEOUT_S)
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


@contextlib.contextmanager
def _watched(folder: Path) -> Iterator[asyncio.Event]:
    """Yield an event that is set whenever a file of *folder* has changed."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    changed = asyncio.Event()

    def read() -> None:
        os.read(descriptor, 1 << 16)
        changed.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, read)
    try:
        mask = _IN_MODIFY | _IN_MOVED_TO | _IN_CREATE | _IN_DELETE
        if libc.inotify_add_watch(descriptor, os.fsencode(folder), mask) < 0:
            raise OSError(ctypes.get_errno(), f"inotify_add_watch {folder}")
        yield changed
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
