"""Jobspecs that end a Flux instance, or stop a part of it: they never reach Flux.

Each case was seen to do so on a real Flux, and goes when the releases that it harms are no longer
supported.

* A ``ranks`` constraint that names a rank twice (``["0", "0"]``) ends the scheduler of 0.88, and so
  the instance with all its jobs.
* A jobspec of more than 10 MiB ends the process that validates jobspecs (``ingest.buffer-size``),
  and with it the submissions of others that it holds.
* A job with an interactive terminal waits for a client to attach, which the service cannot do, and
  holds up the end of the instance.
* A jobspec that is no object ends the process that validates; the schema of a request, and the
  broker instance for all else, refuse it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .constraints import overlapping_ranks

__all__ = ["MAX_JOBSPEC_BYTES", "fatal_reason"]

MAX_JOBSPEC_BYTES = 9 << 20
"""Flux's validator takes 10 MiB unless ``ingest.buffer-size`` says otherwise."""

_TERMINAL = (
    "has pty.interactive: the job would wait until a terminal attaches to it, which this service "
    "cannot do. Leave it out; pty alone gives the job a terminal and keeps what it writes."
)


def fatal_reason(document: Mapping[str, Any], size: int) -> tuple[str, str] | None:
    """Return the field and the sentence that say why Flux must not see a jobspec of *size* bytes.

    ``None`` when nothing is known against it.
    """
    if size > MAX_JOBSPEC_BYTES:
        return "", (
            f"makes a jobspec of {size} bytes, and Flux takes {MAX_JOBSPEC_BYTES}: give large "
            "files by their path on the nodes."
        )
    system = _below(document, "attributes", "system")
    if _below(system, "shell", "options", "pty").get("interactive"):
        return "shell_options", _TERMINAL
    rank = overlapping_ranks(system.get("constraints"))
    if rank is not None:
        return "constraints", f"ranks names some of {rank[:80]!r} twice; name each rank once."
    return None


def _below(tree: Any, *names: str) -> Mapping[str, Any]:
    for name in names:
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, Mapping) else {}
