"""``fluxapi queue`` and ``fluxapi resource`` print what Flux's commands print."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import flux, flux_instance, needs_flux, run_flux, service

from .program import Program

pytestmark = needs_flux

CONFIG = """
[queues.batch]
requires = ["batch"]
[queues.batch.policy.limits]
duration = "8h"
job-size.max.nnodes = 2
[queues.debug]
requires = ["debug"]
[queues.debug.policy.limits]
duration = "30m"
[policy.jobspec.defaults.system]
queue = "batch"
duration = "10m"
[policy.limits]
job-size.max.ngpus = -1
job-size.min.ncores = 1
[resource]
noverify = true
path = "{path}"
exclude = "2"
"""

R = {
    "version": 1,
    "execution": {
        "R_lite": [{"rank": "0-3", "children": {"core": "0-3", "gpu": "0"}}],
        "starttime": 0.0,
        "expiration": 0.0,
        "nodelist": ["n[0-3]"],
        "properties": {"batch": "0-2", "debug": "3", "x": "1"},
    },
}

LINES = """
queue list
queue list -n
queue list -q debug
queue list -q nothing
queue list -o policy
queue list -n -o nodes
queue list -o '{queue} {queuem} {submission} {scheduling} {enabled.ascii} {started.ascii}'
queue list -o '{limits.min.ncores} {limits.max.nnodes} {limits.max.ngpus} {limits.timelimit!H}'
queue list -o '{resources.free.ncores} {resources.down.ncores:>3} {resources.allocated.ngpus:>5}'
queue list -o nonsense
queue status
queue status -v
queue status debug
queue status -v debug
queue status nothing
resource list
resource list -n -s all
resource list -s free,down
resource list -s up -q batch
resource list -q debug
resource list -q nothing
resource list -q batch -i 0-1
resource list -i n[1-3]
resource list -i n7
resource list -i n7 --no-skip-empty
resource list --skip-empty
resource list -s bad
resource list -o '{state} {queue} {propertiesx} {ranks} {nodelist}'
resource list -o '{nnodes} {ncores}'
resource list -s all -o '{state:>12} {ngpus:>3} {nodelist}'
resource info
resource info -s free
resource info -s free,allocated -q batch
resource info -s down -i 0-3
resource status
resource status -n
resource status -o long
resource status -s drain
resource status -s offline
resource status -s online
resource status -s avail,exclude
resource status -q debug
resource status -i 0,2
resource status -s all --skip-empty
resource status --color=always
resource status -o '{statex} {status} {up.ascii} {ranks} {reason} {timestamp!d:%Y}'
resource status -s bad
"""


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("config")
    path = folder / "R"
    path.write_text(json.dumps(R), encoding="utf-8")
    with flux_instance(4, CONFIG.replace("{path}", str(path)), Path(folder)) as uri:
        flux(uri, "resource", "drain", "3", "broken", "disk")
        flux(uri, "queue", "disable", "-q", "debug", "--message=closed")
        flux(uri, "queue", "stop", "-q", "debug", "--message=paused")
        job = flux(uri, "submit", "-n1", "-c3", "-q", "batch", "sleep", "1000").strip()
        flux(uri, "job", "wait-event", "-q", job, "start")
        yield uri
        flux(uri, "cancel", job)


@pytest.fixture(scope="module")
def program(uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with service(FLUX_URI=uri) as running:
        running.wait_until_ready()
        yield Program(running.url, tmp_path_factory.mktemp("home"), plain_ids=False)


@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_a_line_prints_the_same(uri: str, program: Program, line: str) -> None:
    words = shlex.split(line)
    done = run_flux(*words, FLUX_URI=uri, TZ="UTC")
    out = done.stdout
    if words[0] == "queue":
        # Ours has no colors in a pipe.
        out = re.sub(r"\x1b\[[0-9;]*m", "", out)
    # The service does not ask for the nodes in housekeeping.
    out = re.sub(r"(?m)^ *housekeeping.* 0 \n", "", out)
    ours = program(*words)
    assert ours.out == out, ours.err
    assert bool(ours.status) == bool(done.returncode)
