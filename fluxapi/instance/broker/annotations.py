"""The annotations of pending jobs, which the backlog of the journal does not contain.

The scheduler annotates a pending job when its estimate changes, and Flux stores no annotation in
the eventlog. The ``job-list`` module keeps them, so a service that starts later can tell when a job
may start.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fluxapi.errors import FluxapiError
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.process.timeout import within

__all__ = ["pending_annotations"]

_log = logging.getLogger(__name__)

_MAX_JOBS = 1000
"""Jobs that are asked for, highest priority first; schedulers annotate only the first of them."""

_TIMEOUT_S = 2.0
"""Limit of the pause before live events; ``job-list`` may still be reading its own backlog."""


_Ask = Callable[[str, dict[str, Any]], Awaitable[Any]]


async def pending_annotations(ask: _Ask) -> ChangeBatch:
    """Return the annotations of the first pending jobs, as events of the journal."""
    body = {
        "max_entries": _MAX_JOBS,
        "attrs": ["annotations"],
        "constraint": {"states": ["sched"]},
    }
    try:
        answer = await within(_TIMEOUT_S, ask("job-list.list", body))
        jobs = [(job["id"], job.get("annotations")) for job in answer["jobs"][:_MAX_JOBS]]
    except (FluxapiError, asyncio.TimeoutError, KeyError, TypeError, AttributeError) as problem:
        _log.info("annotations of pending jobs are not known: %r", problem)
        return []
    now = time.time()
    return [
        JournalMessage(jobid, [Event(now, "annotations", {"annotations": given})])
        for jobid, given in jobs
        if isinstance(jobid, int) and jobid >= 0 and isinstance(given, dict) and given
    ]
