"""The submissions that Flux validates: when the jobs of all of them have been announced.

Flux continues with the submissions of a process that has ended, so their jobs may appear some
seconds later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fluxapi.errors import FluxRefused

__all__ = ["until_announced"]

_PAUSE_S = 0.05
_QUIET_S = 3.0
"""If no new job appears for this time, all validated jobs have been announced."""

_SLOW_ANSWER_S = 0.5
"""A broker that takes longer to answer may have been stopped."""

_MAX_ANNOUNCE_S = 60.0
"""Limit of the wait, since others may submit continuously; earlier jobs are announced sooner."""

_Ask = Callable[[str], Awaitable[Any]]


async def until_announced(ask: _Ask) -> None:
    """Wait until Flux has validated and announced all submissions (``job-ingest.stats-get``)."""
    while await _has_backlog(ask):  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(_PAUSE_S)
    # Flux commits and announces validated jobs in batches; nothing marks the last one.
    newest, until = -1, time.monotonic() + _MAX_ANNOUNCE_S
    quiet_since = time.monotonic()
    while (now := time.monotonic()) < until and now - quiet_since < _QUIET_S:
        known = (await ask("job-manager.getinfo"))["max_jobid"]
        has_backlog = await _has_backlog(ask)
        # A broker that did not answer did not announce anything either.
        was_silent = time.monotonic() - now > _SLOW_ANSWER_S
        if known != newest or has_backlog or was_silent:
            newest, quiet_since = known, time.monotonic()
        await asyncio.sleep(_PAUSE_S)


async def _has_backlog(ask: _Ask) -> bool:
    try:
        stats = await ask("job-ingest.stats-get")
    except FluxRefused:
        return False
    crews = ((stats or {}).get("pipeline") or {}).values()
    return any(crew.get("backlog", 0) > 0 for crew in crews if isinstance(crew, dict))
