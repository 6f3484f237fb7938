"""The releases of Flux that are supported: this file is the one place that says so.

The floor is the journal: from :data:`OLDEST` on, ``job-manager.events-journal`` (flux-core,
src/modules/job-manager/journal.c) sends each job as a whole, inactive ones too, and says where the
backlog ends. All other differences are bridged where they are met, by what Flux answers and not by
its version.
"""

from __future__ import annotations

import logging
import re
from typing import NamedTuple

from fluxapi.errors import SettingsError

__all__ = ["NEWEST_TESTED", "OLDEST", "Release", "check", "parse"]

_log = logging.getLogger(__name__)

_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?(?!\d)")
"""What ``git describe`` begins with: ``0.61.0``, ``0.61.0-12-gabc``, ``v0.90-rc1-dirty``."""


class Release(NamedTuple):
    """One release of flux-core."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST = Release(0, 61)
"""The oldest release that is supported. The tests run on it (see ``FLUX_OLD``)."""

NEWEST_TESTED = Release(0, 88)
"""The newest release that the tests run on. Newer ones are expected to work."""


def parse(version: str) -> Release | None:
    """Return the release that a version is of or was built after, ``None`` if it names none.

    Args:
        version: The broker's attribute ``version``, such as ``0.61.0`` or ``0.61.0-12-gabc-dirty``.
    """
    found = _VERSION.match(version.strip())
    return None if found is None else Release(*(int(part or 0) for part in found.groups()))


def check(version: str) -> None:
    """Refuse an instance that is too old, and log one that no test has seen.

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
