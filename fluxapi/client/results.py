"""Results of requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .errors import ProblemError

__all__ = ["AccessToken", "CancelResult"]


@dataclass(frozen=True)
class CancelResult:
    """The number of jobs asked to end; ``errors`` has the ID and the error of each other one."""

    requested: int
    failed: int
    errors: Sequence[tuple[str, ProblemError]] = ()
    more: bool = False
    """``True`` if more jobs match than one request cancels; repeat it to cancel them."""


@dataclass(frozen=True)
class AccessToken:
    """A bearer token; the repr omits it."""

    token: str = field(repr=False)
    expires: float
    """Expiration, in seconds since the epoch."""
