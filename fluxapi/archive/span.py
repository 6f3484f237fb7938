"""A range of time, cut into steps of equal length."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["MAX_STEPS", "Span"]

MAX_STEPS = 500
"""Steps of one range."""

_LENGTHS_S = (
    10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 7 * 86_400,
    30 * 86_400,
)  # fmt: skip
"""The lengths of a step that people read easily."""


@dataclass(frozen=True)
class Span:
    """The times from *since* to *until*, in steps of *step* seconds that divide the day evenly.

    The first step begins at or before *since*, and only its part after *since* counts.
    """

    since: float
    until: float
    step: float

    @classmethod
    def choose(cls, since: float, until: float, max_steps: int) -> Span:
        """Return a span of at most *max_steps* steps, each as short as possible.

        Raises:
            ValueError: *since* is not before *until*.
        """
        if not since < until:
            raise ValueError("is not after 'since'")
        # A range that begins within a step has one step more.
        least = (until - since) / max(min(max_steps, MAX_STEPS) - 1, 1)
        step = next((length for length in _LENGTHS_S if length >= least), None)
        if step is None:
            step = math.ceil(least / _LENGTHS_S[-1]) * _LENGTHS_S[-1]
        return cls(since, until, float(step))

    @property
    def begin(self) -> float:
        """Return the time at which the first step begins."""
        return math.floor(self.since / self.step) * self.step

    @property
    def steps(self) -> list[tuple[float, float]]:
        """Return begin and end of each step."""
        # The quotient of a tiny range may be zero.
        count = max(math.ceil((self.until - self.begin) / self.step), 1)
        return [
            (self.begin + index * self.step, self.begin + (index + 1) * self.step)
            for index in range(count)
        ]

    def part(self, begin: float, end: float) -> tuple[float, float]:
        """Return the part of a step that is in the range."""
        return max(begin, self.since), min(end, self.until)
