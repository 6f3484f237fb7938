"""The table: the rate at which one core folds a backlog, and the memory of a job."""

from __future__ import annotations

import gc
import itertools
import json
import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path

from fluxapi.model.eventlog import decode_journal
from fluxapi.service import tune
from fluxapi.table.backlog import BacklogBuffer
from fluxapi.table.table import Table

from .backlog import EVENTS_PER_JOB, SENTINEL, payloads
from .figures import Figure

__all__ = ["figures"]

_PAGE = 4096
_PIECE = 24
"""Messages that are decoded and folded at once: those that fit in a batch of the journal's reader
(``MAX_BATCH_BYTES`` in ``fluxapi/instance/broker/journal.py``)."""

_TARGET_EVENTS = 300_000
_TARGET_BYTES = 800


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def _measure(jobs: int, history: BacklogBuffer | None, answer: Connection) -> None:
    tune()
    gc.collect()
    # Until its end, this holds the numbers of all jobs, which are no part of the table.
    source = payloads(jobs)
    made = itertools.islice(source, jobs)
    raw = list(itertools.islice(made, _PIECE))
    before = _resident()
    table = Table(history=history)
    decoding = folding = 0.0
    while raw:
        started = time.process_time()
        for payload in raw:
            json.loads(payload)
        decoded = time.process_time()
        table.feed([decode_journal(payload) for payload in raw])
        decoding += decoded - started
        folding += time.process_time() - decoded
        raw = list(itertools.islice(made, _PIECE))
    table.feed([decode_journal(SENTINEL)])
    started = time.process_time()
    for _ in table.index.settle():
        pass
    folding += time.process_time() - started
    gc.collect()
    events = jobs * EVENTS_PER_JOB
    answer.send((events / folding, events / decoding, (_resident() - before) / jobs))


def _apart(jobs: int, history: BacklogBuffer | None) -> tuple[float, float, float]:
    """Measure in a process of its own, so that nothing else is in its memory."""
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_measure, args=(jobs, history, there))
    process.start()
    there.close()  # so that a process that dies ends the wait
    rate, baseline, memory = here.recv()
    process.join()
    return rate, baseline, memory


def figures(jobs: int) -> list[Figure]:
    """Measure the rate as at a start, and the memory without the newest events of the backlog."""
    rate, baseline, _ = _apart(jobs, BacklogBuffer())
    *_, memory = _apart(jobs, None)
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
