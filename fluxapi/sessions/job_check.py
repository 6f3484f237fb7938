"""Compare a job with the instance before it is submitted."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fluxapi.errors import FluxapiError
from fluxapi.instance.nodes import nodes_and_totals
from fluxapi.instance.protocol import Instance, InstanceInfo, Queue
from fluxapi.model.checked import seconds
from fluxapi.model.counts import Counts, read_counts
from fluxapi.model.demand import demand
from fluxapi.process.replaced_threads import ReplacedThreads
from fluxapi.process.shared_value import SharedValue
from fluxapi.process.timeout import within

from .job_fit import Asked, Finding, chosen_queue, find_misfits, finding

__all__ = ["CheckedJob", "JobChecker"]

T = TypeVar("T")

_KEPT_S = 3.0
"""Time for which the queues and nodes are reused; a form is checked at each pause."""

_ANSWER_TIMEOUT_S = 2.0
_FOLDER_TIMEOUT_S = 1.0
_FOLDER_THREADS = 2
"""Threads that may wait for a file server."""


@dataclass(frozen=True, slots=True)
class CheckedJob:
    """The size of a job, and the findings about it.

    Attributes:
        size: ``tasks``, ``nodes``, ``cores`` and ``gpus``, as far as they are known before Flux
            chooses nodes; ``whole_nodes``; ``duration`` in seconds; ``queue``.
        unknown: ``queues`` and ``nodes``, if the instance did not report them.
    """

    size: Mapping[str, Any]
    findings: Sequence[Finding]
    unknown: Sequence[str]


class JobChecker:
    """Compares jobs with the queues and nodes of one instance."""

    def __init__(self, instance: Instance, info: InstanceInfo) -> None:
        self._info = info
        self._queues = SharedValue(instance.queues, _KEPT_S)
        self._nodes = SharedValue(lambda: nodes_and_totals(instance), _KEPT_S)
        self._folders = ReplacedThreads("working directories", _FOLDER_THREADS)

    async def check(self, jobspec: Mapping[str, Any]) -> CheckedJob:
        """Compare a valid jobspec with the instance; raise ``ValueError`` if it cannot be read."""
        system = jobspec.get("attributes", {}).get("system", {})
        limit = system.get("duration")
        asked = Asked(
            demand(jobspec["resources"]),
            system.get("queue"),
            None if limit is None else seconds(limit),
            _counts(jobspec).properties,
        )
        queues, nodes = await asyncio.gather(_told(self._queues.get()), _told(self._nodes.get()))
        rows = None if nodes is None else nodes["nodes"]
        findings = await asyncio.to_thread(find_misfits, asked, queues, rows)
        folder = system.get("cwd")
        if isinstance(folder, str) and await self._is_missing(folder):
            findings.append(self._missing(folder))
        known = {"queues": queues, "nodes": nodes}
        return CheckedJob(
            _size(jobspec, asked, queues or ()),
            findings,
            [name for name, it in known.items() if it is None],
        )

    async def _is_missing(self, folder: str) -> bool:
        """Return whether this machine has no such directory; a file server may not answer."""
        try:
            return not await self._folders.run(_FOLDER_TIMEOUT_S, folder, os.path.isdir, folder)
        except asyncio.TimeoutError:
            return False

    def _missing(self, folder: str) -> Finding:
        if self._info.kind == "embedded":
            return finding("cwd", "note", "no_folder", folder=folder)
        host = socket.gethostname()
        return finding("cwd", "note", "no_folder_on_host", folder=folder, host=host)

    async def aclose(self) -> None:
        """Cancel the requests in progress."""
        await self._queues.aclose()
        await self._nodes.aclose()


async def _told(answer: Awaitable[T]) -> T | None:
    """Return a response of the instance, or ``None`` if there is none, or it comes late."""
    try:
        return await within(_ANSWER_TIMEOUT_S, answer)
    except (FluxapiError, asyncio.TimeoutError):
        return None


def _counts(jobspec: Mapping[str, Any]) -> Counts:
    system = jobspec.get("attributes", {}).get("system", {})
    shell = system.get("shell", {}).get("options", {})
    return read_counts(
        jobspec["resources"],
        jobspec["tasks"],
        shell.get("per-resource"),
        system.get("constraints"),
    )


def _size(jobspec: Mapping[str, Any], asked: Asked, queues: Sequence[Queue]) -> dict[str, Any]:
    counts = _counts(jobspec)
    queue = chosen_queue(asked, queues)
    duration = asked.duration or (queue and queue.policy.default_duration)
    found = {
        "tasks": counts.ntasks(None),
        "nodes": asked.demand.nodes,
        "cores": asked.demand.cores,
        "gpus": asked.demand.gpus,
        "whole_nodes": asked.demand.whole_nodes or None,
        "duration": duration or None,
        "queue": (queue and queue.name) or asked.queue,
    }
    return {name: value for name, value in found.items() if value is not None}
