"""A synthetic backlog: the journal of an instance that has run many jobs of a few kinds."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

__all__ = ["EVENTS_PER_JOB", "GROUP", "SENTINEL", "live", "payloads"]

_START = 1_700_000_000.0
_NAMES = 50
_NODES = 64

EVENTS_PER_JOB = 9

SENTINEL = b'{"id":-1,"events":[]}'
"""The payload that ends the backlog."""

GROUP = "sweep"
"""The group of the jobs of a backlog that is *grouped*."""


def _jobspec(number: int, *, grouped: bool) -> dict[str, Any]:
    name = f"run-{number % _NAMES}-{number}" if number % 2 else "train"
    return {
        "resources": [
            {
                "type": "slot",
                "count": 1,
                "with": [{"type": "core", "count": 1}],
                "label": "task",
            }
        ],
        "tasks": [{"command": ["true"], "slot": "task", "count": {"per_slot": 1}}],
        "attributes": {
            "system": {
                "duration": 0,
                "cwd": "/home/flux",
                "job": {"name": name},
                "shell": {"options": {"rlimit": {"cpu": -1, "nofile": 20000, "core": 0}}},
            },
            **({"user": {"fluxapi": {"group": GROUP}}} if grouped else {}),
        },
        "version": 1,
    }


def _resources(number: int, at: float) -> dict[str, Any]:
    rank = number % _NODES
    return {
        "version": 1,
        "execution": {
            "R_lite": [{"rank": str(rank), "children": {"core": str(number % 32)}}],
            "starttime": at,
            "expiration": 0.0,
            "nodelist": [f"node{rank}"],
        },
    }


def _events(number: int, at: float) -> list[dict[str, Any]]:
    summary = f"rank{number % _NODES}/core{number % 32}"
    entries: list[tuple[str, dict[str, Any] | None]] = [
        ("submit", {"userid": 0, "urgency": 16, "flags": 0, "version": 1}),
        ("validate", None),
        ("depend", None),
        ("priority", {"priority": 16}),
        ("alloc", {"annotations": {"sched": {"resource_summary": summary}}}),
        ("start", None),
        ("finish", {"status": 0 if number % 10 else 256}),
        ("release", {"ranks": "all", "final": True}),
        ("clean", None),
    ]
    return [
        {"timestamp": at + 0.001 * index, "name": name} | ({"context": context} if context else {})
        for index, (name, context) in enumerate(entries)
    ]


def live(events: int, first: int, size: int = 150, *, grouped: bool = False) -> Iterator[bytes]:
    """Yield raw payloads of one live event each, of short jobs numbered from ``first`` on.

    Each has some ``size`` bytes of context, so that a frame of it has about 300.
    """
    number, at = first, time.time()
    left = events
    while left > 0:
        for entry in _events(number, at)[:left]:
            message: dict[str, Any] = {"id": (number * 10) << 24, "events": [entry]}
            if entry["name"] == "submit":
                message["jobspec"] = _jobspec(number, grouped=grouped)
            elif entry["name"] == "alloc":
                message["R"] = _resources(number, at)
            entry["context"] = {**entry.get("context", {}), "pad": "x" * size}
            yield json.dumps(message).encode()
        left -= EVENTS_PER_JOB
        number += 1


def payloads(jobs: int, *, grouped: bool = False) -> Iterator[bytes]:
    """Yield raw journal payloads, one per job, then the sentinel.

    The jobs come in no order, as Flux sends them.
    """
    for number in random.Random(jobs).sample(range(jobs), jobs):  # noqa: S311
        at = _START + number * 0.01
        message = {
            "id": (number * 10) << 24,
            "events": _events(number, at),
            "jobspec": _jobspec(number, grouped=grouped),
            "R": _resources(number, at),
        }
        yield json.dumps(message).encode()
    yield SENTINEL
