"""The table: the rate at which a backlog is folded, and the memory of a job."""

from __future__ import annotations

import gc
import json
import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path

from fluxapi.model.eventlog import decode_journal
from fluxapi.table.table import Table

from .backlog import EVENTS_PER_JOB, payloads
from .figures import Figure

__all__ = ["figures"]

_PAGE = 4096
_PIECE = 64
_TARGET_EVENTS = 100_000
_TARGET_BYTES = 2048


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def _measure(jobs: int, answer: Connection) -> None:
    raw = list(payloads(jobs))
    started = time.perf_counter()
    for payload in raw:
        json.loads(payload)
    baseline = jobs * EVENTS_PER_JOB / (time.perf_counter() - started)
    gc.collect()
    before = _resident()
    table = Table()
    started = time.perf_counter()
    for at in range(0, len(raw), _PIECE):
        table.feed([decode_journal(payload) for payload in raw[at : at + _PIECE]])
    rate = jobs * EVENTS_PER_JOB / (time.perf_counter() - started)
    answer.send((rate, baseline, (_resident() - before) / jobs))


def figures(jobs: int) -> list[Figure]:
    """Measure in a process of its own, so that nothing else is in its memory."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_measure, args=(jobs, there))
    process.start()
    there.close()  # so that a process that dies ends the wait
    rate, baseline, memory = here.recv()
    process.join()
    return [
        Figure(
            f"backlog of {jobs:,} jobs decoded and folded",
            rate,
            "events/s",
            "the target rate",
            _TARGET_EVENTS,
            1.0,
        ),
        Figure(
            "the same beside decoding alone",
            rate,
            "events/s",
            "json.loads of the payloads",
            baseline,
            0.0,
        ),
        Figure("memory of a job", memory, "bytes", "the bound", _TARGET_BYTES, 1.0, at_most=True),
    ]
