"""The supported releases of Flux, defined here only.

The minimum depends on the journal: since :data:`OLDEST`, ``job-manager.events-journal`` (flux-core,
src/modules/job-manager/journal.c) sends all events of each job, including inactive jobs, and marks
the end of the backlog. The code handles other differences by the responses of Flux, not by its
version, except where no response tells.
"""

from __future__ import annotations

import logging
import re
from typing import NamedTuple

from fluxapi.errors import SettingsError

__all__ = ["NEWEST_TESTED", "OLDEST", "TASK_FILES", "Release", "check", "has_task_files", "parse"]

_log = logging.getLogger(__name__)

_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?(?!\d)")
"""The start of ``git describe``: ``0.61.0``, ``0.61.0-12-gabc``, ``v0.90-rc1-dirty``."""


class Release(NamedTuple):
    """One release of flux-core."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST = Release(0, 61)
"""The oldest supported release. The tests run on it (see ``FLUX_OLD``)."""

NEWEST_TESTED = Release(0, 88)
"""The newest tested release. Newer ones are expected to work."""


TASK_FILES = Release(0, 71)
"""Since this release, tasks and nodes can have output files of their own."""


def has_task_files(kind: str, version: str) -> bool:
    """Return whether tasks and nodes can have output files; no response of Flux tells that."""
    release = parse(version)
    return kind == "flux" and (release is None or release >= TASK_FILES)


def parse(version: str) -> Release | None:
    """Return the release of a version, or the one that it was built after, if it names one.

    Args:
        version: The broker's attribute ``version``, such as ``0.61.0`` or ``0.61.0-12-gabc-dirty``.
    """
    found = _VERSION.match(version.strip())
    return None if found is None else Release(*(int(part or 0) for part in found.groups()))


def check(version: str) -> None:
    """Refuse an instance that is too old, and log a warning for an untested one.

    Raises:
        SettingsError: The release is older than :data:`OLDEST`.
    """
    release = parse(version)
    if release is None:
        _log.warning(
            "Flux calls itself %r, which names no release: fluxapi needs %s or newer.",
            version[:80],
            OLDEST,
        )
    elif release < OLDEST:
        raise SettingsError(
            f"Flux {release} is too old: fluxapi needs {OLDEST} or newer. The job manager of "
            "earlier releases has no full journal (events-journal with all jobs), from which "
            "fluxapi takes every job. Upgrade Flux, or serve with --instance embedded."
        )
    elif release > NEWEST_TESTED:
        _log.info(
            "Flux %s is newer than the newest release that this fluxapi was tested with (%s).",
            release,
            NEWEST_TESTED,
        )
