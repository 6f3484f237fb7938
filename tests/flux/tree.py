"""Children of a real Flux, and what Flux says of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from fluxapi.model.jobid import encode_f58, parse
from tests.running import flux

__all__ = ["as_flux_says", "child_uri", "eventlogs", "launch", "submit"]

_EVENTLOGS = """
import flux, flux.job, json, sys
handle, found = flux.Flux(), {}
for jobid in json.load(sys.stdin):
    flux.job.event_wait(handle, jobid, "clean", raiseJobException=False)
    text = ""
    while '"name":"clean"' not in text:
        body = {"id": jobid, "keys": ["eventlog"], "flags": 0}
        text = handle.rpc("job-info.lookup", body).get()["eventlog"]
    found[jobid] = text
json.dump(found, sys.stdout)
"""


def submit(uri: str, *arguments: str) -> list[str]:
    """Submit jobs to the instance at *uri*, and return their IDs in F58."""
    return [encode_f58(parse(line)) for line in flux(uri, "submit", *arguments).split()]


_WAIT = "import flux; flux.Flux().rpc('state-machine.wait').get()"
_HOLD = "while kill -0 $PPID; do sleep 0.2; done"
"""The initial program of an instance; it ends when its broker is killed."""


def launch(uri: str, nodes: int = 1) -> str:
    """Start a child instance that lasts, and return the ID of its job once it has its address.

    The job of one with several nodes goes on if its first broker is killed.
    """
    size = (f"-N{nodes}", f"-n{nodes}", "-o", "exit-timeout=none")
    # The jobs of the child end with it, without the four commands by which it would cancel them.
    env = "--env=FLUX_DISABLE_JOB_CLEANUP=1"
    (jobid,) = submit(uri, *size, env, "flux", "start", "sh", "-c", _HOLD)
    flux(uri, "job", "wait-event", "--timeout=60", jobid, "memo")
    return jobid


def child_uri(uri: str, jobid: str) -> str:
    """Return the address of the child instance of a job on this machine, once the child runs."""
    flux(uri, "job", "wait-event", "--timeout=60", jobid, "memo")
    child = flux(uri, "uri", "--local", jobid).strip()
    # It has its address before it accepts jobs.
    flux(child, "python", "-c", _WAIT)
    return child


def as_flux_says(uri: str) -> dict[str, dict[str, Any]]:
    """Return some fields of each job of an instance, by ID, as ``flux jobs`` tells them."""
    names = ("state", "name", "t_submit", "ntasks")
    return {
        encode_f58(job["id"]): {name: job.get(name) for name in names}
        for job in json.loads(flux(uri, "jobs", "-a", "--json", "--count=0"))["jobs"]
    }


def eventlogs(uri: str, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the eventlogs of jobs of an instance once they have ended, by ID."""
    numbers = json.dumps([parse(jobid) for jobid in ids])
    told = json.loads(flux(uri, "python", "-c", _EVENTLOGS, input=numbers))
    return {
        encode_f58(int(number)): [json.loads(line) for line in text.splitlines()]
        for number, text in told.items()
    }
