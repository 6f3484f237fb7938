"""Groups of jobs."""

from __future__ import annotations

from typing import Annotated

import msgspec

from .limits import Moment
from .record import Record

__all__ = ["Group", "GroupId"]

GroupId = Annotated[str, msgspec.Meta(pattern=r"\Ag[0-9a-f]{15}(\.[0-9]{1,10})?\Z")]
"""An ID that the service has made, which needs no escaping in a shell or a terminal."""


class Group(Record, frozen=True, omit_defaults=True, kw_only=True):
    """Counts of the jobs of one group, of those that the service knows.

    Times are seconds since the epoch; ``None`` is not reached yet.
    """

    id: GroupId
    name: str | None = None
    """``None`` for the group of a bulk submission that named none."""
    userid: int
    username: str
    total: int
    active: int
    """Jobs that have not ended."""
    purged: int
    """Jobs that the service no longer knows, counted since it started."""
    progress: Annotated[float, msgspec.Meta(ge=0, le=1)]
    """The part of the jobs that have ended, from 0 to 1; purged ones have."""
    states: dict[str, int]
    results: dict[str, int]
    t_first_submit: Moment | None = None
    t_last_submit: Moment | None = None
    t_first_run: Moment | None = None
    t_last_inactive: Moment | None = None

    @property
    def is_active(self) -> bool:
        """``True`` until all jobs are inactive."""
        return self.active > 0

    @property
    def failed(self) -> int:
        """The number of jobs that ended without success, of those that the service knows."""
        return sum(self.results.values()) - self.results.get("COMPLETED", 0)
