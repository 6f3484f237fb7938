"""Reads the stored output of one job."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

from fluxapi.errors import HistoryUnavailable
from fluxapi.model.message import problem
from fluxapi.model.output import Last, OutputBatch, Tail

from .reader import ArchiveReader
from .stored_output import Omitted, OutputState, StoredOutput, unpack_output

__all__ = ["Sending", "read_omitted", "read_output", "stored_output"]


async def read_output(
    reader: ArchiveReader, instance: str, jobid: int
) -> tuple[OutputState, StoredOutput]:
    """Return the output of a job as far as it is stored, and what the history knows of it.

    The output has no entries unless the state is ``STORED`` or ``CUT``. A job that is not in the
    history is ``UNREAD``.

    Raises:
        HistoryUnavailable: The database cannot be read.
    """
    row = await reader.run(lambda database: _row(database, instance, jobid))
    if row is None:
        return OutputState.UNREAD, StoredOutput([])
    try:
        state, data = OutputState(row[0]), row[1]
    except ValueError as error:
        raise HistoryUnavailable(problem("past_output_unreadable", reason=str(error))) from None
    if data is None:
        return state, StoredOutput([])
    loop = asyncio.get_running_loop()
    try:
        # A mebibyte takes some milliseconds.
        return state, await loop.run_in_executor(None, unpack_output, data)
    except ValueError as error:
        raise HistoryUnavailable(problem("past_output_unreadable", reason=str(error))) from None


async def read_omitted(reader: ArchiveReader, instance: str, jobid: int) -> Omitted | None:
    """Return what is left out of the stored output of a job, ``None`` if nothing is.

    Raises:
        HistoryUnavailable: The database cannot be read.
    """
    if not await reader.run(lambda database: _is_cut(database, instance, jobid)):
        return None
    _, output = await read_output(reader, instance, jobid)
    return await asyncio.get_running_loop().run_in_executor(None, output.describe_omitted)


Sending: TypeAlias = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Counts so many bytes for a reader while the context lasts; it is told those that are sent."""


async def stored_output(
    output: StoredOutput, last: Last | None = None, sending: Sending | None = None
) -> AsyncIterator[OutputBatch]:
    """Yield the entries of a stored output, or its tail, like an instance.

    In place of the entries that are left out stands one that says so. Entries are not kept in
    *output* once they were yielded.
    """
    if last is not None:
        tail = Tail(last)
        for batch, _ in output.drain():
            tail.take(batch)
            await asyncio.sleep(0)
        for batch in tail.batches():
            yield batch
        return
    with nullcontext(_ignore) if sending is None else sending(output.size) as sent:
        for batch, size in output.drain():
            yield batch
            sent(size)
            await asyncio.sleep(0)


def _ignore(_: int) -> None:
    return


def _is_cut(database: sqlite3.Connection, instance: str, jobid: int) -> bool:
    return bool(
        database.execute(
            "SELECT 1 FROM jobs JOIN instances ON instances.key = jobs.instance "
            "WHERE instances.id = ? AND jobs.id = ? AND jobs.output = ?",
            (instance, jobid, OutputState.CUT),
        ).fetchone()
    )


def _row(
    database: sqlite3.Connection, instance: str, jobid: int
) -> tuple[int, bytes | None] | None:
    found: tuple[int, bytes | None] | None = database.execute(
        "SELECT jobs.output, outputs.data FROM jobs "
        "JOIN instances ON instances.key = jobs.instance "
        "LEFT JOIN outputs ON outputs.job = jobs.key WHERE instances.id = ? AND jobs.id = ?",
        (instance, jobid),
    ).fetchone()
    return found
