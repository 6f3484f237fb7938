"""What requests come to that concern many jobs, and a token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .errors import ProblemError

__all__ = ["AccessToken", "CancelResult"]


@dataclass(frozen=True)
class CancelResult:
    """How many jobs were asked to end; ``errors`` has the id and the error of each that was not."""

    requested: int
    failed: int
    errors: Sequence[tuple[str, ProblemError]] = ()
    more: bool = False
    """Whether more jobs match than one request cancels: ask again."""


@dataclass(frozen=True)
class AccessToken:
    """A bearer token; it is not in the repr."""

    token: str = field(repr=False)
    expires: float
    """When it ends, seconds since the epoch."""
