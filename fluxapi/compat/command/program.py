"""Runs a ``flux`` command line with the service."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from fluxapi.cli import compat_paths
from fluxapi.cli.encodable import encodable
from fluxapi.cli.exit_codes import FAILED, INTERRUPTED, OK, PIPE, USAGE, Failure
from fluxapi.cli.standard_streams import open_closed
from fluxapi.cli.terminal import discard_output, name_program, note, prepare, put

from . import about, job, start, submission, table

__all__ = ["main"]

Run = Callable[[list[str]], int]

_COMMANDS: dict[str, Run] = {
    "submit": submission.submit,
    "run": submission.run,
    "batch": submission.batch,
    "bulksubmit": submission.bulksubmit,
    "jobs": table.jobs,
    "cancel": table.cancel,
    "watch": table.watch,
    "pgrep": table.pgrep,
    "pkill": table.pkill,
    "job": job.run,
    "queue": table.queue,
    "resource": table.resource,
    "start": start.start,
    "uri": table.uri,
    "version": about.version,
}
_SUMMARIES = {
    "submit": "submit a job",
    "run": "submit a job, and show its output",
    "batch": "submit a batch script",
    "bulksubmit": "submit a command for each input",
    "jobs": "list jobs",
    "cancel": "cancel jobs",
    "watch": "show the output of jobs",
    "pgrep": "find jobs by a pattern",
    "pkill": "cancel jobs by a pattern",
    "job": "show or change one job: see flux job",
    "queue": "show queues",
    "resource": "show resources by state",
    "start": "run a command with the instance behind the service; starts none",
    "uri": "show the URI of an instance in a job",
    "version": "show versions",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit status."""
    open_closed()
    given = list(sys.argv[1:] if arguments is None else arguments)
    _give_way(given)
    if not given or given[0] in {"-h", "--help", "help"}:
        _usage(error=not given)
        return OK if given else FAILED
    name = "version" if given[0] in {"-V", "--version"} else given[0]
    if name not in _COMMANDS:
        name_program("flux")
        note(f"`{name}' is not supported by the flux of fluxapi, which has {', '.join(_COMMANDS)}.")
        return FAILED
    name_program(f"flux-{name}")
    prepare()
    try:
        with encodable():
            status = _COMMANDS[name](given[1:])
        sys.stdout.flush()
    except Failure as failure:
        note(f"ERROR: {failure.sentence}")
        return failure.status if failure.status in {FAILED, USAGE} else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return PIPE
    return status


def _give_way(given: list[str]) -> None:
    """Run the Flux around this job in place of this program, if it is on PATH."""
    real = compat_paths.real_flux(os.environ) if os.environ.get("FLUX_URI") else None
    if real is not None:
        os.execv(real, ["flux", *given])  # noqa: S606 - the flux that PATH names


def _usage(*, error: bool) -> None:
    lines = ["Usage: flux COMMAND ARGS", "", "This flux connects to a fluxapi service."]
    lines += [f"   {name:<18} {summary}" for name, summary in _SUMMARIES.items()]
    if error:
        sys.stderr.write("\n".join(lines) + "\n")
    else:
        for line in lines:
            put(line)
