"""Exit statuses of the ``fluxapi`` command, and the error that carries one.

| status | means |
|---|---|
| 0 | done |
| 1 | the command or the job failed |
| 2 | the command line, the environment or the config file is invalid |
| 3 | the service is unreachable, unavailable or too busy |
| 4 | the service rejected the credentials |
| 130 | Ctrl-C |
| 141 | the reader of the output is gone |

``submit --watch``, ``output --follow`` and ``wait`` end with the status of the job instead.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluxapi.client import ClientError, Job

__all__ = [
    "BY_SIGNAL",
    "DENIED",
    "FAILED",
    "INTERRUPTED",
    "OK",
    "PIPE",
    "UNREACHABLE",
    "USAGE",
    "Failure",
    "failure_of",
    "of_job",
]

OK, FAILED, USAGE, UNREACHABLE, DENIED = 0, 1, 2, 3, 4
INTERRUPTED = 130
PIPE = 141
_UNAVAILABLE_STATUSES = frozenset({429, 502, 503, 504})
"""HTTP statuses, also of a proxy, after which the same command may succeed later."""
BY_SIGNAL = 128
"""Added to the signal number that ended a job."""


class Failure(Exception):
    """The end of a command with a sentence on standard error and an exit status."""

    def __init__(self, sentence: str, status: int = FAILED) -> None:
        super().__init__(sentence, status)
        self.sentence = sentence
        self.status = status


def failure_of(error: ClientError) -> Failure:
    """Return the failure for an error of the client."""
    from fluxapi.client import errors  # noqa: PLC0415 - already imported by the caller

    status = FAILED
    if isinstance(error, errors.ConnectionFailed) or (
        isinstance(error, errors.ProblemError) and error.status in _UNAVAILABLE_STATUSES
    ):
        status = UNREACHABLE
    elif isinstance(error, errors.Unauthorized):
        status = DENIED
    elif isinstance(error, errors.ConfigError):
        status = USAGE
    return Failure(str(error), status)


def of_job(job: Job) -> int:
    """Return the exit status of a job, as ``flux run`` does.

    It is the exit code of the tasks, 128 plus the signal that ended them, else 1 for a failed job.
    """
    status = job.waitstatus
    if status is not None and os.WIFSIGNALED(status):
        return BY_SIGNAL + os.WTERMSIG(status)
    if status is not None and os.WEXITSTATUS(status):
        return os.WEXITSTATUS(status)
    return OK if job.success else FAILED
