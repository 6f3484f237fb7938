"""Estimate pi with a thousand jobs: submit them in one request, show how far they are, add up.

Each job throws darts and writes how many hit; results are read as jobs end, whichever is first.
"""

import asyncio
import sys

from fluxapi.client import AsyncClient

JOBS, DARTS = 1000, 20_000
DART = """BEGIN {
    srand(ENVIRON["FLUX_JOB_CC"])
    for (i = 0; i < %d; i++) hits += (rand()^2 + rand()^2 < 1)
    print hits
}"""
AT_ONCE = 16
"""Outputs that are asked for at the same time."""


async def hits(flux: AsyncClient, jobid: str, turn: asyncio.Semaphore) -> int:
    async with turn:
        return int((await flux.output(jobid)).stdout)


async def main(count: int) -> None:
    turn = asyncio.Semaphore(AT_ONCE)
    async with AsyncClient() as flux:
        darts = {"command": ["awk", DART % DARTS], "name": "darts"}
        made = await flux.bulk(darts, cc=f"0-{count - 1}")
        counting = []
        async for job in flux.as_completed([item.id for item in made if item.id]):
            if job.result != "COMPLETED":
                sys.exit(f"{job.id} ended as {job.result}.")
            counting.append(asyncio.create_task(hits(flux, job.id, turn)))
            if sys.stderr.isatty():
                end = "\n" if len(counting) == count else ""
                print(f"\r{len(counting)} of {count}", end=end, file=sys.stderr)
        total = sum(await asyncio.gather(*counting))
    print(f"pi is about {4 * total / (count * DARTS):.3f}, by {count} jobs")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS))
