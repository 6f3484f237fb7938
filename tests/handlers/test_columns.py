"""The table of columns: what the first page shows of a job.

``frontend/test/columns.test.js`` tests the scripts with the same cases.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fluxapi.web import words
from fluxapi.web.columns import COLUMNS, FILTERS, Column, first_columns, text

from .conftest import Service

HTML = {"Accept": "text/html"}
ROOT = Path(__file__).parents[2]
CASES = json.loads((ROOT / "frontend/test/columns.json").read_text(encoding="utf-8"))
FIELDS = json.loads((ROOT / "schemas/job.json").read_text(encoding="utf-8"))["properties"]
RECORD, TEXTS = CASES["record"], CASES["texts"]
PLAIN = {"text": "physics", "number": 7}
"""The kinds whose columns show their field as it is, and a value."""
ENGLISH = words.load()["en"]


def test_every_column_has_a_case() -> None:
    keys = [column.key for column in COLUMNS if column.kind not in PLAIN]
    assert list(TEXTS) == keys, (
        "frontend/test/columns.json needs a text for each column of fluxapi/web/columns.json whose "
        "kind is not text or number, in the same order"
    )


@pytest.mark.parametrize(
    "column", [it for it in COLUMNS if it.kind in PLAIN], ids=lambda column: column.key
)
def test_a_plain_column_shows_its_field(column: Column) -> None:
    value = PLAIN[column.kind]
    assert text(ENGLISH, column, {column.field: value}) == str(value)
    assert text(ENGLISH, column, {}) == ""


def test_a_column_has_a_heading() -> None:
    keys = [column.title for column in COLUMNS]
    keys += [it.filter.label for it in COLUMNS if it.filter is not None and it.filter.label]
    missing = [key for key in keys if key not in ENGLISH.source]
    assert missing == [], "en.json lacks texts that fluxapi/web/columns.json names"


def test_no_two_columns_show_the_same() -> None:
    shown = [(column.kind, column.field) for column in COLUMNS if column.field]
    assert sorted(shown) == sorted(set(shown))


@pytest.mark.parametrize(
    "column", [it for it in COLUMNS if it.kind not in PLAIN], ids=lambda column: column.key
)
def test_a_column_has_a_text(column: Column) -> None:
    assert text(ENGLISH, column, RECORD) == TEXTS[column.key]
    assert isinstance(text(ENGLISH, column, {"state": "NEW"}), str)


@pytest.mark.parametrize("column", [it for it in COLUMNS if it.field], ids=lambda it: it.key)
def test_a_column_shows_a_field_of_the_record(column: Column) -> None:
    assert column.field in FIELDS, f"schemas/job.json has no property {column.field}"


@pytest.mark.parametrize("column", [it for it in COLUMNS if it.sparse], ids=lambda it: it.key)
def test_a_sparse_column_is_shown_if_a_job_has_a_value(column: Column) -> None:
    assert column not in first_columns([{}])
    assert column in first_columns([{}, {column.field: "physics"}])


async def test_the_first_page_has_the_columns_and_the_filters(service: Service) -> None:
    await service.submit(name="first")
    page = await (await service.client.get("/", headers=HTML)).text()
    shown = [column.key for column in first_columns([{}])]
    head, body = page.split("</thead>")
    assert re.findall(r'<th [^>]*data-key="(\w+)"', head) == shown
    assert re.findall(r'<td data-key="(\w+)"', body) == shown
    names = re.findall(r'<input name="(\w+)"', page)
    assert names == ["text", *FILTERS, "since", "until"]
