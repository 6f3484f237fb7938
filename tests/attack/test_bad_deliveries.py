"""Values of any type in the database of webhooks: a bad row costs no other delivery its place."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
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
LARGEST = 2**63 - 1
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


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("attempts", LARGEST),
        ("attempts", -1),
        ("created", -9e999),
        ("due", -9e999),
        ("notice", "n\r\nAuthorization: x"),
        ("notice", "n" * 5000),
        ("body", bytes(2 << 20)),
    ],
)
async def test_a_delivery_that_no_service_has_stored_is_not_sent(
    tmp_path: Path, column: str, value: Any
) -> None:
    await fill(tmp_path)
    damage(tmp_path, "deliveries", column, value)
    store = SqliteStore(tmp_path)
    found = await store.open()
    await store.close()
    assert [item.notice for item in found.pending] == ["n1", "n2"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE deliveries SET seq = ? WHERE seq = 1",
        "UPDATE sqlite_sequence SET seq = ?",
    ],
)
async def test_a_number_that_is_the_largest_keeps_no_delivery_out(
    tmp_path: Path, change: str
) -> None:
    await fill(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as database:
        database.execute(change, (LARGEST,))
    store = SqliteStore(tmp_path)
    found = await store.open()
    assert {"n1", "n2"} <= {item.notice for item in found.pending}
    assert len(found.webhooks) == 2
    new = NewDelivery(HOOK, "f9", "f9", 1, 1.0, notice(9))
    added, _ = await store.commit(Changeset(added=[new]))
    await store.close()
    assert [item.notice for item in added] == ["n9"]


@pytest.mark.parametrize("column", ["notice", "type", "subject", "reason"])
async def test_long_texts_of_a_dead_letter_are_cut(tmp_path: Path, column: str) -> None:
    await fill(tmp_path)
    store = SqliteStore(tmp_path)
    await store.open()
    await store.commit(Changeset(dead=[(seq, 1, "reason") for seq in (1, 2)]))
    await store.close()
    damage(tmp_path, "deliveries", column, "x" * 1_000_000)
    await check_letters(tmp_path, 2)
    damage(tmp_path, "deliveries", column, bytes(1_000_000))
    await check_letters(tmp_path, 1)


@pytest.mark.parametrize("column", ["created", "dead", "attempts"])
@pytest.mark.parametrize("value", ["x", b"x", 9e999, -9e999, -1])
async def test_a_dead_letter_that_no_service_has_stored_is_not_shown(
    tmp_path: Path, column: str, value: Any
) -> None:
    await fill(tmp_path)
    store = SqliteStore(tmp_path)
    await store.open()
    await store.commit(Changeset(dead=[(seq, 1, "reason") for seq in (1, 2)]))
    await store.close()
    damage(tmp_path, "deliveries", column, value)
    await check_letters(tmp_path, 1)


async def check_letters(folder: Path, count: int) -> None:
    store = SqliteStore(folder)
    await store.open()
    letters = await store.dead(HOOK, 10, None)
    await store.close()
    assert len(letters) == count
    assert len(str(letters)) < 100_000


@pytest.mark.parametrize("count", ["-1", f"{2**64}", "9" * 4300])
def test_a_count_that_no_service_has_stored_is_damage(count: str) -> None:
    state = (
        '{"id": "0123456789", "name": "w", "url": "https://example.org", "secrets": ["s"], '
        f'"created": 1.0, "failed": {count}}}'
    )
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(state, type=Webhook)
