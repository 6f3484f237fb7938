"""The limit of the annotations that active jobs have by the memos of requests.

The job manager merges all memos of a job, which it keeps in memory, and writes the result into the
eventlog when the job gets its resources. The eventlog does not contain volatile memos before.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from fluxapi.errors import FluxRefused

from .ended_memory import EndedMemory
from .job import Job
from .paced_look import PacedLook

__all__ = ["MAX_JOB_BYTES", "MAX_TOTAL_BYTES", "AnnotationLimit"]

MAX_JOB_BYTES = 256 << 10
"""Memory of the annotations of one job by memos."""

MAX_TOTAL_BYTES = 32 << 20
"""Memory of those of all active jobs."""

_VALUE_BYTES, _LIST_BYTES, _OBJECT_BYTES = 72, 160, 440
"""Memory of a value besides its name and its text, and of a list and an object without values."""

_MIN_MANY = 10_000
"""Jobs after which those that have ended are looked for."""

_encoder = msgspec.json.Encoder()

_Path = tuple[str, ...]
_Sizes = dict[_Path, int]


class AnnotationLimit:
    """The annotations of active jobs by memos, as the size of each value.

    Args:
        find: Returns a job by its ID; jobs that have ended are forgotten now and then.
        ended: Counts their annotations.
    """

    def __init__(self, find: Callable[[int], Job | None], ended: EndedMemory | None = None) -> None:
        self._by_job: dict[int, _Sizes] = {}
        self._total = 0
        self._find = find
        self._ended = ended
        self._many = _MIN_MANY
        self._look = PacedLook()

    def add(self, jobid: int, memo: Mapping[str, Any]) -> None:
        """Count a memo; raise ``FluxRefused`` if there is no room for it."""
        before = self._by_job.get(jobid, {})
        after = _merged(before, memo)
        size = sum(after.values())
        if size > MAX_JOB_BYTES:
            raise FluxRefused("the annotations of the job are too large", errno=errno.ENOSPC)
        growth = size - sum(before.values())
        if self._ended is not None:
            self._ended.check(growth)
        if self._total + growth > MAX_TOTAL_BYTES or len(self._by_job) > self._many:
            self._forget_ended()
            growth = size - sum(self._by_job.get(jobid, {}).values())
        if self._total + growth > MAX_TOTAL_BYTES:
            raise FluxRefused("the annotations of active jobs are too large", errno=errno.ENOSPC)
        self._by_job[jobid] = after
        self._total += growth

    def _forget_ended(self) -> None:
        if self._look.is_due:
            with self._look.looking():
                for jobid in list(self._by_job):
                    job = self._find(jobid)
                    if job is None or job.is_inactive:
                        size = sum(self._by_job.pop(jobid).values())
                        self._total -= size
                        if job is not None and self._ended is not None:
                            self._ended.keep(jobid, size)
        self._many = max(_MIN_MANY, 2 * len(self._by_job))


def _merged(before: _Sizes, memo: Mapping[str, Any]) -> _Sizes:
    """Return the sizes after a memo; a null removes what is below its name."""
    values = dict(_values(memo, ()))
    removed = {path for path, value in values.items() if value is None}
    after = {
        path: size
        for path, size in before.items()
        if not (removed and any(path[:end] in removed for end in range(1, len(path) + 1)))
    }
    for path, value in values.items():
        if value is not None:
            after[path] = sum(map(len, path)) + _size(value)
    return after


def _size(value: Any) -> int:
    if isinstance(value, list):
        return _LIST_BYTES + sum(map(_size, value))
    if isinstance(value, dict):
        return _OBJECT_BYTES + sum(len(name) + _size(it) for name, it in value.items())
    return _VALUE_BYTES + len(_encoder.encode(value))


def _values(memo: Mapping[str, Any], above: _Path) -> Iterator[tuple[_Path, Any]]:
    """Yield the values of a memo that are no objects, each with its names."""
    for name, value in memo.items():
        path = (*above, name)
        if isinstance(value, dict):
            yield from _values(value, path)
        else:
            yield path, value
