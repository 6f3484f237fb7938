"""How many files this process may hold open (RLIMIT_NOFILE): a connection is one, a job some."""

from __future__ import annotations

import logging
import resource

__all__ = ["RESERVED", "make_room"]

_log = logging.getLogger(__name__)

RESERVED = 512
"""Descriptors that are kept for jobs, files and Flux, whatever is connected."""


def make_room(connections: int) -> int:
    """Raise the soft limit to what so many connections need, and return how many fit."""
    soft, hard = (_number(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    needed = connections + RESERVED
    if soft < needed:
        soft = min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), _hard()))
    if soft >= needed:
        return connections
    fit = int(max(soft - RESERVED, soft // 2))
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
