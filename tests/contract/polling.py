"""A Flux instance whose changes are made from listings, as a guest has to do it.

Each poll asks ``job-list.list`` for the jobs that moved since the newest timestamp that was seen
(flux-core, src/modules/job-list/list.c); what a row says is told as the events that lead to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

from fluxapi.instance.broker import BrokerInstance
from fluxapi.instance.protocol import Capabilities, ChangeBatch, InstanceInfo
from fluxapi.model.eventlog import Event, JournalMessage, Resync
from fluxapi.model.jobid import JOBID_ANY

__all__ = ["PollingInstance"]

_PAUSE_S = 0.02
_OVERLAP_S = 1.0
"""``job-list`` shows a row a little later than its timestamps say."""

_TIMES = ("submit", "depend", "priority", "sched", "run", "cleanup", "inactive")


class PollingInstance(BrokerInstance):
    """Reads and writes as a broker does; its changes are derived.

    Attributes:
        resyncs: Raise it to have each stream tell everything again.
    """

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.resyncs = 0

    async def start(self) -> InstanceInfo:
        """Connect, and say that events are derived."""
        return replace(await super().start(), capabilities=Capabilities(events="derived"))

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        """Yield listings and differences of listings."""
        while True:
            told: dict[int, int] = {}
            resyncs = self.resyncs
            rows = await self._list(None)
            newest = _newest(rows, 0.0)
            whole = [_message(row, list(_derive(row))) for row in rows]
            told.update({row["id"]: len(list(_derive(row))) for row in rows})
            yield [Resync(), *whole, JournalMessage(JOBID_ANY, [])]
            while resyncs == self.resyncs:
                await asyncio.sleep(_PAUSE_S)
                rows = await self._list(newest - _OVERLAP_S)
                newest = _newest(rows, newest)
                news: ChangeBatch = []
                for row in rows:
                    events = list(_derive(row))
                    for event in events[told.get(row["id"], 0) :]:
                        news.append(_message(row, [event]))
                    told[row["id"]] = max(len(events), told.get(row["id"], 0))
                if news:
                    yield news

    async def _list(self, since: float | None) -> list[dict[str, Any]]:
        constraint: dict[str, Any] = {"or": []}
        if since is not None:
            constraint = {"or": [{f"t_{name}": [f">={since}"]} for name in _TIMES]}
        body = {"max_entries": 0, "attrs": ["all"], "constraint": constraint}
        answer = await self._call("job-list.list", body)
        jobs: list[dict[str, Any]] = answer["jobs"]
        return jobs


def _newest(rows: list[dict[str, Any]], newest: float) -> float:
    times: list[float] = [row.get(f"t_{name}", 0.0) for row in rows for name in _TIMES]
    return max([newest, *times])


def _derive(row: dict[str, Any]) -> Iterator[Event]:
    """Yield the events that lead to a row of ``job-list``, in an order that only grows."""
    context = {"userid": row["userid"], "urgency": row["urgency"], "flags": 0, "version": 1}
    yield Event(row["t_submit"], "submit", context)
    if "t_depend" in row:
        yield Event(row["t_depend"], "validate")
        for text in row.get("dependencies", ()):
            yield Event(row["t_depend"], "dependency-add", {"description": text})
    if "t_priority" in row:
        yield Event(row["t_priority"], "depend")
    if "t_sched" in row:
        yield Event(row["t_sched"], "priority", {"priority": row.get("priority", 0)})
    if "t_run" in row:
        yield Event(row["t_run"], "alloc")
    if "t_cleanup" not in row:
        return
    if row.get("exception_occurred"):
        context = {
            "type": row["exception_type"],
            "severity": row["exception_severity"],
            "note": row["exception_note"],
        }
        yield Event(row["t_cleanup"], "exception", context)
    if "waitstatus" in row:
        yield Event(row["t_cleanup"], "finish", {"status": row["waitstatus"]})
    if "t_inactive" in row:
        yield Event(row["t_inactive"], "clean")


def _message(row: dict[str, Any], events: list[Event]) -> JournalMessage:
    names = {event.name for event in events}
    return JournalMessage(
        row["id"],
        events,
        jobspec=_jobspec(row) if "submit" in names else None,
        R=_resource_set(row) if "alloc" in names and "ranks" in row else None,
    )


def _jobspec(row: dict[str, Any]) -> dict[str, Any]:
    system = {key: row[key] for key in ("cwd", "queue", "bank", "project") if key in row}
    slot = {
        "type": "slot",
        "count": row["ntasks"],
        "label": "task",
        "with": [{"type": "core", "count": row.get("ncores", 1) // row["ntasks"] or 1}],
    }
    return {
        "attributes": {
            "system": {
                **system,
                "duration": row.get("duration", 0.0),
                "job": {"name": row["name"]},
            }
        },
        "resources": [slot],
        "tasks": [{"command": [row["name"]], "slot": "task", "count": {"per_slot": 1}}],
        "version": 1,
    }


def _resource_set(row: dict[str, Any]) -> dict[str, Any]:
    cores = row.get("ncores", 1) // row.get("nnodes", 1) or 1
    return {
        "version": 1,
        "execution": {
            "R_lite": [{"rank": row["ranks"], "children": {"core": f"0-{cores - 1}"}}],
            "nodelist": [row["nodelist"]],
            "starttime": row["t_run"],
            "expiration": row.get("expiration", 0.0),
        },
    }
