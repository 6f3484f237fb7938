"""Fill a history with jobs as a system has them: ``python -m bench.past_jobs FOLDER JOBS``."""

from __future__ import annotations

import argparse
import math
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from fluxapi.archive.database import connect, open_database
from fluxapi.archive.ended_job import Detail, EndedJob
from fluxapi.archive.source import Source
from fluxapi.archive.statements import write
from fluxapi.instance.protocol import InstanceInfo
from fluxapi.model.jobid import encode_f58

__all__ = ["SOURCE", "fill", "past_jobs"]

DAY_S = 86_400.0
_BATCH = 500
_NODES, _CORES, _USERS = 256, 64, 60
_NAMES = [f"{kind}-{number}" for kind in ("train", "eval", "prep", "sim") for number in range(100)]
_QUEUES = ("batch", "debug", "gpu")
_RESULTS = ("COMPLETED", "FAILED", "CANCELED", "TIMEOUT")
_SHARES = (90, 6, 3, 1)

SOURCE = Source(
    "00000000000000000001", "", InstanceInfo("flux", "0.88.0", "local:///run/flux", 1, "n0", 0, 1.0)
)


def past_jobs(jobs: int, until: float, days: float = 30.0, seed: int = 1) -> Iterator[EndedJob]:
    """Yield *jobs* jobs that were submitted in the *days* before *until*, oldest first."""
    chance = random.Random(seed)  # noqa: S311 - the same jobs in each run
    since = until - days * DAY_S
    step = days * DAY_S / jobs
    names = chance.choices(_NAMES, [1 / rank for rank in range(1, len(_NAMES) + 1)], k=jobs)
    for number in range(jobs):
        t_submit = since + number * step
        yield _job(chance, since, t_submit, number, names[number])


def _job(chance: random.Random, since: float, t_submit: float, number: int, name: str) -> EndedJob:
    jobid = (int((t_submit - since) * 1000) << 24) | (number % 1024)
    wait = chance.lognormvariate(math.log(30), 1.8)
    run = chance.lognormvariate(math.log(120), 1.2)
    result = chance.choices(_RESULTS, _SHARES)[0]
    nnodes = chance.choice((1, 1, 1, 1, 2, 4, 16))
    first = chance.randrange(_NODES - nnodes)
    nodelist = f"node[{first}-{first + nnodes - 1}]" if nnodes > 1 else f"node{first}"
    ncores = nnodes * chance.choice((1, 4, _CORES))
    user, queue = 1000 + chance.randrange(_USERS), chance.choice(_QUEUES)
    t_run = t_submit + wait
    t_cleanup = t_run + run
    facts = (
        t_submit, t_run, t_cleanup, t_cleanup + 0.05, result, user, name, queue, "", nodelist,
        nnodes, ncores,
    )  # fmt: skip
    record = {
        "id": encode_f58(jobid), "userid": user, "username": f"user{user}", "urgency": 16,
        "priority": 16, "state": "INACTIVE", "result": result, "success": result == "COMPLETED",
        "name": name, "queue": queue, "t_submit": t_submit, "t_depend": t_submit, "t_run": t_run,
        "t_cleanup": t_cleanup, "t_inactive": t_cleanup + 0.05, "duration": 3600.0,
        "expiration": t_run + 3600, "nodelist": nodelist, "nnodes": nnodes, "ncores": ncores,
        "ntasks": ncores, "waitstatus": 0, "returncode": 0, "cwd": f"/home/user{user}/{name}",
    }  # fmt: skip
    return EndedJob(jobid, facts, msgspec.json.encode(record), _detail(facts, number))


def _detail(facts: tuple[Any, ...], number: int) -> Detail:
    t_submit, t_run, t_cleanup, t_inactive = facts[:4]
    context = {"userid": facts[5], "urgency": 16, "flags": 0, "version": 1}
    events: list[dict[str, object]] = [
        {"timestamp": t_submit, "name": "submit", "context": context},
        {"timestamp": t_submit, "name": "validate"},
        {"timestamp": t_submit, "name": "depend"},
        {"timestamp": t_submit, "name": "priority", "context": {"priority": 16}},
        {"timestamp": t_run, "name": "alloc"},
        {"timestamp": t_run, "name": "start"},
        {"timestamp": t_cleanup, "name": "finish", "context": {"status": 0}},
        {"timestamp": t_cleanup, "name": "release", "context": {"ranks": "all", "final": True}},
        {"timestamp": t_cleanup, "name": "free"},
        {"timestamp": t_inactive, "name": "clean"},
    ]
    command = ["python3", f"{facts[6]}.py", "--seed", str(number)]
    jobspec = {
        "resources": [{"type": "slot", "count": 1, "with": [{"type": "core", "count": 1}]}],
        "tasks": [{"command": command, "slot": "task", "count": {"per_slot": 1}}],
        "attributes": {"system": {"duration": 3600, "cwd": f"/home/user{facts[5]}"}},
        "version": 1,
    }
    lite = [{"rank": f"0-{facts[10] - 1}", "children": {"core": "0-3"}}]
    R = {"version": 1, "execution": {"R_lite": lite, "nodelist": [facts[9]], "starttime": t_run}}
    encode = msgspec.json.encode
    return Detail(b"\n".join(map(encode, events)) + b"\n", encode(jobspec), encode(R))


def fill(folder: Path, jobs: int, until: float, days: float = 30.0) -> float:
    """Write *jobs* jobs into the history in *folder*; return the jobs per second of the writer."""
    spent = 0.0
    with closing(connect(open_database(folder))) as database:
        batch: list[EndedJob] = []
        for job in past_jobs(jobs, until, days):
            batch.append(job)
            if len(batch) == _BATCH:
                spent += _write(database, batch, until)
                batch = []
        spent += _write(database, batch, until)
    return jobs / spent


def _write(database: sqlite3.Connection, batch: list[EndedJob], now: float) -> float:
    started = time.perf_counter()
    write(database, [(SOURCE, job) for job in batch], now)
    return time.perf_counter() - started


def main() -> None:
    """Fill a history, and print how fast it was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("jobs", type=int)
    parser.add_argument("--days", type=float, default=30.0)
    options = parser.parse_args()
    rate = fill(options.folder, options.jobs, time.time(), options.days)
    print(f"{options.jobs} jobs, {rate:,.0f} jobs/s")


if __name__ == "__main__":
    main()
