"""Job IDs of the embedded instance."""

from __future__ import annotations

import sqlite3

import pytest

from fluxapi.instance.embedded import ids


def test_a_clock_that_is_decades_ahead_gives_ids_that_can_be_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # One ID above 63 bits would keep all later jobs from being stored.
    now = 1_800_000_000.0
    source = ids.IdSource(now)
    monkeypatch.setattr("time.time", lambda: now + 1.0)
    made = [source.next()]
    for ahead in (80 * 365.25 * 86_400, 8_000 * 365.25 * 86_400, 2.0):
        monkeypatch.setattr("time.time", lambda ahead=ahead: now + ahead)
        made.append(source.next())
    assert made == sorted(set(made))
    database = sqlite3.connect(":memory:")
    assert database.execute("SELECT ?", (made[2],)).fetchone() == (made[2],)
    assert made[-1] == 2_000 << 24, "the IDs follow the clock again once it is right"
    database.close()
