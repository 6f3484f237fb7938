"""The fuzz of the fold with very many examples, and the longest time that one step of it took.

The examples come from a plain random generator, which makes some hundred times as many a second as
hypothesis does; the checks are those of ``tests/model/test_hostile_fold.py``.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable
from typing import Any

from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.service import tune
from fluxapi.table.changes import Changes
from fluxapi.table.table import Table
from tests.model import test_hostile_fold as fuzz

__all__ = ["run"]

TARGET_MS = 50
_MAX_DEPTH = 4


class Arbitrary:
    """Draws arbitrary JSON, and what Flux may tell of a job."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def _pick(self, choices: list[Any]) -> Any:
        return choices[int(self._random.random() * len(choices))]

    def _text(self, length: int) -> str:
        return "".join(self._pick(fuzz.CHARACTERS) for _ in range(self._random.randint(0, length)))

    def _leaf(self) -> Any:
        kind = self._random.random()
        if kind < 0.3:
            return self._pick(fuzz.NOTABLE)
        if kind < 0.5:
            return self._random.randint(-(2**63), 2**63 - 1)
        if kind < 0.6:
            return self._random.uniform(-1e308, 1e308)
        return self._text(8)

    def _key(self) -> str:
        key: str = self._pick(fuzz.KNOWN_KEYS) if self._random.random() < 0.5 else self._text(4)
        return key

    def anything(self, depth: int = 0) -> Any:
        """Return any JSON value."""
        kind = self._random.random()
        if depth == _MAX_DEPTH or kind < 0.5:
            return self._leaf()
        members = range(self._random.randint(0, 4))
        if kind < 0.7:
            return [self.anything(depth + 1) for _ in members]
        return {self._key(): self.anything(depth + 1) for _ in members}

    def changed(self, whole: Any) -> Any:
        """Return *whole* with something else in one place of it, or something else altogether."""
        if self._random.random() < 0.9:
            if isinstance(whole, dict) and whole:
                key = self._pick(sorted(whole))
                return {**whole, key: self.changed(whole[key])}
            if isinstance(whole, list) and whole:
                return [self.changed(whole[0]), *whole[1:]]
        return self.anything()

    def _object(self, whole: dict[str, Any]) -> dict[str, Any] | None:
        value = self.changed(whole)
        return value if isinstance(value, dict) and self._random.random() < 0.9 else None

    def _event(self) -> Event:
        name = self._pick(fuzz.KNOWN_NAMES) if self._random.random() < 0.9 else self._text(6)
        context = {
            self._pick(fuzz.KNOWN_MEMBERS)
            if self._random.random() < 0.8
            else self._key(): self.anything()
            for _ in range(self._random.randint(0, 5))
        }
        return Event(self._random.uniform(-1e12, 1e12), name, context or None)

    def message(self) -> JournalMessage:
        """Return what the journal may hold."""
        events = [self._event() for _ in range(self._random.randint(1, 6))]
        jobid = self._random.randint(1, 4)
        return JournalMessage(jobid, events, self._object(fuzz.SPEC), self._object(fuzz.R))

    def messages(self) -> list[JournalMessage]:
        """Return a batch."""
        return [self.message() for _ in range(self._random.randint(0, 6))]

    def is_live(self) -> bool:
        """Tell whether the batch comes after the backlog."""
        return self._random.random() < 0.5


class Stopwatch:
    """Measures each step of the fold: one batch fed to a table."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.steps = self.example = self.longest_in = 0

    def watch(self, feed: Callable[..., Changes]) -> Callable[..., Changes]:
        """Return *feed* with its time of CPU measured."""

        def measured(table: Table, batch: Iterable[Any]) -> Changes:
            begun = time.thread_time()
            try:
                return feed(table, batch)
            finally:
                taken = time.thread_time() - begun
                self.steps += 1
                if taken > self.longest_s:
                    self.longest_s, self.longest_in = taken, self.example

        return measured


def run(examples: int, seed: int) -> bool:
    """Fuzz, print what was found, and tell whether the target is met."""
    check = fuzz.test_no_message_costs_another_job_its_row.hypothesis.inner_test  # type: ignore[attr-defined]
    arbitrary, stopwatch, feed = Arbitrary(seed), Stopwatch(), Table.feed
    logging.disable(logging.CRITICAL)  # each bad event is logged
    tune()
    Table.feed = stopwatch.watch(feed)  # type: ignore[method-assign]
    try:
        for number in range(examples):
            stopwatch.example = number
            messages, live = arbitrary.messages(), arbitrary.is_live()
            try:
                check(messages, live)
            except Exception:
                print(f"fold: example {number} of seed {seed} fails: {live=} {messages!r:.5000}")
                raise
    finally:
        Table.feed = feed  # type: ignore[method-assign]
        logging.disable(logging.NOTSET)
    longest_ms = stopwatch.longest_s * 1000
    print(
        f"fold: {examples} examples (seed {seed}) in {stopwatch.steps} steps: no exception, no row "
        f"lost; longest step {longest_ms:.1f} ms, in example {stopwatch.longest_in} "
        f"(target {TARGET_MS} ms)"
    )
    return longest_ms <= TARGET_MS
