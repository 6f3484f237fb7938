"""The export of stored jobs as Parquet, which needs pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from fluxapi.errors import NotSupported

from .export import COLUMNS, values_of
from .query import ArchivedJob

__all__ = ["ParquetExport"]

_GROUP_ROWS = 32_768
"""Rows of one group: ten megabytes until they are written, so few exports are made at once."""

_GROUP_BYTES = 16 << 20
"""Bytes of one group: jobs with long notes and directories would make it fifty times as large."""

_MICROSECONDS = 1_000_000
_MAX_INTEGER = 2**63 - 1
"""The highest number of Arrow's types for integers and times."""


class ParquetExport:
    """The columns as Parquet, times as timestamps in UTC.

    Raises:
        NotSupported: pyarrow is not installed.
    """

    media_type = "application/vnd.apache.parquet"
    suffix = "parquet"

    def __init__(self) -> None:
        try:
            # It is optional, and takes long to load.
            arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ImportError:
            raise NotSupported(
                "The service lacks pyarrow, which writes Parquet: pip install 'fluxapi[parquet]', "
                "or ask for csv or ndjson."
            ) from None
        # The pool of Arrow keeps what it once had, also after the last export.
        arrow.set_memory_pool(arrow.system_memory_pool())
        self._arrow = arrow
        types = {
            "text": arrow.string(),
            "integer": arrow.int64(),
            "number": arrow.float64(),
            "time": arrow.timestamp("us", tz="UTC"),
        }
        self._schema = arrow.schema([(column.name, types[column.kind]) for column in COLUMNS])
        self._sink = _Sink()
        self._writer = parquet.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._batches: list[Any] = []
        self._rows = self._bytes = 0

    def begin(self) -> bytes:
        """Return the first bytes."""
        return self._sink.take()

    def add(self, jobs: Sequence[ArchivedJob]) -> bytes:
        """Return the groups of rows that more jobs complete."""
        batch = self._batch(jobs)
        self._batches.append(batch)
        self._rows += len(jobs)
        self._bytes += batch.nbytes
        is_complete = self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES
        return self._write() if is_complete else b""

    def end(self) -> bytes:
        """Return the last group of rows, and the metadata."""
        last = self._write() if self._rows else b""
        self._writer.close()
        return last + self._sink.take()

    def _batch(self, jobs: Sequence[ArchivedJob]) -> Any:
        columns = zip(*[values_of(job) for job in jobs], strict=True)
        arrays = [
            self._arrow.array(_fitting(column.kind, values), type=field.type)
            for column, field, values in zip(COLUMNS, self._schema, columns, strict=True)
        ]
        return self._arrow.record_batch(arrays, schema=self._schema)

    def _write(self) -> bytes:
        table = self._arrow.Table.from_batches(self._batches, self._schema)
        self._batches, self._rows, self._bytes = [], 0, 0
        self._writer.write_table(table, row_group_size=len(table))
        return self._sink.take()


def _fitting(kind: str, values: Sequence[Any]) -> Sequence[Any]:
    """Return values as Arrow takes them; a number that its type cannot hold is ``None``.

    A damaged row, or a nested instance, may have any number in any place.
    """
    if kind == "time":
        return [
            round(value * _MICROSECONDS)
            if value is not None and abs(value) < _MAX_INTEGER / _MICROSECONDS
            else None
            for value in values
        ]
    if kind == "integer":
        return [
            value if value is not None and abs(value) <= _MAX_INTEGER else None for value in values
        ]
    return values


class _Sink:
    """A file that can only be written; what was written is taken from it piece by piece."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data
