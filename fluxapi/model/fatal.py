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
from .message import Message, field_message

__all__ = ["MAX_JOBSPEC_BYTES", "fatal_reason"]

MAX_JOBSPEC_BYTES = 9 << 20
"""Limit of a jobspec; Flux's validator accepts 10 MiB unless ``ingest.buffer-size`` is set."""


def fatal_reason(document: Mapping[str, Any], size: int) -> tuple[str, Message] | None:
    """Return the reason why a jobspec of *size* bytes must not reach Flux.

    Returns:
        The field and a sentence about it, or ``None`` if the jobspec is harmless.
    """
    if size > MAX_JOBSPEC_BYTES:
        return "", field_message("jobspec_too_large", size=size, limit=MAX_JOBSPEC_BYTES)
    system = _below(document, "attributes", "system")
    if _below(system, "shell", "options", "pty").get("interactive"):
        return "shell_options", field_message("interactive_terminal")
    rank = overlapping_ranks(system.get("constraints"))
    if rank is not None:
        return "constraints", field_message("ranks_twice", ranks=repr(rank[:80]))
    return None


def _below(tree: Any, *names: str) -> Mapping[str, Any]:
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}
