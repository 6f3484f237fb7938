"""Writes output to files: collected on the event loop, written in batches by a thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Executor
from pathlib import Path

from fluxapi.errors import InstanceUnavailable
from fluxapi.model.output import Last, OutputBatch
from fluxapi.process.background import Worker
from fluxapi.process.private_files import open_regular, own_folder

from .label_spool import LabelSpool
from .log_reader import LogReader
from .output import MAX_INLINE_BYTES, OutputLog

__all__ = ["HIGH_WATER_BYTES", "Spool"]

_log = logging.getLogger(__name__)

HIGH_WATER_BYTES = 1 << 20
"""With more bytes in memory, a job's pipes are not read until the file has caught up."""


class Spool:
    """A writer of logs in ``executor``'s thread; ``labels`` writes labeled output files."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        # It starts its thread now: jobs may have all threads of the user later.
        executor.submit(os.getpid)
        self._logs: dict[OutputLog, Callable[[], None] | None] = {}
        self.labels = LabelSpool()
        self._worker = Worker("output writer", self._run)
        self._batch: asyncio.Future[None] | None = None

    def log(self, log: OutputLog, written: Callable[[], None] | None = None) -> None:
        """Write a log that has grown; *written* is called when its file has caught up."""
        if log.size > MAX_INLINE_BYTES and log.unflushed and log.failure is None:
            self._logs[log] = written or self._logs.get(log)
            self._worker.start()

    async def settle(self, timeout: float | None = None) -> None:
        """Wait until all earlier data is written, that of labeled files *timeout* seconds."""
        await self.labels.settle(timeout)
        while self._worker.is_running:
            await self._worker.ended()

    async def flushed(self, logs: Iterable[OutputLog]) -> None:
        """Wait until these logs, which have ended, are written to their files."""
        for log in logs:
            while log.size > MAX_INLINE_BYTES and log.unflushed and log.failure is None:
                self.log(log)
                if self._batch is None:
                    self._batch = asyncio.get_running_loop().create_future()
                await self._batch

    async def read(
        self, log: OutputLog, *, follow: bool, first: int, last: Last | None
    ) -> AsyncIterator[OutputBatch]:
        """Yield the entries of ``log``; see :class:`~fluxapi.instance.protocol.Instance`."""
        reader = LogReader(log, self._load)
        if last is None:
            await reader.begin(first)
        else:
            async with contextlib.aclosing(reader.tail(last)) as batches:
                async for batch in batches:
                    yield batch
            if not follow:
                return
        caught_up = False
        while True:
            while (piece := await reader.piece()) is not None:
                yield piece
                await asyncio.sleep(0)
            # A crash, or the job, may have left an incomplete entry at the end of the file.
            if not follow or log.ended or reader.offset < log.size:
                return
            if not caught_up:
                caught_up = True
                yield OutputBatch(reader.next, [])
            await log.grown(reader.offset)

    async def _load(self, log: OutputLog, offset: int, size: int) -> bytes:
        try:
            reading = asyncio.get_running_loop().run_in_executor(
                self._executor, _read, log.path, offset, min(size, log.flushed - offset)
            )
        except RuntimeError:
            # The thread has ended, and the reader continues while the instance ends.
            raise InstanceUnavailable("The embedded instance has ended.") from None
        return await reading

    async def remove(self, paths: Iterable[Path]) -> None:
        """Delete the files that exist."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, _remove, list(paths))

    async def _run(self) -> None:
        while self._logs:
            logs, self._logs = self._logs, {}
            try:
                await self._write(logs)
            except Exception as error:
                # It is not known what the files hold, so nothing more is appended to them.
                for log in logs:
                    log.failure = log.failure or str(error)
                raise
            finally:
                for written in logs.values():
                    if written is not None:
                        written()
                if self._batch is not None:
                    batch, self._batch = self._batch, None
                    batch.set_result(None)

    async def _write(self, logs: Iterable[OutputLog]) -> None:
        loop = asyncio.get_running_loop()
        batch = [(log, log.path, log.take()) for log in logs]
        failures = await loop.run_in_executor(self._executor, _append, batch)
        for log, path, data in batch:
            if path in failures:
                log.failure = failures[path]
            else:
                log.put(len(data))


def _append(batch: list[tuple[OutputLog, Path, bytes]]) -> dict[Path, str]:
    """Append each piece to its file; return the errors by path."""
    failures = {}
    for _, path, data in batch:
        try:
            _append_one(path, data)
        except OSError as error:  # noqa: PERF203 - one job's file is no other's
            _log.error("output is lost: %s: %s", path, error.strerror)
            failures[path] = str(error.strerror)
    return failures


def _append_one(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    try:
        fd = open_regular(path, flags)
    except FileNotFoundError:
        own_folder(path.parent)
        fd = open_regular(path, flags)
    with os.fdopen(fd, "ab") as file:
        file.write(data)


def _read(path: Path, offset: int, size: int) -> bytes:
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError:
        return b""


def _remove(paths: list[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:  # noqa: PERF203 - one file is no other's
            _log.error("output is not removed: %s: %s", path, error.strerror)
