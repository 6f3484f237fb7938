"""Checks of single jobspec fields, which raise ``FluxRefused`` with the name of the field."""

from __future__ import annotations

import math
import re
from typing import Any

from fluxapi.errors import FluxRefused

__all__ = ["MAX_COUNT", "MAX_SECONDS", "as_mapping", "as_text", "seconds", "text_mapping"]

MAX_COUNT = 2**31 - 1
"""The largest count: Flux reads counts into a C int."""

MAX_SECONDS = 1e12
"""Durations are below this, about thirty thousand years."""

_FSD = re.compile(
    r"((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(ms|s|m|h|d)?\Z", re.ASCII
)
"""Matches in linear time: no two adjacent parts match the same character."""

_UNIT = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def as_mapping(value: Any, field: str) -> dict[str, Any]:
    """Return *value* if it is a JSON object."""
    if not isinstance(value, dict):
        raise FluxRefused(f"{field} must be a mapping")
    return value


def as_text(value: Any, field: str) -> str | None:
    """Return *value* if it is a string or absent."""
    if value is not None and not isinstance(value, str):
        raise FluxRefused(f"{field} must be a string")
    return value


def text_mapping(value: Any, field: str, *, names: bool = False) -> dict[str, str]:
    """Return *value* if it maps strings to strings; with *names*, keys must be variable names."""
    mapping = as_mapping(value, field)
    for key, text in mapping.items():
        if not isinstance(text, str):
            raise FluxRefused(f"{field}: {key} must be a string")
        if names and (not key or "=" in key):
            raise FluxRefused(f"{field}: {key!r} is not the name of a variable")
    return mapping


def seconds(value: Any, field: str) -> float:
    """Parse a duration: a number of seconds or an RFC 23 Flux Standard Duration (``1.5h``).

    The result is below ``MAX_SECONDS``, or infinite for ``inf``.
    """
    number = math.nan
    if isinstance(value, str):
        if value.lower() in {"inf", "infinity"}:
            return math.inf
        if match := _FSD.match(value):
            number = float(match[1]) * _UNIT[match[2]]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(min(max(value, -1), MAX_SECONDS))
    if not number >= 0:
        raise FluxRefused(f"{field} is not a valid Flux Standard Duration")
    if number >= MAX_SECONDS:
        raise FluxRefused(f"{field} must be below {MAX_SECONDS:g} seconds")
    return number
