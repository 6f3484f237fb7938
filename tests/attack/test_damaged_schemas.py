"""Databases in whose schema a name is not UTF-8 anymore, which SQLite repeats in its errors."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from fluxapi.archive.database import check_readable, connect
from fluxapi.archive.database import open_database as open_history
from fluxapi.errors import HistoryUnavailable, InstanceUnavailable
from fluxapi.instance.embedded import EmbeddedInstance
from fluxapi.webhooks.database import open_database as open_webhooks


def damage(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA writable_schema = ON")
    database.execute("UPDATE sqlite_master SET name = CAST(x'ff' AS TEXT), sql = 'CREATE'")
    database.commit()
    database.close()


async def test_damage_to_jobs_is_named_with_the_remedy(tmp_path: Path) -> None:
    instance = EmbeddedInstance(statedir=tmp_path)
    await instance.start()
    await instance.close()
    damage(tmp_path / "jobs.sqlite")
    with pytest.raises(InstanceUnavailable, match=r"is damaged \(its schema is damaged\)"):
        await EmbeddedInstance(statedir=tmp_path).start()


def test_damage_to_the_history_is_an_error_of_it(tmp_path: Path) -> None:
    connect(open_history(tmp_path)).close()
    damage(tmp_path / "history.db")
    for use in (open_history, check_readable):
        with pytest.raises(HistoryUnavailable, match="its schema is damaged"):
            use(tmp_path)


def test_damaged_webhooks_are_set_aside(tmp_path: Path) -> None:
    open_webhooks(tmp_path).close()
    damage(tmp_path / "webhooks.db")
    open_webhooks(tmp_path).close()
    assert (tmp_path / "webhooks.broken.db").exists()
