"""One job, as the table keeps it."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from .counts import Counts
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
    """What is known of one job. Times are seconds since the epoch, 0.0 when not reached yet.

    ``nevents`` counts the entries of the eventlog that were folded, memos left out; ``tag`` is the
    CRC-32 of the F58 id, from which :func:`checksum` is made. ``truncated`` names the fields of
    which only a part is kept, since the job brought more than a record may hold. Strings that many
    jobs have in common are shared. Not tracked by the garbage collector: it holds no cycles, and a
    table of a hundred thousand jobs must not be walked by every full collection.
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
    counts: Counts | None = None
    allocation: Allocation | None = None
    dependencies: tuple[str, ...] = ()
    exception: dict[str, Any] | None = None
    annotations: dict[str, Any] | None = None
    truncated: tuple[str, ...] = ()

    @property
    def is_inactive(self) -> bool:
        """Whether the job has reached its final state."""
        return self.state == "INACTIVE"

    @property
    def nodelist(self) -> str:
        """The hosts that the job got (RFC 29), or ``""``."""
        return self.allocation.nodelist if self.allocation else ""


def checksum(job: Job) -> int:
    """The CRC-32 of ``"ID REVISION"``: id as F58, revision the number of its events.

    The sum of the checksums of many jobs, modulo 2^32, is the digest that two tables are compared
    by.
    """
    return zlib.crc32(b" %d" % job.nevents, job.tag)
