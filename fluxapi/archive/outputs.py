"""Reads the stored output of one job."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator

from fluxapi.errors import HistoryUnavailable
from fluxapi.model.message import problem
from fluxapi.model.output import Last, OutputBatch, Tail

from .reader import ArchiveReader
from .stored_output import Omitted, OutputState, StoredOutput, unpack_output

__all__ = ["read_omitted", "read_output", "stored_output"]


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


async def stored_output(
    output: StoredOutput, last: Last | None = None
) -> AsyncIterator[OutputBatch]:
    """Yield the entries of a stored output, or its tail, like an instance.

    In place of the entries that are left out stands one that says so.
    """
    tail = None if last is None else Tail(last)
    for batch in output.batches():
        if tail is None:
            yield batch
        else:
            tail.take(batch)
        await asyncio.sleep(0)
    if tail is not None:
        for batch in tail.batches():
            yield batch


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
