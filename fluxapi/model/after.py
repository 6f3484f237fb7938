"""The jobs that a job waits for, by the dependencies of its jobspec (RFC 26)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .jobid import parse

__all__ = ["MAX_AFTER", "read_after"]

MAX_AFTER = 64
"""Dependencies on jobs that are kept of one job."""

_SCHEMES = frozenset({"after", "afterany", "afterok", "afternotok", "afterstart", "afterexcept"})


def read_after(system: Mapping[str, Any]) -> tuple[tuple[int, str], ...]:
    """Return the IDs of the jobs that a job depends on, each with the scheme; skip all others."""
    given = system.get("dependencies")
    if not given:
        return ()
    found: list[tuple[int, str]] = []
    for one in given[: 4 * MAX_AFTER] if isinstance(given, list) else ():
        if not isinstance(one, Mapping) or one.get("scheme") not in _SCHEMES:
            continue
        try:
            link = parse(str(one.get("value"))[:64]), str(one["scheme"])
        except ValueError:
            continue
        if link not in found and len(found) < MAX_AFTER:
            found.append(link)
    return tuple(found)
