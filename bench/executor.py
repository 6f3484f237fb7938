"""Jobs as futures: our ``FluxExecutor`` beside that of Flux, on one instance of four brokers.

``python -m bench.executor KIND JOBS URL`` measures one executor and prints it as JSON; jobs of
``exec.test`` start no process.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from fluxapi.client import FluxExecutor
from tests.running import flux_instance, service

from .figures import Figure
from .raw_submit import JOBSPEC

__all__ = ["figures"]

_ROUNDS = 3
_WAITING = 20_000
_PAGE = 4096
_MAX_WAITING_BYTES = 2048


def _executor(kind: str, url: str) -> Any:
    if kind == "flux":
        from fluxapi.instance.bindings import load  # noqa: PLC0415 - only where there is a Flux

        load()
        import flux.job  # noqa: PLC0415 - only findable now

        return flux.job.FluxExecutor()
    return FluxExecutor(url)


def _run(kind: str, jobs: int, url: str) -> float:
    spec = json.dumps(JOBSPEC)
    with _executor(kind, url) as executor:
        executor.submit(spec).result()
        started = time.perf_counter()
        for future in [executor.submit(spec) for _ in range(jobs)]:
            future.result()
        return jobs / (time.perf_counter() - started)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def _wait(kind: str, jobs: int, url: str) -> NoReturn:
    """Print the memory of each future, and end the process."""
    spec = json.dumps(JOBSPEC)
    executor = _executor(kind, url)
    for future in [executor.submit(spec) for _ in range(100)]:
        future.jobid()
    gc.collect()
    before = _resident()
    futures = [executor.submit(spec, urgency=0) for _ in range(jobs)]
    for future in futures:
        future.jobid()
    gc.collect()
    print((_resident() - before) / jobs, flush=True)
    # The executor would wait for its jobs, which are held, when this function returns.
    os._exit(0)


def _measured(kind: str, jobs: int, url: str, uri: str) -> float:
    return float(
        subprocess.run(
            [sys.executable, "-m", "bench.executor", kind, str(jobs), url],
            env={**os.environ, "FLUX_URI": uri},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
    )


def figures(jobs: int) -> list[Figure]:
    """Return the best of the rounds, in turn on one instance, and the memory of waiting futures."""
    with flux_instance(4) as uri, service(FLUX_URI=uri) as site:
        ours = theirs = 0.0
        for _ in range(_ROUNDS):
            theirs = max(theirs, _measured("flux", jobs, site.url, uri))
            ours = max(ours, _measured("fluxapi", jobs, site.url, uri))
        memory = _measured("waiting", _WAITING, site.url, uri)
    return [
        Figure(
            f"{jobs:,} jobs by our FluxExecutor, to the last result: time",
            jobs / ours,
            "s",
            "flux.job.FluxExecutor",
            jobs / theirs,
            1.05,
            at_most=True,
        ),
        Figure(
            f"memory of the client for each of {_WAITING:,} futures that wait",
            memory,
            "bytes",
            "the bound",
            _MAX_WAITING_BYTES,
            1.0,
            at_most=True,
        ),
    ]


def _main() -> None:
    kind, jobs, url = sys.argv[1:]
    if kind == "waiting":
        _wait(kind, int(jobs), url)
    print(_run(kind, int(jobs), url), flush=True)


if __name__ == "__main__":
    _main()
