"""The history of past jobs: how fast and how large it is, and what it costs the service.

``python -m bench.archive fill JOBS FOLDER`` writes a history. ``python -m bench.archive round
JOBS`` inside ``flux start`` submits jobs to one service with and one without a history, in turn.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from fluxapi.archive.database import FILE_NAME, connect, open_database
from fluxapi.archive.ended_job import EndedJob
from fluxapi.archive.recorder import Recorder
from fluxapi.archive.source import Source, identity
from fluxapi.archive.statements import write
from fluxapi.instance.protocol import ChangeBatch, InstanceInfo
from fluxapi.model.eventlog import JournalMessage, Resync, decode_journal
from fluxapi.process.timeout import within
from fluxapi.table.table import Table

from . import load
from .backlog import payloads
from .figures import Figure
from .raw_submit import JOBSPEC
from .server import running, without_core

__all__ = ["figures"]

_TARGET_RATE, _TARGET_BYTES = 10_000.0, 4096.0
_BATCH = 500
_WINDOW = 64
_TURNS = 4
_STARTS = 3

_INFO = InstanceInfo("flux", "0", None, 1, "localhost", 0, 0.0)
_SOURCE = Source(identity(b"shared", _INFO), "", _INFO)
"""The instance of :class:`bench.server.ReplayInstance`."""


class _Taken:
    """A writer that hands out what the recorder stores."""

    def __init__(self) -> None:
        self.jobs: list[EndedJob] = []
        self.upkeep = self
        self.horizon = 0.0

    def add(self, _: Source, job: EndedJob) -> bool:
        self.jobs.append(job)
        return True


def _ended(count: int) -> Iterator[list[EndedJob]]:
    """Yield batches of jobs as the recorder makes them."""
    table, taken = Table(max_inactive=1), _Taken()
    writer: Any = taken
    recorder = Recorder(_SOURCE, table, writer, [], on_stored=lambda _: None, on_gap=lambda _: None)

    def feed(batch: ChangeBatch) -> None:
        recorder.take(batch, table.feed(batch))

    feed([Resync(), JournalMessage(-1, [])])
    for payload in itertools.islice(payloads(count), count):
        feed([decode_journal(payload)])
        if len(taken.jobs) == _BATCH:
            yield taken.jobs
            taken.jobs = []
    yield taken.jobs


def _fill(count: int, folder: Path) -> tuple[float, float]:
    """Write jobs into a new history; return those of a second, and the bytes of one."""
    spent = 0.0
    with closing(connect(open_database(folder))) as database:
        for jobs in _ended(count):
            began, waited = time.perf_counter(), without_core()
            write(database, [(_SOURCE, job) for job in jobs], time.time())
            # Other programs may have the core meanwhile.
            spent += time.perf_counter() - began - (without_core() - waited)
        # Such a history is longer than what Flux has.
        database.execute("UPDATE jobs SET purged = t_inactive, output = 1")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return count / spent, (folder / FILE_NAME).stat().st_size / count


def _start(folder: Path | None) -> float:
    """Return the seconds until a service in front of an empty instance answers."""
    began = time.perf_counter()
    with running("replay", 0, folder):
        return time.perf_counter() - began


def _starts(folder: Path) -> tuple[float, float]:
    """Return the seconds that a start takes with the history in *folder*, and without one."""
    with_history, without = [], []
    for _ in range(_STARTS):
        with_history.append(_start(folder))
        without.append(_start(None))
    return min(with_history), min(without)


async def _submit_and_follow(port: int, jobs: int) -> tuple[float, float]:
    """Submit jobs; return how many a second, and the median age of their events at a client."""
    ages: list[float] = []
    url = f"http://127.0.0.1:{port}/v1/events"
    async with aiohttp.ClientSession() as session:
        accept = {"Accept": "application/x-ndjson"}
        async with session.get(url, headers=accept) as stream:
            following = asyncio.create_task(_follow(stream, jobs, ages))
            request = load.post("/v1/jobs", json.dumps({"jobspec": JOBSPEC}).encode())
            rate = (await load.run(port, itertools.repeat(request, jobs), _WINDOW)).rate
            await within(600, following)
    return rate, statistics.median(ages)


async def _follow(stream: aiohttp.ClientResponse, jobs: int, ages: list[float]) -> None:
    left = jobs
    async for line in stream.content:
        if b'"timestamp"' not in line:
            continue
        entry = json.loads(line)
        event = entry.get("event", entry)
        ages.append(time.time() - event["timestamp"])
        left -= event["name"] == "clean"
        if not left:
            return


def _processor_time(*pids: int) -> float:
    """Return the seconds for which processes have had a core (proc(5), stat)."""
    fields = [
        Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        for pid in pids
    ]
    return sum(int(found[11]) + int(found[12]) for found in fields) / os.sysconf("SC_CLK_TCK")


def _one(port: int, pid: int, broker: int, jobs: int) -> tuple[float, float, float]:
    """Return jobs a second, the age of events, and the CPU time that a job has cost."""
    run = uvloop.new_event_loop().run_until_complete
    before = _processor_time(pid, broker)
    rate, age = run(_submit_and_follow(port, jobs))
    return rate, age, (_processor_time(pid, broker) - before) / jobs


def _round(jobs: int) -> list[list[float]]:
    said = subprocess.run(
        ["flux", "getattr", "broker.pid"], check=True, capture_output=True, text=True
    )
    broker = int(said.stdout)
    found: list[list[float]] = []
    for turn in range(_TURNS):
        with tempfile.TemporaryDirectory() as folder:
            order = [Path(folder), None] if turn % 2 else [None, Path(folder)]
            both: dict[bool, tuple[float, float, float]] = {}
            for statedir in order:
                with running("flux", 0, statedir) as server:
                    cost = _one(server.port, server.pid, broker, jobs)
                both[statedir is not None] = cost
                subprocess.run(["flux", "queue", "idle", "--quiet"], check=True)
                subprocess.run(
                    ["flux", "job", "purge", "--force", "--num-limit=0"],
                    check=True,
                    capture_output=True,
                )
            found.append([*both[True], *both[False]])
    return found


def _on_flux(jobs: int) -> list[list[float]]:
    program = [sys.executable, "-m", "bench.archive", "round", str(jobs)]
    with subprocess.Popen(
        ["flux", "start", "--test-size=1", *program],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as flux:
        assert flux.stdout is not None
        found: list[list[float]] = json.loads(flux.stdout.readline())
        os.killpg(flux.pid, signal.SIGKILL)
    return found


def figures(jobs: int, archived: int, *, has_flux: bool) -> list[Figure]:
    """Return the figures of a history with *archived* jobs, and of *jobs* on a real Flux."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "bench.archive", "fill", str(archived), name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rate, size = json.loads(done.stdout)
        started, least = _starts(folder)
    found = [
        Figure("jobs written into the history", rate, "jobs/s", "the bound", _TARGET_RATE, 1.0),
        Figure("bytes of a job", size, "bytes", "the bound", _TARGET_BYTES, 1.0, at_most=True),
        Figure(
            f"start with {archived:,} jobs in the history",
            started,
            "s",
            "without a history",
            least,
            1.1,
            at_most=True,
        ),
    ]
    return found + (_costs(_on_flux(jobs)) if has_flux else [])


def _costs(rounds: Sequence[Sequence[float]]) -> list[Figure]:
    rate, age, cost, rate_without, age_without, cost_without = (
        statistics.median(column) for column in zip(*rounds, strict=True)
    )
    return [
        Figure("submits with a history", rate, "jobs/s", "without", rate_without, 0.97),
        Figure(
            "event at a client, median",
            age * 1e3,
            "ms",
            "without",
            age_without * 1e3,
            1.1,
            at_most=True,
        ),
        Figure(
            "CPU time of a job in Flux and the service",
            cost * 1e3,
            "ms",
            "without",
            cost_without * 1e3,
            0.0,
        ),
    ]


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        print(json.dumps(_fill(int(sys.argv[2]), Path(sys.argv[3]))), flush=True)
    else:
        print(json.dumps(_round(int(sys.argv[2]))), flush=True)
