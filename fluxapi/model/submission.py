"""One job to submit: the arguments of Flux's call."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

__all__ = ["Submission", "nobody_left"]


def nobody_left() -> bool:
    """Return that the client is still there, or that the job is submitted without it, too."""
    return False


class Submission(msgspec.Struct, frozen=True):
    """An encoded RFC 25 jobspec V1 and the options of ``flux_job_submit``(3).

    ``urgency`` 0–31 (16 is the default, 0 holds the job); ``waitable`` and ``debug`` are the flags
    FLUX_JOB_WAITABLE and FLUX_JOB_DEBUG. ``cost`` is the work that the jobspec gives Flux besides
    being read, in bytes that it reads in the same time; ``dependencies`` is the number of jobs or
    conditions that it waits for. ``after`` has the IDs of these jobs in order, and ``chained`` has
    those without which the job fails: all but the ones whose end alone it waits for. ``singleton``
    is the name of the job if it waits for others of its name, and ``begin`` the time until which it
    waits, or 0.
    ``evaluation_s`` is the time in which the scheduler evaluates a long constraint, in seconds, and
    ``memory`` is what Flux keeps of the jobspec besides its text. If ``has_left``, which any thread
    may call, returns true while the job waits to be sent, it is not sent: the client or its rights
    are gone.
    """

    jobspec: bytes
    urgency: int = 16
    waitable: bool = False
    debug: bool = False
    cost: int = 0
    dependencies: int = 0
    after: tuple[int, ...] = ()
    chained: tuple[int, ...] = ()
    singleton: str = ""
    begin: float = 0.0
    evaluation_s: float = 0.0
    memory: int = 0
    has_left: Callable[[], bool] = nobody_left
