"""The embedded instance against a bare asyncio loop that spawns processes and waits for them.

Both run the same number of jobs of ``true``, the same number at a time, in the same process, one
after the other.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import time
from asyncio.subprocess import DEVNULL, PIPE

from fluxapi.instance.embedded import EmbeddedInstance
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import JournalMessage

from .figures import Figure

__all__ = ["figures"]

CONCURRENCY = 4
_ROUNDS = 3


def _jobspec() -> bytes:
    """Return the jobspec of ``true`` with one task on one core."""
    slot = {
        "type": "slot",
        "count": 1,
        "label": "task",
        "with": [{"type": "core", "count": 1}],
    }
    task = {"command": ["true"], "slot": "task", "count": {"per_slot": 1}}
    system = {"duration": 0, "environment": {"PATH": os.environ.get("PATH", "/bin:/usr/bin")}}
    spec = {
        "resources": [slot],
        "tasks": [task],
        "attributes": {"system": system},
        "version": 1,
    }
    return json.dumps(spec).encode()


async def embedded(jobs: int, concurrency: int = CONCURRENCY) -> float:
    """Return the jobs per second, from the submission of all to the last ``clean`` event."""
    instance = EmbeddedInstance(cores=concurrency)
    await instance.start()
    submissions = [Submission(_jobspec())] * jobs
    journal = instance.changes()
    await journal.__anext__()
    began = time.perf_counter()
    submitting = asyncio.ensure_future(instance.submit(submissions))
    done = 0
    async for batch in journal:
        for message in batch:
            for event in message.events if isinstance(message, JournalMessage) else ():
                done += event.name == "clean"
                if event.name == "finish" and event.context != {"status": 0}:
                    raise RuntimeError(f"a job failed: {event.context}")
        if done == jobs:
            break
    seconds = time.perf_counter() - began
    await submitting
    await instance.close()
    return jobs / seconds


async def bare(jobs: int, output: int, concurrency: int = CONCURRENCY) -> float:
    """Measure the processes per second of ``create_subprocess_exec`` with that many workers."""
    program = shutil.which("true") or "true"
    left = iter(range(jobs))

    async def work() -> None:
        for _ in left:
            process = await asyncio.create_subprocess_exec(
                program, stdin=DEVNULL, stdout=output, stderr=output
            )
            await (process.communicate() if output == PIPE else process.wait())

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    return jobs / (time.perf_counter() - began)


async def _measure(jobs: int) -> tuple[float, float, float]:
    await embedded(min(jobs, 50))
    return await embedded(jobs), await bare(jobs, PIPE), await bare(jobs, DEVNULL)


def figures(jobs: int) -> list[Figure]:
    """Measure on asyncio's own loop, since uvloop spawns processes about three times slower."""
    rounds = [asyncio.run(_measure(jobs)) for _ in range(_ROUNDS)]
    ours, captured, discarded = (statistics.median(column) for column in zip(*rounds, strict=True))
    name = "embedded instance, jobs of `true`"
    return [
        Figure(name, ours, "jobs/s", "asyncio spawn, wait, read its pipes", captured, 0.7),
        Figure(name, ours, "jobs/s", "asyncio spawn and wait, output discarded", discarded, 0.7),
    ]
