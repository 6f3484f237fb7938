"""Queries of the history that take long, from many clients at once."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

from fluxapi.archive.database import FILE_NAME
from fluxapi.archive.reader import ArchiveReader


async def test_long_queries_leave_a_thread_to_others(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.touch()
    reader = ArchiveReader(path)
    may_end = threading.Event()
    loop, has_begun = asyncio.get_running_loop(), asyncio.Event()
    begun: list[int] = []

    def take_long(_database: sqlite3.Connection) -> bool:
        begun.append(1)
        loop.call_soon_threadsafe(has_begun.set)
        return may_end.wait(60)

    waiting = [asyncio.ensure_future(reader.run_long(take_long)) for _ in range(4)]
    await has_begun.wait()
    assert await reader.run_long(take_long) is None
    assert await reader.run(lambda _: "read") == "read"
    assert len(begun) == 1
    may_end.set()
    assert await asyncio.gather(*waiting) == [True] * 4
    assert await reader.run_long(take_long)
    await reader.aclose()
