"""The embedded instance against a bare asyncio loop that spawns processes and waits for them.

Both run the same number of jobs of ``true``, the same number at a time, in the same process under
uvloop, one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import time
from asyncio.subprocess import DEVNULL, PIPE

import uvloop

from fluxapi.instance.embedded import EmbeddedInstance
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import JournalMessage

__all__ = ["measure"]

CONCURRENCY = 4


def _jobspec() -> bytes:
    """One core, one task, ``true``."""
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
    """Jobs a second from the submission of all of them to the last ``clean`` in the journal."""
    instance = EmbeddedInstance(cores=concurrency)
    await instance.start()
    submissions = [Submission(_jobspec())] * jobs
    journal = instance.journal()
    await journal.__anext__()
    began = time.perf_counter()
    submitting = asyncio.ensure_future(instance.submit(submissions))
    done = 0
    async for batch in journal:
        for message in batch:
            if isinstance(message, JournalMessage):
                event = message.events[0]
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
    """Processes a second of ``asyncio.create_subprocess_exec`` with that many workers."""
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


async def measure(jobs: int) -> dict[str, float]:
    """``embedded`` and ``baseline`` in jobs a second; the baseline captures output as well.

    ``baseline_devnull`` is the loop that throws the output away.
    """
    await embedded(min(jobs, 50))
    return {
        "embedded": await embedded(jobs),
        "baseline": await bare(jobs, PIPE),
        "baseline_devnull": await bare(jobs, DEVNULL),
    }


def main() -> None:
    """Print the figures, under uvloop and under asyncio's own loop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1000)
    jobs = parser.parse_args().jobs
    for name, factory in (("uvloop", uvloop.new_event_loop), ("asyncio", asyncio.new_event_loop)):
        loop = factory()
        figures = loop.run_until_complete(measure(jobs))
        loop.close()
        rates = ", ".join(f"{key} {value:.0f}/s" for key, value in figures.items())
        print(f"{name}: {rates}; ratio {figures['embedded'] / figures['baseline']:.2f}")


if __name__ == "__main__":
    main()
