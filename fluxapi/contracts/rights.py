"""The rights on an instance, from the least to the greatest."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["ABOUT", "RIGHTS", "Right", "includes"]

Right = Literal["view", "operate", "submit", "admin"]
"""A right includes those before it. On the wire and on the command line it is called a scope."""

RIGHTS: tuple[Right, ...] = get_args(Right)

ABOUT: dict[Right, str] = {
    "view": "Read jobs, events, output, nodes, queues, metrics and the documentation.",
    "operate": "Cancel jobs, send them signals and change their urgency.",
    "submit": "Submit jobs, and so run any program as the owner of the instance.",
    "admin": "Stop the service, and create, list and revoke tokens.",
}
"""The purpose of each right."""

_RANKS = {right: rank for rank, right in enumerate(RIGHTS)}


def includes(held: Right | None, needed: Right) -> bool:
    """Return whether the right *held*, or ``None`` for no right, includes *needed*."""
    return held is not None and _RANKS[held] >= _RANKS[needed]
