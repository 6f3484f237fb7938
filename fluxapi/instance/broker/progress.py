"""How far a job is, also while ``job-list`` does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from fluxapi.model.eventlog import Event
from fluxapi.process.timeout import within

__all__ = ["Progress", "progress_of"]

_INACTIVE = 64
"""FLUX_JOB_STATE_INACTIVE."""

_LIST_TIMEOUT_S = 1.0
"""Time for an answer of ``job-list``, which any guest can pause (``job-list.job-state-pause``)."""


class Progress(NamedTuple):
    """The state of a job: it has its resources, so that it may have output, and it is inactive."""

    has_begun: bool
    has_ended: bool


async def progress_of(
    listed: Awaitable[Mapping[str, Any]], eventlog: Callable[[], Awaitable[list[Event]]]
) -> Progress:
    """Return how far a job is.

    Args:
        listed: Its ``state`` and ``t_run`` from ``job-list``.
        eventlog: Returns its events; this is asked if *listed* takes long.
    """
    try:
        job = await within(_LIST_TIMEOUT_S, listed)
    except asyncio.TimeoutError:
        names = {event.name for event in await eventlog()}
        return Progress("alloc" in names, "clean" in names)
    return Progress("t_run" in job, job["state"] == _INACTIVE)
