"""The control of jobs of an instance that is gone: every change is refused."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any, NoReturn

from fluxapi.errors import FluxapiError, FluxRefused, JobInactive, NotSupported
from fluxapi.instance.protocol import Submission
from fluxapi.model.job_end import JobEnd
from fluxapi.model.jobid import encode_f58
from fluxapi.model.message import problem

__all__ = ["PastControl"]

_GONE = "The instance is gone; its history can be read, and nothing can be changed."


class PastControl:
    """The port ``JobControl`` of an instance that is gone."""

    async def submit(self, submissions: Sequence[Submission]) -> list[int | FluxapiError]:
        """Refuse each job."""
        return [NotSupported(_GONE) for _ in submissions]

    async def settle(self) -> None:
        """Return at once: no job is on its way."""

    async def raise_exception(
        self,
        jobid: int,
        type: str,  # noqa: ARG002 - a port
        severity: int,  # noqa: ARG002 - a port
        note: str | None = None,  # noqa: ARG002 - a port
    ) -> None:
        """Refuse."""
        _refuse(jobid)

    async def post_memo(
        self,
        jobid: int,
        memo: dict[str, Any],  # noqa: ARG002 - a port
        *,
        volatile: bool = False,  # noqa: ARG002 - a port
    ) -> None:
        """Refuse."""
        _refuse(jobid)

    async def kill(self, jobid: int, signum: int) -> None:  # noqa: ARG002 - a port
        """Refuse."""
        _refuse(jobid)

    async def set_urgency(self, jobid: int, urgency: int) -> None:  # noqa: ARG002 - a port
        """Refuse."""
        _refuse(jobid)

    async def collect(self, jobid: int) -> JobEnd:
        """Refuse: the history does not tell whether an end was collected."""
        words = f"job {encode_f58(jobid)} belongs to an instance that is gone"
        raise FluxRefused(words, errno=errno.ECHILD)

    async def shutdown(self) -> None:
        """Refuse."""
        raise NotSupported(_GONE)


def _refuse(jobid: int) -> NoReturn:
    raise JobInactive(problem("past_job_ended", job=encode_f58(jobid)))
