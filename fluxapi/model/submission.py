"""One job to submit: the arguments of Flux's call."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Submission"]


@dataclass(frozen=True, slots=True)
class Submission:
    """An encoded RFC 25 jobspec V1 and the options of ``flux_job_submit``(3).

    ``urgency`` 0–31 (16 is the default, 0 holds the job); ``waitable`` and ``debug`` are the flags
    FLUX_JOB_WAITABLE and FLUX_JOB_DEBUG.
    """

    jobspec: bytes
    urgency: int = 16
    waitable: bool = False
    debug: bool = False
