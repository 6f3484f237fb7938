"""The limit of open files (RLIMIT_NOFILE): a connection needs one, a job several."""

from __future__ import annotations

import logging
import resource

__all__ = ["RESERVED_DESCRIPTORS", "make_room"]

_log = logging.getLogger(__name__)

RESERVED_DESCRIPTORS = 512
"""Descriptors that are reserved for jobs, files and Flux."""


def make_room(connections: int) -> int:
    """Raise the soft limit for *connections* connections, and return how many are possible."""
    soft, hard = (_number(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    needed = connections + RESERVED_DESCRIPTORS
    if soft < needed:
        soft = min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), _hard()))
    if soft >= needed:
        return connections
    fit = int(max(soft - RESERVED_DESCRIPTORS, soft // 2))
    _log.warning(
        "this process may open %d files, and --max-streams needs %d: there is room for %d "
        "connections. Raise the hard limit (ulimit -Hn, LimitNOFILE= of systemd).",
        soft,
        needed,
        fit,
    )
    return fit


def _number(limit: int) -> float:
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def _hard() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]
