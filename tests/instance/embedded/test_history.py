"""The content of a state directory."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from fluxapi.errors import FluxRefused, InstanceUnavailable, JobNotFound
from fluxapi.instance.embedded import EmbeddedInstance, history, journal
from fluxapi.instance.embedded.job import Job
from fluxapi.instance.embedded.journal import Posted
from fluxapi.instance.embedded.launcher import Launched, Launcher, Plan
from fluxapi.instance.embedded.output import OutputLog
from fluxapi.instance.embedded.store import Row, Store
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import decode_eventlog
from fluxapi.process.timeslice import TimeSlice
from tests.attack.passes import Passes
from tests.waiting import ended, files_show

from .conftest import Starter
from .harness import Journal, Site, after, shell, spec
from .test_processes import SERVICE


async def test_finished_jobs_are_there_after_a_restart(start: Starter, tmp_path: Path) -> None:
    first = await start(statedir=tmp_path)
    small = await first.run(shell("echo small"))
    large = await first.run(shell("seq 1 5000"))
    failed = await first.run(spec("false"))
    before = [await first.instance.lookup(jobid, "eventlog") for jobid in (small, large, failed)]
    await first.close()

    second = await start(statedir=tmp_path)
    after_ = [await second.instance.lookup(jobid, "eventlog") for jobid in (small, large, failed)]
    assert after_ == before
    assert {message.id for message in second.journal.backlog} == {small, large, failed}
    assert await second.text(small) == "small\n"
    assert len((await second.text(large)).splitlines()) == 5000
    assert await second.instance.lookup(small, "R")


async def test_pending_jobs_go_on_after_a_restart(start: Starter, tmp_path: Path) -> None:
    first = await start(statedir=tmp_path)
    held = await first.submit(spec("true"), urgency=0)
    dependent = await first.submit(shell("echo late", dependencies=after("afterok", held)))
    await first.instance.set_urgency(dependent, 20)
    await first.close()

    second = await start(statedir=tmp_path)
    await second.instance.set_urgency(held, 16)
    await second.journal.wait(dependent)
    names = [e.name for e in decode_eventlog(await second.instance.lookup(held, "eventlog"))]
    assert names[3:7] == ["priority", "flux-restart", "priority", "urgency"]
    assert second.journal.context(dependent, "priority") == {"priority": 20}
    assert await second.text(dependent) == "late\n"


async def test_equal_jobspecs_are_kept_once(start: Starter, tmp_path: Path) -> None:
    first = await start(statedir=tmp_path)
    jobspec = spec(exec={"test": {"run_duration": "1ms"}})
    ended = [await first.run(bytes(bytearray(jobspec))) for _ in range(2)]
    held = await first.submit(bytes(bytearray(jobspec)), urgency=0)
    other = await first.submit(spec("true"), urgency=0)
    assert kept(first, *ended) is kept(first, held)
    await first.close()

    second = await start(statedir=tmp_path)
    assert kept(second, *ended) is kept(second, held)
    assert kept(second, other) == spec("true")


def kept(site: Site, *jobids: int) -> bytes:
    """Return the jobspec that all these jobs keep."""
    engine = site.instance._engine
    assert engine is not None
    jobs = [engine.inactive.get(jobid) or engine.active[jobid] for jobid in jobids]
    assert len({id(job.jobspec) for job in jobs}) == 1
    return jobs[0].jobspec


async def test_ids_grow_over_a_restart(start: Starter, tmp_path: Path) -> None:
    first = await start(statedir=tmp_path)
    old = await first.run(spec("true"))
    await first.close()
    second = await start(statedir=tmp_path)
    assert await second.run(spec("true")) > old


async def test_a_clock_that_is_set_after_the_first_start(
    start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as wrong:
        # A machine without a battery for its clock.
        wrong.setattr("time.time", lambda: 100.0)
        first = await start(statedir=tmp_path)
        old = await first.run(spec("true"))
        await first.close()
    second = await start(statedir=tmp_path)
    assert await second.run(spec("true")) > old


async def test_a_program_starts_after_its_allocation_is_stored(
    start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check that a job is not run again after the service was killed in between."""
    steps: list[str] = []
    save, launch = Store.save, Launcher.launch

    async def _save(self: Store, rows: Iterable[Row], gone: Iterable[int] = ()) -> None:
        kept = list(rows)
        await save(self, kept, gone)
        steps.extend("stored" for row in kept if b'"alloc"' in row.eventlog)

    def _launch(self: Launcher, plan: Plan, launched: Callable[[Plan, Launched], None]) -> None:
        steps.append("started")
        launch(self, plan, launched)

    monkeypatch.setattr(Store, "save", _save)
    monkeypatch.setattr(Launcher, "launch", _launch)
    site = await start(statedir=tmp_path)
    await site.run(spec("true"))
    assert steps[:2] == ["stored", "started"]


async def test_a_killed_service_leaves_no_job_unexplained(start: Starter, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    specs = [shell("echo done"), shell(f"echo begun; echo $$ >{pids}; sleep 600")]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SERVICE,
        "\n".join(jobspec.decode() for jobspec in specs),
        str(tmp_path / "state"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    # Both jobs start, and the first one ends: nothing is told that is not stored.
    lines = [await process.stdout.readline() for _ in range(3)]
    done, running = [int(line) for line in lines if not line.startswith(b"ended")]
    assert b"ended %d\n" % done in lines
    await files_show(tmp_path, lambda: pids.exists() and pids.read_text().endswith("\n"))
    process.kill()
    await process.wait()
    await ended(int(pids.read_text()))

    site = await start(statedir=tmp_path / "state")
    events = decode_eventlog(await site.instance.lookup(running, "eventlog"))
    names = [event.name for event in events]
    assert names[5:] == ["start", "exception", "finish", "release", "free", "clean"]
    exception = events[6].context
    assert exception is not None
    assert (exception["type"], exception["severity"]) == ("exec", 0)
    assert exception["note"] == "the service ended while the job ran"
    assert await site.text(done) == "done\n"


async def test_one_service_at_a_time(start: Starter, tmp_path: Path) -> None:
    await start(statedir=tmp_path)
    second = EmbeddedInstance(statedir=tmp_path)
    with pytest.raises(InstanceUnavailable, match="Another service uses the state directory"):
        await second.start()
    await second.close()


async def test_a_state_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    instance = EmbeddedInstance(statedir=tmp_path / "file" / "state")
    with pytest.raises(InstanceUnavailable, match="state directory"):
        await instance.start()


async def test_a_damaged_database_is_one_plain_sentence(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"this is not a database " * 100)
    instance = EmbeddedInstance(statedir=tmp_path)
    with pytest.raises(InstanceUnavailable, match="not a database"):
        await instance.start()


@pytest.mark.parametrize(
    "change",
    [
        """DROP TABLE jobs;
        CREATE VIEW jobs AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)
        SELECT id, 1 active, 1 changed, 1 jobspec, 1 eventlog, 1 R, 1 output, 1 output_size FROM n
        """,
        """ALTER TABLE jobs DROP COLUMN output;
        ALTER TABLE jobs ADD COLUMN output AS (zeroblob(400000000))""",
        """CREATE TRIGGER endless AFTER INSERT ON jobs BEGIN
        INSERT INTO meta WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT i, i FROM n; END""",
    ],
    ids=["view", "computed", "trigger"],
)
async def test_a_database_with_content_without_an_end_is_one_plain_sentence(
    start: Starter, tmp_path: Path, change: str
) -> None:
    site = await start(statedir=tmp_path)
    await site.run(spec("true"))
    await site.close()
    database = sqlite3.connect(tmp_path / "jobs.sqlite")
    database.executescript(change)
    database.close()
    with pytest.raises(InstanceUnavailable, match="another form"):
        await EmbeddedInstance(statedir=tmp_path).start()


async def test_purged_jobs_take_their_files_with_them(start: Starter, tmp_path: Path) -> None:
    first = await start(statedir=tmp_path, max_inactive=1)
    gone = await first.run(shell("seq 1 5000"))
    kept = await first.run(shell("seq 1 5000"))
    await first.journal.until(lambda: first.journal.purged == [gone])
    await first.close()
    assert [path.name for path in (tmp_path / "output").iterdir()] == [f"{kept}.jsonl"]
    second = await start(statedir=tmp_path)
    with pytest.raises(JobNotFound):
        await second.instance.lookup(gone, "eventlog")


async def test_the_end_of_a_purged_job_cannot_be_collected(start: Starter) -> None:
    site = await start(max_inactive=1)
    gone = await site.submit(spec("true"), waitable=True)
    await site.journal.wait(gone)
    await site.run(spec("true"))
    await site.journal.until(lambda: site.journal.purged == [gone])
    with pytest.raises(FluxRefused, match="not waitable"):
        await site.instance.collect(gone)


async def test_published_events_are_stored(start: Starter, tmp_path: Path) -> None:
    site = await start(statedir=tmp_path)
    jobid = await site.run(spec("true"))
    assert site.instance._parts is not None
    assert site.instance._parts.store is not None
    [row] = await site.instance._parts.store.load()
    assert (row.id, row.active) == (jobid, False)


async def test_a_second_stream_of_a_restored_instance(start: Starter, tmp_path: Path) -> None:
    first = await start(statedir=tmp_path)
    jobid = await first.run(spec("true"))
    await first.close()
    second = await start(statedir=tmp_path)
    more = Journal(second.instance)
    await more.live.wait()
    await more.close()
    assert [message.id for message in more.backlog] == [jobid]


async def test_a_begin_time_survives_a_restart(start: Starter, tmp_path: Path) -> None:
    first = await start(statedir=tmp_path)
    later = [{"scheme": "begin-time", "value": "4000000000"}]
    jobid = await first.submit(spec("true", dependencies=later))
    await first.close()
    second = await start(statedir=tmp_path)
    await second.instance.raise_exception(jobid, "cancel", 0)
    await second.journal.wait(jobid)
    assert second.journal.names(jobid) == [
        "submit",
        "dependency-add",
        "validate",
        "exception",
        "clean",
    ]


async def test_dependents_of_an_interrupted_job_fail_after_the_restart(
    start: Starter, tmp_path: Path
) -> None:
    first = await start(statedir=tmp_path)
    running = await first.submit(spec("sleep", "600"))
    await first.journal.wait(running, "start")
    dependent = await first.submit(spec("true", dependencies=after("afterok", running)))
    await first.close()
    second = await start(statedir=tmp_path)
    await second.journal.wait(dependent)
    assert second.journal.context(dependent, "exception")["type"] == "dependency"


async def test_jobs_that_gather_while_the_disk_is_slow_let_others_have_their_turn(
    start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await start(statedir=tmp_path)
    counted = Passes()
    row = history._row

    def _row(job: Job) -> Row:
        counted.note()
        return row(job)

    for module in (history, journal):
        monkeypatch.setattr(module, "TimeSlice", lambda: TimeSlice(0))
    monkeypatch.setattr(history, "_row", _row)
    publish = site.instance._running().journal.published
    published = Passes()

    def _publish(posted: Posted) -> None:
        published.note()
        publish(posted)

    monkeypatch.setattr(site.instance._running().journal, "published", _publish)
    ids = await site.instance.submit([Submission(spec("true"), urgency=0)] * 20)
    assert len(ids) == 20
    assert (counted.most, published.most) == (1, 1)
    assert sum(published.done.values()) >= 20


async def test_pending_jobs_are_taken_up_in_turn_with_others(
    start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await start(statedir=tmp_path)
    await first.instance.submit([Submission(spec("true"), urgency=0)] * 20)
    await first.close()

    active, measure, counted, measured = history._active, history._measure, Passes(), []

    def _active(*args: Any) -> Job | None:
        counted.note()
        return active(*args)

    def _measure(logs: Iterable[OutputLog]) -> None:
        measured.append(list(logs))
        measure(logs)

    monkeypatch.setattr(history, "TimeSlice", lambda: TimeSlice(0))
    monkeypatch.setattr(history, "_active", _active)
    monkeypatch.setattr(history, "_measure", _measure)
    second = await start(statedir=tmp_path)
    assert len(second.journal.backlog) == 20
    assert counted.most == 1
    # They have no output, so one call of a thread suffices for all of them.
    assert measured == [[]]
