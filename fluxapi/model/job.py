"""One job, as the table stores it."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from .counts import Counts
from .group import Group
from .resources import Allocation

__all__ = ["GROUPS", "RESULTS", "STATES", "Job", "checksum"]

STATES = ("NEW", "DEPEND", "PRIORITY", "SCHED", "RUN", "CLEANUP", "INACTIVE")
"""The states of RFC 21."""

GROUPS = {"PENDING": STATES[:4], "RUNNING": STATES[4:6], "ACTIVE": STATES[:6]}
"""The virtual states of ``flux jobs --filter``.

A job that is NEW, for the moment that this lasts, is pending, too.
"""

RESULTS = ("COMPLETED", "FAILED", "CANCELED", "TIMEOUT")
"""The results of an inactive job."""


class Job(msgspec.Struct, gc=False):
    """One job. Times are seconds since the epoch; 0.0 means not reached yet.

    ``nevents`` counts the folded entries of the eventlog, without memos; ``tag`` is the CRC-32 of
    the F58 ID, the base of :func:`checksum`. ``truncated`` names the fields that were cut to the
    limits of a record. ``after`` has the jobs that it was submitted to wait for, with the schemes
    of the dependencies, also when it waits no more. Jobs share equal strings. The garbage collector
    does not track jobs: they contain no cycles, and a full collection must not walk a table of a
    hundred thousand.
    """

    id: int
    tag: int = 0
    userid: int = 0
    urgency: int = 16
    priority: int = 0
    state: str = "NEW"
    result: str | None = None
    success: bool = False
    has_priority: bool = False
    waitstatus: int = -1
    nevents: int = 0
    t_submit: float = 0.0
    t_depend: float = 0.0
    t_priority: float = 0.0
    t_sched: float = 0.0
    t_run: float = 0.0
    t_cleanup: float = 0.0
    t_inactive: float = 0.0
    duration: float = 0.0
    expiration: float = 0.0
    name: str = ""
    cwd: str = ""
    queue: str = ""
    bank: str = ""
    project: str = ""
    cc: str = ""
    membership: Group | None = None
    counts: Counts | None = None
    allocation: Allocation | None = None
    dependencies: tuple[str, ...] = ()
    after: tuple[tuple[int, str], ...] = ()
    exception: dict[str, Any] | None = None
    annotations: dict[str, Any] | None = None
    truncated: tuple[str, ...] = ()

    @property
    def is_inactive(self) -> bool:
        """True once the job has reached its final state."""
        return self.state == "INACTIVE"

    @property
    def group(self) -> str:
        """The ID of the job's group, or ``""``."""
        return self.membership.id if self.membership else ""

    @property
    def nodelist(self) -> str:
        """The allocated hosts (RFC 29), or ``""``."""
        return self.allocation.nodelist if self.allocation else ""


def checksum(job: Job) -> int:
    """Return the CRC-32 of ``"ID REVISION"``: the ID as F58, the revision as number of its events.

    The sum of the checksums of several jobs, modulo 2^32, is a digest to compare two tables by.
    """
    return zlib.crc32(b" %d" % job.nevents, job.tag)
