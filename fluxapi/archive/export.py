"""The formats of an export: stored jobs as NDJSON or CSV, and the columns of a table of jobs.

:data:`COLUMNS` is the only place that names the columns; ``export_parquet.py`` uses it, too.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from .query import ArchivedJob

__all__ = ["COLUMNS", "Column", "CsvExport", "Export", "JsonExport", "values_of"]

Kind = Literal["text", "integer", "number", "time"]


class Column(NamedTuple):
    """One column: its name, the kind of its values, and the member of the record with them."""

    name: str
    kind: Kind
    member: str


def _same(kind: Kind, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind, name) for name in names)


COLUMNS: tuple[Column, ...] = (
    Column("id", "text", "id"),
    Column("instance", "text", "history.instance"),
    Column("instance_path", "text", "history.path"),
    *_same("text", "name", "username"),
    Column("userid", "integer", "userid"),
    *_same("text", "queue", "bank", "project", "group", "group_name", "cc", "cwd", "result"),
    *_same("integer", "returncode", "waitstatus"),
    Column("exception_type", "text", "exception.type"),
    Column("exception_note", "text", "exception.note"),
    *_same("integer", "urgency", "priority", "nnodes", "ncores", "ntasks"),
    *_same("text", "nodelist", "ranks"),
    *_same("time", "t_submit", "t_depend", "t_priority", "t_sched", "t_run", "t_cleanup"),
    *_same("time", "t_inactive", "expiration"),
    *_same("number", "runtime", "duration"),
    Column("t_purged", "time", "history.purged"),
)
"""The columns of CSV and Parquet, in their order."""

_TYPES: dict[Kind, Any] = {"text": str, "integer": int, "number": float, "time": float}
_BLANKS = " \xa0\u2000-\u200f\u2028-\u202f\u2060-\u2069\u3000\ufeff"
_FORMULA = re.compile(f"(\\A|[;\t\r\n])([{_BLANKS}]*[=+\\-@\uff1d\uff0b\uff0d\uff20])")
"""A text, or a part that a spreadsheet may take for a cell, that it would take for a formula.

Some programs remove blanks before it, and characters that have no width.
"""

_CONTROLS = ("\t", "\r", "\n")


def _record_type() -> type[msgspec.Struct]:
    """Return a type that decodes the members of a record that the columns show."""
    groups: dict[str, list[tuple[str, Any, Any]]] = {}
    for column in COLUMNS:
        group, _, member = column.member.rpartition(".")
        groups.setdefault(group, []).append((member, _TYPES[column.kind] | None, None))
    fields = groups.pop("")
    for group, members in groups.items():
        inner = msgspec.defstruct(group, members)
        fields.append((group, inner, msgspec.field(default_factory=inner)))
    return msgspec.defstruct("record", fields)


_decoder = msgspec.json.Decoder(_record_type())
_values = attrgetter(*(column.member for column in COLUMNS))


def values_of(job: ArchivedJob) -> tuple[Any, ...]:
    """Return the values of the columns; ``None`` is not set.

    Raises:
        ValueError: The record is damaged.
    """
    found: tuple[Any, ...] = _values(_decoder.decode(job.record))
    return found


class Export(Protocol):
    """A format that an export is written in.

    Attributes:
        media_type: The type of the whole.
        suffix: The end of the name of its file.
    """

    media_type: str
    suffix: str

    def begin(self) -> bytes:
        """Return the first bytes."""

    def add(self, jobs: Sequence[ArchivedJob]) -> bytes:
        """Return the bytes that more jobs complete."""

    def end(self) -> bytes:
        """Return the last bytes."""


class JsonExport:
    """The whole record of each job as a line of JSON."""

    media_type = "application/x-ndjson"
    suffix = "ndjson"

    def begin(self) -> bytes:
        """Return the first bytes."""
        return b""

    def add(self, jobs: Sequence[ArchivedJob]) -> bytes:
        """Return the lines of more jobs."""
        return b"".join([job.record + b"\n" for job in jobs])

    def end(self) -> bytes:
        """Return the last bytes."""
        return b""


class CsvExport:
    """The columns as CSV (RFC 4180) with a header, times in UTC as ISO 8601 has them.

    A spreadsheet takes a cell that begins with ``=`` and some other characters for a formula, which
    may send data away, and everybody who submits a job can name it so. Such texts begin with ``'``.
    """

    media_type = "text/csv"
    suffix = "csv"

    def begin(self) -> bytes:
        """Return the header."""
        return self._lines([[column.name for column in COLUMNS]])

    def add(self, jobs: Sequence[ArchivedJob]) -> bytes:
        """Return the lines of more jobs."""
        return self._lines([_row(values_of(job)) for job in jobs])

    def end(self) -> bytes:
        """Return the last bytes."""
        return b""

    @staticmethod
    def _lines(rows: Sequence[Sequence[object]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        return text.getvalue().encode()


_TIMES = tuple(place for place, column in enumerate(COLUMNS) if column.kind == "time")


def _row(values: Sequence[Any]) -> list[object]:
    cells = [_cell(value) for value in values]
    for place in _TIMES:
        if values[place] is not None:
            cells[place] = _moment(values[place])
    return cells


def _moment(seconds: float) -> str:
    """Return a time as spreadsheets and data frames read it; empty if no calendar has it."""
    try:
        moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    except (OverflowError, ValueError, OSError):
        # A damaged row, or a nested instance, may have any number in any place.
        return ""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


_MAX_SHARED_CHARS = 256
"""Length of a text whose harmless form is kept for the next row; notes may have thousands."""


def _cell(value: object) -> object:
    if type(value) is not str or not value:
        return value
    return _shared_harmless(value) if len(value) <= _MAX_SHARED_CHARS else _harmless(value)


def _harmless(value: str) -> str:
    """Return a text that no spreadsheet takes for a formula; most texts of jobs repeat."""
    if value.startswith(_CONTROLS):
        value = f"'{value}"
    return _FORMULA.sub(r"\1'\2", value)


_shared_harmless = lru_cache(maxsize=4096)(_harmless)
