"""The annotations of a job: those of the scheduler, and the memos of its user.

The owner of a job can post a memo of any size and depth, so size and depth are bounded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from .decoded_size import decoded_bytes

__all__ = ["MAX_ANNOTATIONS_BYTES", "MAX_DECODED_BYTES", "annotate", "is_shared"]

MAX_ANNOTATIONS_BYTES = 16_384
"""Limit of the annotations of one job as JSON."""

MAX_DECODED_BYTES = 64 << 10
"""Limit of their memory: a text of ``{}`` takes thirty times its length, also of an ended job."""

_MAX_DEPTH = 64
"""Levels of nesting that are accepted; Flux accepts about two thousand."""

_MAX_SHARED_LENGTH = 256

_encoder = msgspec.json.Encoder()


def annotate(
    old: Mapping[str, Any] | None, new: Any, *, within: str | None = None
) -> dict[str, Any] | None:
    """Return *old* merged with *new*, or with ``{within: new}``; ``None`` when nothing is left.

    Raises:
        ValueError: The result is too large or too deep, or *new* is not an object.
    """
    if not isinstance(new, dict):
        raise ValueError("annotations must be an object")  # noqa: TRY004 - one error
    if not old and within is None and (summary := _summary(new)):
        return _resource_summary(summary)
    _check(new)
    merged = _merge(old or {}, new if within is None else {within: new})
    if not merged:
        return None
    if old:
        _check(merged)
    return _resource_summary(summary) if (summary := _summary(merged)) else merged


def is_shared(annotations: dict[str, Any]) -> bool:
    """Return whether many jobs share these annotations, which are the usual ones of a scheduler."""
    return bool(_summary(annotations))


def _check(value: dict[str, Any]) -> None:
    if _is_deep(value):
        raise ValueError("annotations are nested too deeply")
    if (
        len(_encoder.encode(value)) > MAX_ANNOTATIONS_BYTES
        or decoded_bytes(value, MAX_DECODED_BYTES) > MAX_DECODED_BYTES
    ):
        raise ValueError("annotations are too large")


def _merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return *old* updated by *new*, level by level; a null removes its key (RFC 21, memo)."""
    merged = dict(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            inner = _merge(below if isinstance(below, dict) else {}, value)
            if inner:
                merged[key] = inner
            else:
                merged.pop(key, None)
        else:
            merged[key] = value
    return merged


def _summary(annotations: dict[str, Any]) -> str:
    """Return the scheduler's usual annotation if it is the only one and short, or ``""``."""
    sched = annotations.get("sched")
    if len(annotations) == 1 and isinstance(sched, dict) and len(sched) == 1:
        summary = sched.get("resource_summary")
        if isinstance(summary, str) and len(summary) <= _MAX_SHARED_LENGTH:
            return summary
    return ""


@lru_cache(maxsize=65536)
def _resource_summary(summary: str) -> dict[str, Any]:
    """Return one object for all jobs with this annotation; it is never changed in place."""
    return {"sched": {"resource_summary": summary}}


def _is_deep(value: dict[str, Any]) -> bool:
    """Return whether *value* has too many levels, without recursion."""
    level: list[Any] = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            part
            for item in level
            for part in (item.values() if isinstance(item, dict) else item)
            if isinstance(part, (dict, list))
        ]
        if not level:
            return False
    return True
