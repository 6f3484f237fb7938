"""The jobs that a job waits for, by the dependencies of its jobspec (RFC 26)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .jobid import parse

__all__ = [
    "AFTER_SCHEMES",
    "MAX_AFTER",
    "MAX_DEPENDENCIES",
    "begin_of",
    "read_after",
    "read_begin",
    "read_unmet",
]

MAX_AFTER = 64
"""Dependencies on jobs that are kept of one job."""

MAX_DEPENDENCIES = 1000
"""Limit of the dependencies of a job, as in the schema of a request; these take 0.1 to 0.8 s."""

AFTER_SCHEMES = frozenset(
    {"after", "afterany", "afterok", "afternotok", "afterstart", "afterexcept"}
)

_KINDS = frozenset(
    {"after-start", "after-finish", "after-success", "after-failure", "after-except"}
)
"""Flux's words for the schemes in the eventlog."""


def read_after(system: Mapping[str, Any], most: int = MAX_AFTER) -> tuple[tuple[int, str], ...]:
    """Return the IDs of the jobs that a job depends on, each with the scheme; skip all others."""
    given = system.get("dependencies")
    if not given:
        return ()
    found: dict[tuple[int, str], None] = {}
    for one in given[: 4 * most] if isinstance(given, list) else ():
        scheme, value = (
            (one.get("scheme"), one.get("value")) if isinstance(one, Mapping) else ("", "")
        )
        # Flux sends a job that it is about to refuse, of any scheme and value.
        if not isinstance(scheme, str) or scheme not in AFTER_SCHEMES or not isinstance(value, str):
            continue
        try:
            link = parse(value[:64]), scheme
        except ValueError:
            continue
        if len(found) < most:
            found[link] = None
    return tuple(found)


def read_unmet(descriptions: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the IDs of the jobs that a job still waits for, each with Flux's word for the scheme.

    *descriptions* are those of its record, as in ``after-success=f3``.
    """
    for description in descriptions:
        kind, _, value = description.partition("=")
        if kind in _KINDS:
            try:
                yield parse(value.strip().removeprefix("job.")), kind
            except ValueError:
                continue


def begin_of(system: Mapping[str, Any]) -> float:
    """Return the latest begin time of a valid jobspec, or 0."""
    listed = system.get("dependencies", ())
    times = (_begin(one["value"]) for one in listed if one["scheme"] == "begin-time")
    return max(times, default=0.0)


def read_begin(descriptions: Iterable[str]) -> float:
    """Return the latest begin time that a job waits for, or 0; see :func:`read_unmet`."""
    prefix = "begin-time="
    times = (_begin(it.removeprefix(prefix)) for it in descriptions if it.startswith(prefix))
    return max(times, default=0.0)


def _begin(text: str) -> float:
    """Read a time as Flux does: also as a hexadecimal number; return 0 if it cannot be read."""
    try:
        read = float.fromhex if "x" in text.lower() else float
        seconds = read(text)
    except (ValueError, OverflowError):
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0
