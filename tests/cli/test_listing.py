"""The lists of ``fluxapi jobs``, which are made of several requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from fluxapi.cli.listing import JobQuery, find
from fluxapi.client import AsyncClient, Job

WORDS = ("pending", "running", "inactive")


class Moving:
    """A client whose only job is in another state at each request."""

    def __init__(self, *states: str) -> None:
        self._states = iter(states)

    async def jobs(self, *, state: list[str]) -> AsyncIterator[Job]:
        now = next(self._states)
        if now.lower() in state:
            yield Job(id="f1", state=now, status=now, priority=16, t_inactive=1.0)


def listed(*states: str, **options: Any) -> list[str]:
    client = cast("AsyncClient", Moving(*states))
    return [job.state for job in asyncio.run(find(client, JobQuery(words=WORDS, **options))).jobs]


def test_a_job_that_is_new_is_pending() -> None:
    assert listed("NEW", "NEW", "NEW") == ["NEW"]


def test_a_job_that_goes_on_meanwhile_is_listed_once() -> None:
    assert listed("SCHED", "RUN", "INACTIVE") == ["INACTIVE"]
    assert listed("SCHED", "RUN", "RUN") == ["RUN"]
