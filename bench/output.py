"""The end of a large output, by fluxapi and by job-info; and lookups of other jobs meanwhile.

``python -m bench.output MEGABYTES`` inside ``flux start`` measures once and prints it as JSON;
:func:`figures` starts that.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import uvloop

from . import load
from .figures import Figure
from .server import running

__all__ = ["figures"]

_LINE_BYTES = 1000
_OTHERS = 50
_BASELINE_MEGABYTES = 100
"""job-info takes minutes and gigabytes for more."""
_LOOKUPS = 1000
_LOOKING = 4
_VIEWERS = 8
_TAIL = "/v1/jobs/{}/output?tail=100"
_RARE = "/v1/jobs/{}/output?tail=100&stream=stderr"
"""The end of a stream to which the job writes nothing: all that may be searched is searched."""
_TAIL_BOUND_S = 1.0
_LOOKUP_BOUND_MS = 100.0


def _submit(*words: str) -> list[str]:
    command = ["flux", "submit", "--wait", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.split()


def _write(megabytes: int) -> str:
    """Run a job that writes so much output, and return its ID."""
    line = "x" * (_LINE_BYTES - 1)
    count = megabytes * 1_000_000 // _LINE_BYTES
    return _submit("sh", "-c", f"yes {line} | head -n {count}")[0]


def _get(port: int, path: str) -> float:
    """Return the seconds that a request takes."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", path)
    response = connection.getresponse()
    if response.status != http.HTTPStatus.OK or not response.read():
        raise RuntimeError(f"{path} was answered with {response.status}")
    connection.close()
    return time.perf_counter() - started


def _by_job_info(job: str) -> float:
    """Return the seconds in which job-info gives the same output, entry by entry."""
    from fluxapi.instance.bindings import load as load_bindings  # noqa: PLC0415 - where Flux is

    flux = load_bindings()
    from flux.job import event_watch  # noqa: PLC0415 - only findable now

    started = time.perf_counter()
    for _ in event_watch(flux.Flux(), flux.job.JobID(job), "guest.output"):
        pass
    return time.perf_counter() - started


async def _lookups(port: int, jobs: list[str]) -> load.Load:
    requests = (load.get(f"/v1/jobs/{quote(job)}/jobspec") for job in itertools.cycle(jobs))
    return await load.run(port, itertools.islice(requests, _LOOKUPS), _LOOKING)


async def _viewed(port: int, path: str, jobs: list[str]) -> float:
    """Return the 99th percentile of lookups while others read *path*, in milliseconds."""
    ended = asyncio.Event()

    async def view() -> None:
        while not ended.is_set():
            await asyncio.to_thread(_get, port, path)

    viewers = [asyncio.create_task(view()) for _ in range(_VIEWERS)]
    found = await _lookups(port, jobs)
    ended.set()
    await asyncio.gather(*viewers)
    return found.percentile(0.99) * 1e3


async def _round(job: str, smaller: str, others: list[str]) -> dict[str, float]:
    tail, rare = _TAIL.format(quote(job)), _RARE.format(quote(job))
    with running("flux", 0) as server:
        _get(server.port, f"/v1/jobs/{quote(job)}")
        found = {
            "first": _get(server.port, tail),
            "again": _get(server.port, tail),
            "smaller": _get(server.port, _TAIL.format(quote(smaller))),
            "rare": _get(server.port, rare),
            "alone": (await _lookups(server.port, others)).percentile(0.99) * 1e3,
            "meanwhile": await _viewed(server.port, tail, others),
            "meanwhile rare": await _viewed(server.port, rare, others),
        }
    return found | {"job-info": _by_job_info(smaller)}


def _on_flux(megabytes: int) -> dict[str, float]:
    program = [sys.executable, "-m", "bench.output", str(megabytes)]
    with subprocess.Popen(
        ["flux", "start", *program], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as flux:
        assert flux.stdout is not None
        found: dict[str, float] = json.loads(flux.stdout.readline())
        os.killpg(flux.pid, signal.SIGKILL)
    return found


def figures(megabytes: int) -> list[Figure]:
    """Return the figures of one round; writing the output takes most of its time."""
    found = _on_flux(megabytes)
    name = f"last 100 lines of an output of {megabytes:,} MB"
    lookup = "lookups of other jobs while 8 read that, p99"
    return [
        Figure(name, found["first"], "s", "the bound", _TAIL_BOUND_S, 1.0, at_most=True),
        Figure(
            f"the same of {_BASELINE_MEGABYTES} MB",
            found["smaller"],
            "s",
            "by job-info",
            found["job-info"],
            0.1,
            at_most=True,
        ),
        Figure(
            "the same once more",
            found["again"],
            "s",
            "the first time",
            found["first"],
            1.0,
            at_most=True,
        ),
        Figure(
            "the same of a stream without a line",
            found["rare"],
            "s",
            "the bound",
            _TAIL_BOUND_S,
            1.0,
            at_most=True,
        ),
        Figure(lookup, found["meanwhile"], "ms", "the bound", _LOOKUP_BOUND_MS, 1.0, at_most=True),
        Figure(
            "the same beside lookups alone",
            found["meanwhile"],
            "ms",
            "nobody reads output",
            found["alone"],
            0.0,
        ),
        Figure(
            "lookups while 8 search for such a line, p99",
            found["meanwhile rare"],
            "ms",
            "the bound",
            _LOOKUP_BOUND_MS,
            1.0,
            at_most=True,
        ),
    ]


if __name__ == "__main__":
    made = (
        _write(int(sys.argv[1])),
        _write(_BASELINE_MEGABYTES),
        _submit(f"--cc=1-{_OTHERS}", "true"),
    )
    measured = uvloop.new_event_loop().run_until_complete(_round(*made))
    print(json.dumps(measured), flush=True)
