"""Checks of values that come from a job.

The user who submits a job controls its jobspec, eventlog and R, and Flux validates only a part of
them. These functions return the value if it is valid, and raise ``ValueError`` otherwise.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["MAX_ID", "clip", "integer", "number", "seconds", "text"]

MAX_ID = (1 << 32) - 1
"""Largest user ID and priority."""

_MAX_SECONDS = 1e11
"""About three thousand years: larger than any time or duration of Flux, and safe in arithmetic."""


def integer(value: Any, low: int, high: int) -> int:
    """Return *value* if it is an integer from *low* to *high*."""
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"is not an integer from {low} to {high}")
    return value


def number(value: Any) -> float:
    """Return *value* as a float if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("is not a number")  # noqa: TRY004 - one error for all that is wrong
    if not -_MAX_SECONDS <= value <= _MAX_SECONDS or math.isnan(value):
        raise ValueError("is out of range")
    # Most of these are 0, which all jobs share.
    return float(value) if value else 0.0


def seconds(value: Any) -> float:
    """Return *value* if it is a number of seconds, 0 or more."""
    found = number(value)
    if found < 0:
        raise ValueError("is below 0")
    return found


def text(value: Any) -> str:
    """Return *value* if it is a string."""
    if not isinstance(value, str):
        raise ValueError("is not a string")  # noqa: TRY004 - one error for all that is wrong
    return value


def clip(value: str, length: int) -> str:
    """Return *value* cut to *length* characters; an ellipsis ends a text that was cut."""
    return value if len(value) <= length else value[: length - 1] + "…"
