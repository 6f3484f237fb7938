"""The columns of the table of jobs.

``columns.json`` describes each of them once: the first page, the scripts and the style sheet of the
table are made from it.

A column has these members:

- ``key``: its name in the address of a view and in the settings of a reader.
- ``title``: the key of its heading.
- ``width``: its width on a first visit, in pixels.
- ``kind``: how its text is made; ``text``, ``number``, ``limit`` (a duration) and ``moment`` show
  the ``field`` of the record; ``hosts`` names each host of it once; ``name`` adds the number of a
  job of many; ``id``, ``status``, ``group``, ``runtime`` and ``note`` are special.
- ``hidden``: it is shown only if a reader chooses it.
- ``sparse``: it is shown only if a job has a value for it.
- ``grows``: it grows with the window.
- ``fills``: it takes the width that no other column needs.
- ``gives_way``: where the window is too narrow for the columns of a first visit, they are left out
  in the order of this number.
- ``soft``: its text is less prominent.
- ``found``: the field "Find" searches it.
- ``filter``: the field that filters by it, with the name of its query parameter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from fluxapi.model.humanize import lasted, note, utc

from .granted_nodes import tell_hosts
from .visible import SHORT, visible
from .words import Words

__all__ = ["COLUMNS", "FILTERS", "Column", "Filter", "first_columns", "found", "text"]


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The field that filters by a column."""

    name: str
    match: Literal["whole", "part", "host", "group"]
    max: int
    label: str = ""


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column of the table of jobs."""

    key: str
    title: str
    width: int
    kind: Literal[
        "name",
        "text",
        "hosts",
        "group",
        "number",
        "limit",
        "moment",
        "id",
        "status",
        "runtime",
        "note",
    ]
    field: str = ""
    hidden: bool = False
    sparse: bool = False
    grows: bool = False
    fills: bool = False
    soft: bool = False
    found: bool = False
    gives_way: int = 0
    filter: Filter | None = None

    @property
    def classes(self) -> str:
        """Return the style classes of a cell, as ``frontend/src/table/columns.js`` does."""
        numeric = self.kind in {"number", "limit", "runtime"}
        names = ("numeric" * numeric, "moment" * (self.kind == "moment"), "soft" * self.soft)
        return " ".join(filter(None, names))


COLUMNS: Sequence[Column] = msgspec.json.decode(
    Path(__file__).with_name("columns.json").read_bytes(), type=list[Column]
)

FILTERS: Mapping[str, Column] = {
    column.filter.name: column for column in COLUMNS if column.filter is not None
}
"""The columns that are filtered by, by the name of the query parameter."""


def found(words: Words) -> str:
    """Return the columns that the field "Find" searches, for people."""
    return ", ".join(words.text(column.title) for column in COLUMNS if column.found)


def first_columns(records: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Return the columns of a first visit."""
    return [
        column
        for column in COLUMNS
        if not column.hidden
        and (not column.sparse or any(record.get(column.field) for record in records))
    ]


def text(words: Words, column: Column, record: Mapping[str, Any]) -> str:
    """Return the text of a column for one job."""
    if column.kind == "runtime":
        return lasted(record, words.text)
    if column.kind == "note":
        return visible(note(record, words.text), SHORT)
    value = record.get(column.field)
    if column.kind == "name" and record.get("cc"):
        value = words.text("columns.numbered", name=value or "", number=record["cc"])
    if column.kind == "group":
        value = record.get("group_name") or value
    if column.kind == "limit":
        return words.duration(value) if value else words.text("columns.no_limit")
    if value is None:
        return ""
    if column.kind == "hosts":
        return visible(tell_hosts(value, words), SHORT)
    return utc(value) if column.kind == "moment" else visible(value, SHORT)
