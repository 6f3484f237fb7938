"""The reasons that an attached terminal reports while its job waits."""

from __future__ import annotations

from typing import Any, cast

import pytest

from fluxapi.cli import attach
from fluxapi.client import AsyncClient, Job, JobLine


class Jobs:
    """Returns one record of a job after the other."""

    def __init__(self, *records: Job) -> None:
        self._records = list(records)

    async def get(self, _: str) -> Job:
        return self._records.pop(0)


def waiting(reason: str, **known: Any) -> Job:
    return Job(id="f2", state="SCHED", status="SCHED", reason=reason, **known)


async def test_the_place_in_the_queue_is_reported_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attach, "_REASON_INTERVAL_S", 0)
    monkeypatch.setattr(attach, "progress_wanted", lambda: True)
    jobs = Jobs(
        waiting("waits for mesh to end"),
        waiting("waits for resources", line=JobLine(place=3, waiting=12)),
        waiting("waits for resources", line=JobLine(place=2, waiting=12)),
        waiting("waits for 2 nodes; 0 free", line=JobLine(place=1, waiting=12)),
        Job(id="f2", state="RUN", status="RUN", t_run=1.0),
    )
    await attach._report_reasons(cast("AsyncClient", jobs), "f2")
    told = [line.partition("2 ")[2] for line in capsys.readouterr().err.splitlines()]
    assert told == [
        "waits for mesh to end",
        "waits for resources; place 3 of 12 in its queue, by priority",
        "waits for 2 nodes; 0 free",
    ]
