"""Values of any type in the database of webhooks: a bad row costs no other delivery its place."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fluxapi.notices.notice import Notice
from fluxapi.webhooks.database import FILE_NAME
from fluxapi.webhooks.port import FOREVER, Changeset, NewDelivery
from fluxapi.webhooks.store import SqliteStore
from fluxapi.webhooks.webhook import Webhook

HOOK = "0123456789"
VALUES: list[Any] = ["x", b"\xff", 1.5, 2**63 - 1, 9e999]
COLUMNS = {
    "deliveries": ("webhook", "lane", "notice", "body", "created", "attempts", "due"),
    "taken": ("webhook", "key", "upto", "at"),
    "meta": ("value",),
    "webhooks": ("state",),
}
KEYS = {"deliveries": "seq", "taken": "key", "meta": "key", "webhooks": "id"}


def notice(number: int) -> Notice:
    return Notice(f"n{number}", "type", "source", f"f{number}", 1.0, {})


async def fill(folder: Path) -> None:
    store = SqliteStore(folder)
    await store.open()
    await store.begin("an instance")
    webhook = Webhook(id=HOOK, name="w", url="https://example.org", secrets=["s"], created=1.0)
    other = Webhook(id=HOOK[::-1], name="o", url="https://example.org", secrets=["s"], created=1.0)
    added = [
        NewDelivery(HOOK, f"f{number}", f"f{number}", 3, FOREVER if number == 2 else 1.0, it)
        for number, it in enumerate(map(notice, range(3)))
    ]
    hooks = {webhook.id: webhook, other.id: other}
    await store.commit(Changeset(added=added, webhooks=hooks, cursor=7.0))
    await store.close()


def damage(folder: Path, table: str, column: str, value: Any) -> None:
    """Put a value into the first row of a table."""
    key = KEYS[table]
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as database:
        first = f"SELECT min({key}) FROM {table}"  # noqa: S608 - constants
        change = f"UPDATE {table} SET {column} = ? WHERE {key} = ({first})"  # noqa: S608
        database.execute(change, (value,))


@pytest.mark.slow
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table in COLUMNS for column in COLUMNS[table]]
)
async def test_a_bad_value_costs_no_other_row_its_place(
    tmp_path: Path, table: str, column: str, value: Any
) -> None:
    await fill(tmp_path)
    damage(tmp_path, table, column, value)
    store = SqliteStore(tmp_path)
    found = await store.open()
    others = {item.notice for item in found.pending} - {"n0"}
    assert others >= {"n1", "n2"}
    assert all(max(item.due, item.created) < 1e11 for item in found.pending)
    assert {webhook.name for webhook in found.webhooks} >= {"o"}
    assert found.taken[HOOK, "f1"] == 3
    assert found.states[HOOK] == {"f2"}
    assert found.cursor in {7.0, None, 1.5}
    assert all(isinstance(upto, int) for upto in found.taken.values())
    bodies = await store.bodies([item.seq for item in found.pending])
    assert all(isinstance(body, bytes) for body in bodies.values())
    assert len(bodies) >= 2
    await store.close()
