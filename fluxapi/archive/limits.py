"""The limits of a history, beyond which the oldest jobs are dropped."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a history; infinity is no limit.

    Attributes:
        max_age: Seconds after its end at which a job is dropped.
        max_jobs: Jobs that are kept.
        max_bytes: Bytes of the database.
        max_job_output: Bytes of the output of one job; its head and tail are kept of a larger one.
            0 keeps no output.
        max_output: Bytes of all outputs, as they are stored.
    """

    max_age: float = math.inf
    max_jobs: float = math.inf
    max_bytes: float = math.inf
    max_job_output: int = 1 << 20
    max_output: float = math.inf
