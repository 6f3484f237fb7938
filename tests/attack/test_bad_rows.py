"""Rows of the state database that no release wrote: no other job is lost, and no start fails."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest

from fluxapi.errors import InstanceUnavailable, JobNotFound
from fluxapi.instance.embedded import EmbeddedInstance
from tests.instance.embedded.conftest import Starter, start
from tests.instance.embedded.harness import Site, shell, spec

__all__ = ["start"]

DAMAGE = [
    "jobspec = x'00ff'",
    "jobspec = '{}'",
    "jobspec = '[]'",
    "jobspec = 7",
    "eventlog = x'ff'",
    "eventlog = ''",
    "eventlog = '{}'",
    """eventlog = '{"timestamp":1.0,"name":"submit"}'""",
    """eventlog = '{"timestamp":1.0,"name":"submit","context":{"urgency":"x"}}'""",
    """jobspec = CAST(replace(jobspec, 'echo', x'c3') AS BLOB)""",
    """jobspec = substr(jobspec, 1, length(jobspec) - 1) || ',"x":1e999}'""",
    """eventlog = CAST(replace(eventlog, '"submit"', '"submit","x":"' || x'ff' || '"') AS BLOB)""",
    "R = '7'",
    """R = '{"version":1e999}'""",
    "R = CAST(x'ff' AS TEXT)",
    "output = 1.5",
    "output = 0",
    "output_size = -1",
    "output_size = 'x'",
]


def change(folder: Path, statement: str, *values: object) -> None:
    database = sqlite3.connect(folder / "jobs.sqlite", isolation_level=None)
    database.execute(statement, values)
    database.close()


class Kept(NamedTuple):
    """A state directory, and two jobs that ended in it."""

    folder: Path
    bad: int
    good: int


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("kept")

    async def run_jobs() -> Kept:
        instance = EmbeddedInstance(statedir=folder, cores=4)
        await instance.start()
        site = Site(instance)
        bad, good = await site.run(shell("echo bad")), await site.run(shell("echo good"))
        await site.close()
        return Kept(folder, bad, good)

    return asyncio.run(run_jobs())


@pytest.mark.slow
@pytest.mark.parametrize("active", [0, 1])
@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_bad_row_costs_no_other_job_its_row(
    start: Starter,
    kept: Kept,
    tmp_path: Path,
    *,
    damage: str,
    active: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, bad, good = kept
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    change(tmp_path, f"UPDATE jobs SET active = ?, {damage} WHERE id = ?", active, bad)  # noqa: S608

    second = await start(statedir=tmp_path)
    assert [message.id for message in second.journal.backlog] == [good]
    assert await second.text(good) == "good\n"
    with pytest.raises(JobNotFound):
        await second.instance.lookup(bad, "eventlog")
    assert await second.run(spec("true")) > good
    words = "of the state directory cannot be read", "is not resumed"
    assert any(f"job {bad} {word}" in caplog.text for word in words)


@pytest.mark.parametrize("jobid", [-1, 0, 2**63 - 1])
async def test_a_number_that_is_no_job_id_stops_nothing(
    start: Starter, tmp_path: Path, jobid: int
) -> None:
    first = await start(statedir=tmp_path)
    bad, good = await first.run(spec("true")), await first.run(spec("true"))
    await first.close()
    change(tmp_path, "UPDATE jobs SET id = ? WHERE id = ?", jobid, bad)
    second = await start(statedir=tmp_path)
    assert [message.id for message in second.journal.backlog] == [good]
    assert await second.run(spec("true")) > good


async def test_a_dependency_that_cannot_be_read_stops_no_start(
    start: Starter,
    tmp_path: Path,
) -> None:
    first = await start(statedir=tmp_path)
    waiting = await first.submit(
        spec("true", dependencies=[{"scheme": "begin-time", "value": "99999999999"}])
    )
    await first.journal.wait(waiting, "dependency-add")
    good = await first.run(spec("true"))
    await first.close()
    change(
        tmp_path,
        "UPDATE jobs SET jobspec = replace(CAST(jobspec AS TEXT), 'begin-time', 'no-such-one') "
        "WHERE id = ?",
        waiting,
    )
    second = await start(statedir=tmp_path)
    assert good in [message.id for message in second.journal.backlog]


async def test_a_column_that_is_not_ours_stops_no_start(start: Starter, tmp_path: Path) -> None:
    first = await start(statedir=tmp_path)
    old = await first.run(spec("true"))
    await first.close()
    change(tmp_path, "ALTER TABLE jobs ADD COLUMN other")
    second = await start(statedir=tmp_path)
    assert [message.id for message in second.journal.backlog] == [old]
    assert await second.run(spec("true")) > old


async def test_a_file_that_is_damaged_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"no database " * 1000)
    with pytest.raises(InstanceUnavailable, match=r"jobs\.sqlite is damaged .* move it away"):
        await EmbeddedInstance(statedir=tmp_path).start()


@pytest.mark.parametrize(
    "damage",
    [
        "value = 'x' WHERE name = 'secret'",
        "value = '' WHERE name = 'secret'",
        "value = 9e999 WHERE name = 'epoch'",
        "value = 1e300 WHERE name = 'epoch'",
        "value = 0 WHERE name = 'epoch'",
    ],
)
async def test_facts_that_cannot_be_read_are_one_sentence(tmp_path: Path, damage: str) -> None:
    instance = EmbeddedInstance(statedir=tmp_path)
    await instance.start()
    await instance.close()
    change(tmp_path, f"UPDATE meta SET {damage}")  # noqa: S608
    with pytest.raises(InstanceUnavailable, match="is damaged"):
        await EmbeddedInstance(statedir=tmp_path).start()
