"""Submission through ``BrokerInstance`` beside raw ``submit_async`` on one real broker, no HTTP.

``flux start --test-size=4 python -m bench.broker JOBS`` prints the rates of some rounds.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Sequence

import uvloop

from fluxapi.errors import FluxapiError
from fluxapi.instance.broker import BrokerInstance
from fluxapi.instance.protocol import Submission

from .raw_submit import JOBSPEC

__all__ = ["measure"]

_WINDOW = 256
_ROUNDS = 3
_SWITCH_INTERVAL = 0.0005


async def measure(jobs: int) -> dict[str, float]:
    """Jobs a second by ``raw`` (a process of its own), ``bulk`` (one call), ``single`` (256 calls).

    The broker is the one at FLUX_URI; each measure begins when no job is left of the one before.
    """
    submission = Submission(json.dumps(JOBSPEC).encode())
    rates = {"raw": await _raw(jobs)}
    await _idle()
    instance = BrokerInstance()
    await instance.start()
    try:
        started = time.perf_counter()
        _check(await instance.submit([submission] * jobs))
        rates["bulk"] = jobs / (time.perf_counter() - started)
        await _idle()
        rates["single"] = await _single(instance, submission, jobs)
        await _idle()
    finally:
        await instance.close()
    return rates


async def _single(instance: BrokerInstance, submission: Submission, jobs: int) -> float:
    left = itertools.repeat(submission, jobs)

    async def submit() -> None:
        for one in left:
            _check(await instance.submit([one]))

    started = time.perf_counter()
    await asyncio.gather(*(submit() for _ in range(_WINDOW)))
    return jobs / (time.perf_counter() - started)


def _check(results: Sequence[int | FluxapiError]) -> None:
    for result in results:
        if isinstance(result, FluxapiError):
            raise result


async def _raw(jobs: int) -> float:
    return float(
        await _output(sys.executable, "-m", "bench.raw_submit", str(jobs), str(_WINDOW)),
    )


async def _idle() -> None:
    await _output("flux", "queue", "idle", "--quiet")


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed: {process.returncode}")
    return output.decode()


async def _main(jobs: int) -> None:
    rounds = [await measure(jobs) for _ in range(_ROUNDS)]
    for rates in rounds:
        print("  ".join(f"{name} {rate:7.1f}/s" for name, rate in rates.items()))
    for name in ("bulk", "single"):
        ratio = statistics.median(rates[name] / rates["raw"] for rates in rounds)
        print(f"{name} / raw: {ratio:.2f} (median of {_ROUNDS} rounds)")


if __name__ == "__main__":
    sys.setswitchinterval(_SWITCH_INTERVAL)
    uvloop.new_event_loop().run_until_complete(_main(int(sys.argv[1])))
