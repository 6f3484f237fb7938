"""The limits of the history: the oldest outputs and jobs are dropped, and space is given back."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluxapi.archive import upkeep
from fluxapi.archive.archive import Archive
from fluxapi.archive.database import FILE_NAME, connect, open_database
from fluxapi.archive.ended_job import Detail, EndedJob, facts_of, fold
from fluxapi.archive.limits import Limits
from fluxapi.archive.source import Source
from fluxapi.archive.statements import EndedOutput, write
from fluxapi.archive.stored_output import OutputState
from fluxapi.archive.upkeep import Upkeep
from fluxapi.model.eventlog import Resync
from tests.table.test_table import SENTINEL

from .stage import INFO, TIMEOUT, Records, Stage
from .test_recorder import ended

SOURCE = Source("one", "", INFO)
NOW = 1_000_000.0
NOISE = random.Random(0)  # noqa: S311 - it has to be the same each time


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    database = connect(open_database(tmp_path))
    yield database
    database.close()


def job(number: int, nodelist: str = "node0", record: bytes = b"{}") -> EndedJob:
    """Return job *number*, which has ended as many seconds after the first."""
    facts = list(facts_of(fold(number << 24, Detail(b""))))
    facts[0:4] = [number + 1.0] * 4
    facts[6], facts[9] = f"name{number}", nodelist
    return EndedJob(number << 24, tuple(facts), record, Detail(b"", b"{}"))


def noise(size: int) -> bytes:
    return NOISE.randbytes(size)


def apply(database: sqlite3.Connection, now: float = NOW, **limits: float) -> Upkeep:
    kept = Upkeep(Limits(**limits))  # type: ignore[arg-type]
    while kept.step(database, now, now):
        pass
    return kept


def numbers(database: sqlite3.Connection) -> list[int]:
    return [row[0] >> 24 for row in database.execute("SELECT id FROM jobs ORDER BY id")]


def test_the_oldest_outputs_are_dropped_for_later_ones(database: sqlite3.Connection) -> None:
    write(database, [(SOURCE, job(n)) for n in range(8)], NOW)
    outputs = [EndedOutput(n << 24, OutputState.STORED, noise(1000)) for n in range(8)]
    write(database, [(SOURCE, output) for output in outputs], NOW)
    kept = apply(database, max_output=3500)
    states = [row[0] for row in database.execute("SELECT output FROM jobs ORDER BY id")]
    assert states == [OutputState.DROPPED] * 5 + [OutputState.STORED] * 3
    assert kept.outputs_dropped == 5
    sizes = database.execute("SELECT sum(length(data)) FROM outputs").fetchone()
    assert sizes == (3000,)
    assert database.execute("SELECT value FROM meta WHERE name = 'output_bytes'").fetchone() == (
        3000,
    )


def test_jobs_are_dropped_by_age_with_all_that_belongs_to_them(
    database: sqlite3.Connection,
) -> None:
    write(database, [(SOURCE, job(n, f"node{n % 3}")) for n in range(5)], NOW)
    write(database, [(SOURCE, job(6, "node2"))], NOW)
    outputs = [EndedOutput(n << 24, OutputState.STORED, b"some") for n in (0, 6)]
    write(database, [(SOURCE, output) for output in outputs], NOW)
    kept = apply(database, now=16.0, max_age=12.0)
    assert numbers(database) == [3, 4, 6]
    assert kept.jobs_dropped == 3
    for table in ("details", "words"):
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (3,)  # noqa: S608
    found = database.execute("SELECT name FROM words WHERE words MATCH 'name0'").fetchall()
    assert found == []
    hosts = database.execute("SELECT hosts FROM nodelists ORDER BY hosts").fetchall()
    assert hosts == [("node0",), ("node1",), ("node2",)]
    apply(database, now=18.5, max_age=12.0)
    assert numbers(database) == [6]
    assert database.execute("SELECT hosts FROM nodelists").fetchall() == [("node2",)]
    assert database.execute("SELECT value FROM meta WHERE name = 'output_bytes'").fetchone() == (4,)


def test_jobs_are_dropped_by_number_in_batches(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_MAX_JOBS", 3)
    write(database, [(SOURCE, job(n)) for n in range(20)], NOW)
    kept = Upkeep(Limits(max_jobs=12))
    assert kept.step(database, NOW, NOW)
    assert numbers(database) == list(range(3, 20))
    while kept.step(database, NOW, NOW):
        pass
    assert numbers(database) == list(range(8, 20))


def test_space_is_given_back(database: sqlite3.Connection, tmp_path: Path) -> None:
    write(database, [(SOURCE, job(n, record=noise(20_000))) for n in range(400)], NOW)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert (tmp_path / FILE_NAME).stat().st_size > 8_000_000
    apply(database, max_bytes=4_000_000)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert (tmp_path / FILE_NAME).stat().st_size < 4_000_000 + (3 << 20)
    assert numbers(database)
    assert numbers(database)[-1] == 399


async def test_a_dropped_job_is_not_read_again_while_flux_has_it(tmp_path: Path) -> None:
    database = connect(open_database(tmp_path))
    write(database, [(SOURCE, job(1))], NOW)
    apply(database, max_jobs=0)
    database.close()
    archive = Archive(tmp_path)
    await archive.open()
    records = Records()
    records.texts[1, "eventlog"] = "{}\n"
    stage = await Stage.open(archive, records)
    # These end at 2.0 as well.
    stage.feed([Resync(), *ended(1), SENTINEL])
    await stage.settle()
    assert await stage.records_of() == {}
    assert records.read == []
    await stage.aclose()
    await archive.close(lambda: TIMEOUT)


def test_a_wrong_clock_keeps_no_later_job_out(database: sqlite3.Connection) -> None:
    far = job(1)
    far = EndedJob(far.id, (*far.facts[:3], 1e300, *far.facts[4:]), far.record, far.detail)
    write(database, [(SOURCE, far)], NOW)
    assert apply(database, max_jobs=0).horizon <= NOW
