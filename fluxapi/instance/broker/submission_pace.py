"""The number of submissions that are with Flux at a time, by the time in which it answers.

A later one waits behind all of them. Usually Flux takes a job in a fraction of a millisecond, and
commits many together. If tens of thousands pend, it inserts one of a higher urgency before all of
them, which takes twenty times longer (flux-core, job-manager/job.c, job-list/job_state.c).
"""

from __future__ import annotations

__all__ = ["SubmissionPace"]

_FIRST, _FEWEST, _MOST = 256, 32, 2048
"""Submissions that are with Flux at first, if it takes long, and if it does not."""

_LATE_S, _SOON_S = 1.0, 0.5
"""Time after which fewer are sent, and within which more are."""


class SubmissionPace:
    """Counts the submissions that are with Flux; the time of one of them at a time is measured."""

    def __init__(self) -> None:
        self._open = 0
        self._limit = _FIRST
        self._measured: tuple[int, float] | None = None

    @property
    def is_full(self) -> bool:
        """True if no more are to be sent before an answer."""
        return self._open >= self._limit

    def note_sent(self, tag: int, now: float, *, is_heavy: bool = False) -> None:
        """Note that a submission is sent; the time of a heavy one says nothing about others."""
        self._open += 1
        if self._measured is None and not is_heavy:
            self._measured = tag, now

    def note_answer(self, tag: int, now: float) -> None:
        """Note that Flux has answered a submission."""
        if self._measured is not None and self._measured[0] == tag:
            self._adapt(now - self._measured[1])
            self._measured = None
        self._open -= 1
        if not self._open:
            self._limit = min(self._limit, _FIRST)

    def clear(self) -> None:
        """Forget the submissions that are with Flux."""
        self._open = 0
        self._measured = None

    def _adapt(self, seconds: float) -> None:
        if seconds > _LATE_S:
            self._limit = max(int(self._limit * _LATE_S / seconds), _FEWEST)
        elif seconds < _SOON_S and 2 * self._open > self._limit:
            self._limit = min(2 * self._limit, _MOST)
