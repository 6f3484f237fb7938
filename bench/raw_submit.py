"""The baseline of submission: ``flux.job.submit_async`` pipelined in a process of its own.

``python -m bench.raw_submit JOBS WINDOW`` inside a Flux instance prints the jobs per second.
"""

from __future__ import annotations

import json
import sys
import time

__all__ = ["JOBSPEC"]

JOBSPEC = {
    "resources": [
        {
            "type": "slot",
            "count": 1,
            "with": [{"type": "core", "count": 1}],
            "label": "task",
        }
    ],
    "tasks": [{"command": ["true"], "slot": "task", "count": {"per_slot": 1}}],
    "attributes": {
        "system": {"duration": 0, "environment": {}, "exec": {"test": {"run_duration": "0.01s"}}}
    },
    "version": 1,
}
"""A job that runs for 10 ms without a process (flux-core's exec test mode)."""


def _main(jobs: int, window: int) -> float:
    from fluxapi.instance.bindings import load  # noqa: PLC0415 - only where there is a Flux

    flux = load()
    from flux.job import submit_async  # noqa: PLC0415 - only findable now

    handle = flux.Flux()
    text = json.dumps(JOBSPEC)
    sent = done = 0

    def answered(future: object) -> None:
        nonlocal done
        future.get_id()  # type: ignore[attr-defined]
        done += 1
        if sent < jobs:
            send()
        elif done == jobs:
            handle.reactor_stop()

    def send() -> None:
        nonlocal sent
        sent += 1
        submit_async(handle, text).then(answered)

    started = time.perf_counter()
    for _ in range(min(window, jobs)):
        send()
    handle.reactor_run()
    return jobs / (time.perf_counter() - started)


if __name__ == "__main__":
    print(_main(int(sys.argv[1]), int(sys.argv[2])))
