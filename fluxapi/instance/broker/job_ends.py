"""The end of a waitable job, which Flux returns once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fluxapi.errors import InstanceUnavailable
from fluxapi.model.eventlog import Event
from fluxapi.model.job_end import JobEnd, is_unspoken, job_end

__all__ = ["collect"]


async def collect(
    call: Callable[[str, dict[str, Any]], Awaitable[Any]],
    jobid: int,
    eventlog: Callable[[int], Awaitable[Iterable[Event]]],
) -> JobEnd:
    """Collect an inactive job (``job-manager.wait``).

    Flux does not answer if it cuts the text of the end within a character. The end is that of the
    eventlog then, which it does answer.
    """
    try:
        answer = await call("job-manager.wait", {"id": jobid})
    except InstanceUnavailable:
        end = job_end(await eventlog(jobid))
        if not is_unspoken(end):
            raise
        return end
    # Old releases explain success, too.
    return JobEnd(True, "") if answer["success"] else JobEnd(False, str(answer["errstr"]))
