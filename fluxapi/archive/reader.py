"""The connections that read the history, on threads of their own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from fluxapi.errors import HistoryUnavailable
from fluxapi.model.message import problem
from fluxapi.process.client_turns import ClientTurns
from fluxapi.process.private_files import file_of

from .database import connect, reason_of

__all__ = ["ArchiveReader"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_THREADS = 3
_MAX_OF_CLIENT = 2
"""Queries of one client at a time; its further ones wait, so that a thread is free for others."""

_MAX_LONG = 4
"""Long queries that are under way or wait; a page does without the result of a further one."""

_MAX_QUERY_S = 10.0
"""A query that takes longer is ended."""

_STEPS = 20_000
"""Instructions of SQLite between two looks at the clock: about a millisecond."""


class ArchiveReader:
    """Threads with one connection each, which read while the writer writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._executor = ThreadPoolExecutor(_THREADS, "fluxapi-history-reader")
        self._turns = ClientTurns(_THREADS, _MAX_OF_CLIENT)
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._long = 0
        self._long_turn = asyncio.Semaphore(1)

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Return the result of *query*, which gets a connection, from a thread.

        Raises:
            HistoryUnavailable: The database cannot be read, or the query takes too long.
        """
        client, is_left = await self._turns.take(), threading.Event()
        loop = asyncio.get_running_loop()

        def ended(_: Future[T]) -> None:
            with contextlib.suppress(RuntimeError):  # The loop is closed.
                loop.call_soon_threadsafe(self._turns.give_back, client)

        try:
            running = self._executor.submit(self._run, query, is_left)
        except BaseException:
            self._turns.give_back(client)
            raise
        # A query whose reader has left keeps its turn until its thread is free.
        running.add_done_callback(ended)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            is_left.set()
            raise

    async def run_long(self, query: Callable[[sqlite3.Connection], T]) -> T | None:
        """Return the result of a query that takes long; other queries keep a thread.

        The return value is ``None`` if several such queries wait already.

        Raises:
            HistoryUnavailable: The database cannot be read, or the query takes too long.
        """
        if self._long >= _MAX_LONG:
            return None
        self._long += 1
        try:
            async with self._long_turn:
                return await self.run(query)
        finally:
            self._long -= 1

    def _run(self, query: Callable[[sqlite3.Connection], T], is_left: threading.Event) -> T:
        try:
            return query(self._connection(is_left))
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise HistoryUnavailable(
                    problem("history_slow", limit_seconds=_MAX_QUERY_S)
                ) from None
            self._drop()
            raise HistoryUnavailable(
                problem("history_unreadable", reason=reason_of(error))
            ) from None
        except (OSError, sqlite3.Error) as error:
            self._drop()
            raise HistoryUnavailable(
                problem("history_unreadable", reason=reason_of(error))
            ) from None
        except (TypeError, OverflowError) as error:
            # SQLite keeps a text in a column of numbers, too.
            _log.exception("a value in the history has an unexpected type")
            raise HistoryUnavailable(problem("history_damaged", reason=reason_of(error))) from None

    def _connection(self, is_left: threading.Event) -> sqlite3.Connection:
        file = file_of(self._path)
        if file != getattr(self._local, "file", None):
            # It was replaced, so that this connection would read what nobody else has.
            self._drop()
        database: sqlite3.Connection | None = getattr(self._local, "database", None)
        if database is None:
            database = self._local.database = connect(self._path, readonly=True)
            self._local.file = file
            self._open.append(database)
        started = time.monotonic()
        database.set_progress_handler(
            lambda: is_left.is_set() or time.monotonic() - started > _MAX_QUERY_S, _STEPS
        )
        return database

    def _drop(self) -> None:
        """Close the connection of this thread; the next query opens another one."""
        database: Any = getattr(self._local, "database", None)
        self._local.database = None
        if database is not None:
            self._open.remove(database)
            with contextlib.suppress(sqlite3.Error):
                database.close()

    async def aclose(self) -> None:
        """End the threads, after the queries that run, and close their connections."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._executor.shutdown)
        for database in self._open:
            database.close()
        self._open.clear()
