"""The current state of queues and nodes, read in the background.

Flux sends no event when a queue changes, so it is polled while a job waits or a client watches the
figures.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from fluxapi.errors import FluxapiError, InstanceUnavailable
from fluxapi.instance.nodes import nodes_and_totals
from fluxapi.instance.protocol import Queue, ResourceInfo
from fluxapi.model.jobid import encode_f58
from fluxapi.model.phrases import Say, english
from fluxapi.model.reason import PENDING, Situation, is_blocked, named_in_reason, reason
from fluxapi.model.record import waiting
from fluxapi.process.background import BackgroundTask
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.table import Table

from .queue_loads import first_in_line, first_of_others
from .queue_shares import few_names, shares_of
from .row_text import PIECE_BYTES

if TYPE_CHECKING:
    from fluxapi.events.stats import StatsView

__all__ = ["SituationMonitor", "describe_policy", "describe_queue"]

_log = logging.getLogger(__name__)

_QUEUES_INTERVAL_S = 1.0
_WORDS_PER_S = 10_000
"""Names of queues, and of the properties that they require, that are read in a second."""

_NODES_INTERVAL_S = 2.0
_NODES_SHARE = 50
"""The nodes are asked for again after this many times the time that their digest took. To describe
them takes some times as long; a job may start an instance of very many nodes.
"""

_CHECK_INTERVAL_S = 0.5
_KEPT_UNWANTED_S = 5.0
"""Time for which responses are kept while they are not needed, for example while a page reloads."""

_MAX_SHARES = 100
"""Queues with nodes of their own whose nodes are reported; each client receives them."""

_MAX_PROPERTIES = 100
_MAX_PROPERTY_CHARS = 4096
"""Properties of nodes that are reported, and their characters; each client receives them."""

_SLICE_ROWS = 100
"""Rows that are encoded before other tasks run; those of a large page may all be new."""

_FIRST_ROWS = 20
"""Rows of a large page that are encoded first; they tell how many bytes the others may have."""

_encoder = msgspec.json.Encoder()


class SituationMonitor(BackgroundTask):
    """The task that reads the situation, and the reasons why jobs wait in it.

    ``version`` grows with each change; anything computed from an older version is stale.
    """

    def __init__(self, table: Table, stats: StatsView, instance: ResourceInfo) -> None:
        super().__init__("situation monitor")
        self.version = 0
        self._table = table
        self._stats = stats
        self._instance = instance
        self._situation = Situation()
        self._wanted_until = 0.0
        self._last_nodes = b""
        self._queues_interval = _QUEUES_INTERVAL_S
        self._nodes_interval = _NODES_INTERVAL_S
        self._drained: list[dict[str, Any]] | None = None
        self._shares: dict[str, dict[str, Any]] = {}
        self._shares_of: tuple[bytes, list[Queue]] = (b"", [])
        """The nodes and queues from which the shares were computed."""
        self._queues: list[Queue] = []

    @property
    def nodes(self) -> dict[str, Any] | None:
        """Return the nodes, cores and GPUs as of a moment ago; ``None`` if they are not needed."""
        return self._stats.nodes if self._is_wanted() else None

    @property
    def queues(self) -> list[dict[str, Any]] | None:
        """Return the queues as of a moment ago, or ``None`` if they are not known."""
        return self._stats.queues

    @property
    def last_nodes(self) -> dict[str, Any] | None:
        """Return the response of ``GET /resources`` that was read last, or ``None``."""
        return msgspec.json.decode(self._last_nodes) if self._last_nodes else None

    @property
    def drained_nodes(self) -> list[dict[str, Any]] | None:
        """Return the nodes that were drained when they were read last, or ``None``."""
        return self._drained

    def want(self, seconds: float) -> None:
        """Keep the queues and nodes current for a while."""
        self._wanted_until = time.monotonic() + seconds

    def reason(self, record: dict[str, Any], say: Say = english) -> str:
        """Return the reason why a job waits, or an empty text."""
        return reason(record, self._situation, time.time(), say)

    def is_blocked(self, record: Mapping[str, Any]) -> bool:
        """Return whether a job cannot start at present."""
        return is_blocked(record, self._situation)

    def named_in_reason(self, record: Mapping[str, Any], say: Say = english) -> tuple[str, str]:
        """Return the nodes and the job that the reason of a job may name."""
        return named_in_reason(record, self._situation, say)

    def record(self, jobid: int, say: Say = english) -> dict[str, Any]:
        """Return the record of a job with its reason; raises ``KeyError``."""
        found = self._table.record(jobid)
        why = self.reason(found, say)
        return {**found, "reason": why} if why else found

    def encode(self, jobid: int) -> bytes:
        """Return :meth:`record` as JSON; raises ``KeyError``."""
        row = self._table.encode(jobid)
        job = self._table[jobid]
        why = self.reason(waiting(job)) if job.state in PENDING else ""
        return row[:-1] + b',"reason":' + _encoder.encode(why) + b"}" if why else row

    async def rows(self, jobids: Sequence[int]) -> list[bytes]:
        """Return :meth:`encode` of each job; those that were removed are left out."""
        return [row async for rows in self.lists(jobids) for row in rows]

    async def lists(self, jobids: Sequence[int]) -> AsyncGenerator[Sequence[bytes], None]:
        """Yield :meth:`rows` in lists that have about as many bytes, if they are not short."""
        if len(jobids) <= _SLICE_ROWS:
            yield self._encode_all(jobids)
            return
        turn = TimeSlice(0)
        start, count = 0, _FIRST_ROWS
        while start < len(jobids):
            await turn.share()
            rows = self._encode_all(jobids[start : start + count])
            yield rows
            start += count
            fitting = count * PIECE_BYTES // max(sum(map(len, rows)), 1)
            count = max(min(fitting, _SLICE_ROWS), 1)

    def _encode_all(self, jobids: Sequence[int]) -> list[bytes]:
        table = self._table
        rows = table.settled_rows(jobids)
        if all(rows):
            return cast("list[bytes]", rows)
        return [
            row or self.encode(jobid)
            for jobid, row in zip(jobids, rows, strict=True)
            if row or jobid in table
        ]

    def _is_wanted(self) -> bool:
        return (
            self._stats.is_watched
            or time.monotonic() < self._wanted_until
            or bool(self._table.index.state.get("SCHED"))
        )

    async def run(self) -> None:
        """Read the queues and nodes while they are wanted."""
        asked_queues = asked_nodes = float("-inf")
        while True:
            now = time.monotonic()
            if self._is_wanted():
                if now - asked_queues >= self._queues_interval:
                    asked_queues = now
                    await self._ask_queues()
                if now - asked_nodes >= self._nodes_interval:
                    asked_nodes = now
                    await self._ask_nodes()
            elif now - max(asked_queues, asked_nodes) >= _KEPT_UNWANTED_S:
                self._forget()
            await asyncio.sleep(_CHECK_INTERVAL_S)

    async def _ask_queues(self) -> None:
        try:
            found = await self._instance.queues()
            self._stats.queues = [describe_queue(queue) for queue in found]
            self._queues = [queue for queue in found if queue.policy.requires]
            words = sum(1 + len(queue.policy.requires) for queue in found)
            self._queues_interval = max(_QUEUES_INTERVAL_S, words / _WORDS_PER_S)
        except FluxapiError as error:
            _log.debug("cannot read the queues: %s", error.detail)
            self._stats.queues = None
            self._queues = []
        self._learn()

    async def _ask_nodes(self) -> None:
        try:
            found = await nodes_and_totals(self._instance)
            known = await asyncio.to_thread(_digest, found)
            self._stats.nodes, self._last_nodes = known.summary, known.text
            self._drained = known.drained
            self._nodes_interval = max(_NODES_INTERVAL_S, _NODES_SHARE * known.seconds)
            await self._share(found["nodes"])
        except InstanceUnavailable as error:
            # The figures stay as they were when the instance last answered.
            _log.debug("cannot read the nodes: %s", error.detail)
        except FluxapiError as error:
            _log.debug("cannot read the nodes: %s", error.detail)
            self._stats.nodes = None
            self._shares, self._shares_of = {}, (b"", [])
        self._learn()

    async def _share(self, nodes: list[dict[str, Any]]) -> None:
        """Count the nodes of each queue that has its own, if they or the queues have changed."""
        known = self._last_nodes, self._queues
        if known == self._shares_of:
            return
        few = len(self._queues) <= _MAX_SHARES
        queues = self._queues if few else []
        found = await asyncio.to_thread(shares_of, queues, nodes, ()) if queues else {}
        self._shares = {
            name: {kind: share[kind] for kind in ("nodes", "cores", "gpus")}
            for name, share in found.items()
        }
        self._shares_of = known

    def _forget(self) -> None:
        """Drop old responses, so that the next reader does not take them for current ones."""
        if (self._stats.queues, self._stats.nodes) != (None, None):
            self._stats.queues = self._stats.nodes = None
            self._learn()

    def _learn(self) -> None:
        of_queues = {name: dict(share) for name, share in self._shares.items()}
        firsts = first_in_line(self._table)
        started = {queue["name"] for queue in self._stats.queues or () if queue["started"]}
        before = first_of_others(self._table, firsts, started)
        for key, jobs in (("first", firsts), ("before", before)):
            for name, jobid in jobs.items():
                of_queues.setdefault(name, {})[key] = encode_f58(jobid)
        self._stats.of_queues = of_queues
        situation = Situation.of(self._stats.told_queues, self._stats.nodes)
        if situation != self._situation:
            self._situation = situation
            self.version += 1


def describe_queue(queue: Queue) -> dict[str, Any]:
    """Return a queue as the API describes it."""
    row: dict[str, Any] = {
        "name": queue.name,
        "enabled": queue.enabled,
        "started": queue.started,
        "default": queue.default,
    }
    if queue.disable_reason:
        row["disable_reason"] = queue.disable_reason
    if queue.stop_reason:
        row["stop_reason"] = queue.stop_reason
    if queue.policy.requires:
        row["requires"] = list(queue.policy.requires)
    return row


def describe_policy(queue: Queue) -> dict[str, Any]:
    """Return a queue with its policy as the API describes it, without the absent limits."""
    policy = queue.policy
    found: dict[str, Any] = {
        "default_duration": policy.default_duration,
        "max_duration": policy.max_duration,
        "min_size": dict(policy.min_size),
        "max_size": dict(policy.max_size),
    }
    return describe_queue(queue) | {
        name: value for name, value in found.items() if value not in (None, [], {})
    }


class _Digest(NamedTuple):
    """The summary of the nodes, all of them as JSON, and those that are drained.

    ``seconds`` is the time that it took to make.
    """

    summary: dict[str, Any]
    text: bytes
    drained: list[dict[str, Any]]
    seconds: float


def _digest(found: dict[str, Any]) -> _Digest:
    began = time.thread_time()
    drained = [node for node in found["nodes"] if "drained_at" in node]
    figures, text = summary(found), _encoder.encode(found)
    return _Digest(figures, text, drained, time.thread_time() - began)


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Return the nodes by state, and the cores and GPUs: all, up, in use and free."""
    states: dict[str, int] = {}
    for node in found["nodes"]:
        states[node["state"]] = states.get(node["state"], 0) + 1
    totals = found["totals"]
    properties = {
        name
        for node in found["nodes"]
        if "excluded" not in node
        for name in node.get("properties", ())
    }
    up = [node for node in found["nodes"] if node["state"] == "up"]
    return {
        "total": totals["nodes"],
        "allocated": sum(1 for node in found["nodes"] if node["allocated"]),
        "free": sum(1 for node in up if not node["allocated"]),
        "states": states,
        **few_names(
            [
                node.get("name", "")
                for node in found["nodes"]
                if node["state"] in {"drained", "draining"} and "excluded" not in node
            ]
        ),
        **{
            kind: {**totals[kind], "up": sum(node[kind]["total"] for node in up)}
            for kind in ("cores", "gpus")
        },
        **(_properties(found["nodes"], properties) if _are_few(properties) else {}),
    }


def _properties(nodes: Sequence[Mapping[str, Any]], known: Iterable[str]) -> dict[str, Any]:
    """Return the names of the properties, and the nodes of those of which no node is up."""
    out: dict[str, dict[str, int]] = {name: {"total": 0, "drained": 0} for name in known}
    for node in nodes:
        if "excluded" in node:
            continue
        for name in node.get("properties", ()):
            if node["state"] == "up":
                out.pop(name, None)
            elif name in out:
                out[name]["total"] += 1
                out[name]["drained"] += node["state"] in {"drained", "draining"}
    return {"properties": sorted(known), **({"properties_out": out} if out else {})}


def _are_few(properties: set[str]) -> bool:
    return len(properties) <= _MAX_PROPERTIES and sum(map(len, properties)) <= _MAX_PROPERTY_CHARS
