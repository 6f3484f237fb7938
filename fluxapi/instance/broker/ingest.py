"""The submissions of a process that has ended: when the jobs of all of them have been announced.

Flux continues with such submissions, so their jobs may appear some seconds later. Each passes the
connector of the broker, the validator and a batch of job-ingest, a commit of the KVS, and the job
manager, as in flux-core's ``src/modules/job-ingest/job-ingest.c``. Others may submit all the time,
so the time at which no job appears is no sign of anything; the wait follows this way instead.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol

from fluxapi.errors import FluxRefused, Forbidden

__all__ = ["until_announced"]

_PAUSE_S = 0.05
"""More than the time that job-ingest collects a batch, which is 0.01 s."""

_QUIET_S = 3.0
"""Time in which a broker that answers has read all that a process that has ended had sent."""

_SLOW_ANSWER_S = 0.5
"""A broker that takes longer to answer may have been stopped."""

_MAX_ANNOUNCE_S = 60.0
"""Limit of the wait, since the validator may always have something to do."""

_FENCE = {"key": "fluxapi.fence", "flags": 0, "dirent": None}
"""An operation that removes a key that does not exist."""


class _Ask(Protocol):
    async def __call__(self, topic: str, body: dict[str, Any] | None = None) -> Any: ...


async def until_announced(ask: _Ask) -> None:
    """Wait until Flux has validated, committed and announced all submissions of ended processes."""
    until = time.monotonic() + _MAX_ANNOUNCE_S
    answering_since = time.monotonic()
    while (now := time.monotonic()) < until:
        is_validated = not await _has_backlog(ask)
        if time.monotonic() - now > _SLOW_ANSWER_S:
            # A broker that did not answer did not read anything either.
            answering_since = time.monotonic()
        elif is_validated and now - answering_since >= _QUIET_S and await _is_batched(ask):
            break
        await asyncio.sleep(_PAUSE_S)
    await _pass_commits(ask)


async def _is_batched(ask: _Ask) -> bool:
    """Return whether the timer of the batch has fired since all submissions were validated.

    A job may be between two parts of the validator, so it is asked again. The timer was due before
    the first of these questions, so it has fired when job-ingest takes the second.
    """
    await asyncio.sleep(_PAUSE_S)
    return not (await _has_backlog(ask) or await _has_backlog(ask))


async def _pass_commits(ask: _Ask) -> None:
    """Return once the jobs of all batches are committed and announced.

    The KVS takes commits in order. When job-ingest answers after one of ours, it has taken the
    answers to its own before, and has announced the jobs; the job manager then knows them when it
    answers.
    """
    try:
        await ask("kvs.commit", {"namespace": "primary", "flags": 0, "ops": [_FENCE]})
    except (FluxRefused, Forbidden):
        # A guest may not commit.
        await asyncio.sleep(_QUIET_S)
    await _has_backlog(ask)
    await ask("job-manager.getinfo")


async def _has_backlog(ask: _Ask) -> bool:
    try:
        stats = await ask("job-ingest.stats-get")
    except FluxRefused:
        return False
    crews = ((stats or {}).get("pipeline") or {}).values()
    return any(crew.get("backlog", 0) > 0 for crew in crews if isinstance(crew, dict))
