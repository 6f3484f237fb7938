"""Tells that an instance below does not answer or has ended, and when its jobs were seen last."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluxapi.model.times import short_date

from .ids import shown_id
from .terminal import note
from .text import safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["NO_OUTAGE", "Outage", "named", "outage_of", "told_outage"]


@dataclass(frozen=True)
class Outage:
    """The state of an instance that may not answer.

    Attributes:
        sentence: A sentence for the user, or ``""`` if it answers.
        since: When it stopped to answer, seconds since the epoch.
    """

    sentence: str = ""
    since: float = math.inf

    @classmethod
    def lost(cls, path: str, since: float) -> Outage:
        """Return that the service has lost the instance at *path*."""
        return cls(
            f"{named(path)} has not answered since {short_date(since)}: its jobs are shown as they "
            "were then.",
            since,
        )

    @classmethod
    def ended(cls, path: str, at: float | None) -> Outage:
        """Return that the instance at *path* has ended."""
        ended = "has ended" if at is None else f"ended at {short_date(at)}"
        return cls(
            f"{named(path)} {ended}: its jobs are shown as they were then.",
            math.inf if at is None else at,
        )

    @property
    def now(self) -> float:
        """The time up to which the jobs run, as far as is known, seconds since the epoch."""
        return min(time.time(), self.since)


NO_OUTAGE = Outage()
"""The value for an instance that answers."""


async def told_outage(flux: AsyncClient, path: str) -> Outage:
    """Return :func:`outage_of`, and tell the user if the instance does not answer."""
    outage = await outage_of(flux, path)
    if outage.sentence:
        note(outage.sentence)
    return outage


async def outage_of(flux: AsyncClient, path: str) -> Outage:
    """Return whether the instance at *path* answers, or that of the service.

    Raises:
        ClientError: The service does not tell it.
    """
    from .answers import instance_state  # noqa: PLC0415 - imports the client

    found = await instance_state(flux, path)
    if found.state == "ended":
        return Outage.ended(path, found.t_end)
    return NO_OUTAGE if found.lost_since is None else Outage.lost(path, found.lost_since)


def named(path: str) -> str:
    """Return the subject of a sentence about the instance at *path*."""
    return (
        f"The instance {safe('/'.join(map(shown_id, path.split('/'))))}"
        if path
        else ("The instance")
    )
