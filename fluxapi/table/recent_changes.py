"""The jobs that changed last, from which a reader sees whether its copy is still valid."""

from __future__ import annotations

from collections import deque
from itertools import islice

__all__ = ["RecentChanges"]

_MAX_CHANGES = 256


class RecentChanges:
    """The last changes of the rows of a table; ``version`` is the number of all changes so far."""

    def __init__(self, limit: int = _MAX_CHANGES) -> None:
        self.version = 0
        self._jobs: deque[int] = deque(maxlen=limit)

    def add(self, jobid: int) -> None:
        """Note that a row was changed, added or removed."""
        self._jobs.append(jobid)
        self.version += 1

    def since(self, version: int) -> list[int] | None:
        """Return the jobs of the changes after *version*, or ``None`` if they are too many."""
        count = self.version - version
        return None if count > len(self._jobs) else list(islice(reversed(self._jobs), count))
