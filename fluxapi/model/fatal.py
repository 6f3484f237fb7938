"""Jobspecs that crash a Flux instance or block a part of it; the service rejects them.

Each case was reproduced on a real Flux. A case can go when no supported release is affected.

* A ``ranks`` constraint that names a rank twice (``["0", "0"]``) crashes the scheduler of 0.88, and
  the instance ends with all its jobs.
* A jobspec of more than 10 MiB (``ingest.buffer-size``) crashes the process that validates
  jobspecs, and the pending submissions of other users fail with it.
* A job with an interactive terminal waits for a client to attach, which the service cannot do, and
  delays the shutdown of the instance.
* A jobspec that is not an object crashes the process that validates jobspecs; the schema of a
  request rejects it, and the broker instance does so for other callers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .constraints import overlapping_ranks

__all__ = ["MAX_JOBSPEC_BYTES", "fatal_reason"]

MAX_JOBSPEC_BYTES = 9 << 20
"""Limit of a jobspec; Flux's validator accepts 10 MiB unless ``ingest.buffer-size`` is set."""

_TERMINAL = (
    "has pty.interactive: the job would wait until a terminal attaches to it, which this service "
    "cannot do. Leave it out; pty alone gives the job a terminal and keeps what it writes."
)


def fatal_reason(document: Mapping[str, Any], size: int) -> tuple[str, str] | None:
    """Return the reason why a jobspec of *size* bytes must not reach Flux.

    Returns:
        The field and a sentence about it, or ``None`` if the jobspec is harmless.
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
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}
