"""Types of numbers in responses: limits that hold for every service, and that Python can format."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["CInt", "Moment", "Seconds"]

_MAX_SECONDS = 1e11
"""The limit of the service for times and durations, about three thousand years."""

Moment = Annotated[float, msgspec.Meta(ge=0, le=_MAX_SECONDS)]
"""Seconds since the epoch."""

Seconds = Annotated[float, msgspec.Meta(ge=-_MAX_SECONDS, le=_MAX_SECONDS)]
"""A duration."""

CInt = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]
"""An integer that functions of the system accept."""
