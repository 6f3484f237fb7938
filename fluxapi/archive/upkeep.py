"""Keeps the history within its limits: drops the oldest outputs and jobs, in small batches."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence

from fluxapi.process.transaction import transaction

from .database import meta
from .limits import Limits
from .stored_output import OutputState

__all__ = ["Upkeep"]

_log = logging.getLogger(__name__)

_MAX_JOBS, _MAX_OUTPUTS = 200, 100
"""Jobs and outputs in one batch, which takes some ten milliseconds."""

_LARGE_JOB_BYTES = 64 << 10
"""Bytes that a job frees at most, as far as is assumed, so that few too many are dropped."""

_MAX_FREE_PAGES = 512
"""Pages that stay free in the file for the next jobs: 2 MiB."""

_MAX_VACUUM_PAGES = 512
"""Pages that are given back to the file system at once."""

_MAX_AHEAD_S = 86_400.0
"""The most that a clock may be ahead: jobs that end later would stay forever in place of others."""

_HORIZON = "horizon"


class Upkeep:
    """The limits of a history, which :meth:`step` applies. One thread uses it.

    Attributes:
        horizon: Jobs that ended before, in seconds since the epoch, were dropped; they are not
            stored again as long as Flux has them.
        jobs_dropped, outputs_dropped: Counts since the start.
        bytes: Size of the database at the last step.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.horizon = self._dropped = 0.0
        self.jobs_dropped = self.outputs_dropped = self.bytes = 0
        self._reported = (0, 0)

    def look(self, database: sqlite3.Connection, now: float) -> None:
        """Read the horizon, which other services move, too."""
        found = meta(database, _HORIZON)
        # Damage, or a clock that was ahead, must not keep all jobs out from now on.
        self._dropped = found if found <= now + _MAX_AHEAD_S else 0.0
        # The clock may have been ahead before, so only what was dropped moves it for good.
        self.horizon = max(self._dropped, now - self._limits.max_age)

    def step(self, database: sqlite3.Connection, now: float, settled: float) -> bool:
        """Drop one batch of what exceeds the limits; return whether there may be more.

        Args:
            database: The database of the history.
            now: The time by the clock of the machine, seconds since the epoch.
            settled: The time by which jobs get too old.

        Raises:
            sqlite3.Error: Nothing was dropped.
        """
        self.look(database, now)
        outputs = self._outputs(database)
        jobs = [] if outputs else self._jobs(database, now, settled)
        if outputs or jobs:
            with transaction(database):
                _drop_outputs(database, outputs)
                self._drop_jobs(database, jobs, now)
            self.outputs_dropped += len(outputs)
            self.jobs_dropped += len(jobs)
            return True
        if _pragma(database, "freelist_count") > _MAX_FREE_PAGES:
            database.execute(f"PRAGMA incremental_vacuum({_MAX_VACUUM_PAGES})").fetchall()
            if _pragma(database, "freelist_count") > _MAX_FREE_PAGES:
                return True
        self._report()
        return False

    def _outputs(self, database: sqlite3.Connection) -> list[int]:
        """Return the keys of the oldest jobs whose outputs are to be dropped."""
        excess = meta(database, "output_bytes") - self._limits.max_output
        keys: list[int] = []
        if excess > 0:
            found = database.execute(
                "SELECT job, length(data) FROM outputs ORDER BY job LIMIT ?", (_MAX_OUTPUTS,)
            )
            for key, size in found:
                keys.append(key)
                excess -= size
                if excess <= 0:
                    break
        return keys

    def _jobs(self, database: sqlite3.Connection, now: float, settled: float) -> list[int]:
        """Return the keys of the jobs to drop."""
        self.bytes = _pragma(database, "page_count") * _pragma(database, "page_size")
        used = self.bytes - _pragma(database, "freelist_count") * _pragma(database, "page_size")
        if used > self._limits.max_bytes:
            excess = used - self._limits.max_bytes
            return _oldest(database, int(min(excess // _LARGE_JOB_BYTES + 1, _MAX_JOBS)), now)
        old = database.execute(
            "SELECT key FROM jobs WHERE t_inactive < ? ORDER BY t_inactive LIMIT ?",
            (settled - self._limits.max_age, _MAX_JOBS),
        ).fetchall()
        if old:
            return [key for (key,) in old]
        (count,) = database.execute("SELECT count(*) FROM jobs").fetchone()
        return _oldest(database, int(max(min(count - self._limits.max_jobs, _MAX_JOBS), 0)), now)

    def _drop_jobs(self, database: sqlite3.Connection, keys: Sequence[int], now: float) -> None:
        if not keys:
            return
        marks = ",".join("?" * len(keys))
        rows = database.execute(
            "SELECT nodelist, max(CASE WHEN t_inactive <= ? THEN t_inactive ELSE 0 END) FROM jobs "  # noqa: S608
            f"WHERE key IN ({marks}) GROUP BY nodelist",
            (now + _MAX_AHEAD_S, *keys),
        ).fetchall()
        database.execute(f"DELETE FROM words WHERE rowid IN ({marks})", keys)  # noqa: S608
        # Details and outputs go with them.
        database.execute(f"DELETE FROM jobs WHERE key IN ({marks})", keys)  # noqa: S608
        database.executemany(
            "DELETE FROM nodelists WHERE key = :key AND NOT EXISTS (SELECT 1 FROM instances "
            "JOIN jobs ON jobs.instance = instances.key AND jobs.nodelist = :key)",
            [{"key": nodelist} for nodelist, _ in rows],
        )
        # The clock of a job may be wrong, and must not keep others out.
        self._dropped = max(self._dropped, min(max(ended for _, ended in rows), now))
        self.horizon = max(self.horizon, self._dropped)
        database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_HORIZON, self._dropped))

    def _report(self) -> None:
        dropped = (self.jobs_dropped, self.outputs_dropped)
        jobs, outputs = (new - old for new, old in zip(dropped, self._reported, strict=True))
        if jobs:
            _log.info("the history has dropped its %d oldest jobs (--history-max-*)", jobs)
        if outputs:
            _log.info("the history has dropped the %d oldest outputs", outputs)
        self._reported = dropped


def _oldest(database: sqlite3.Connection, count: int, now: float) -> list[int]:
    """Return the keys of jobs that no clock can have ended yet, and of the oldest."""
    ahead = database.execute(
        "SELECT key FROM jobs WHERE t_inactive > ? LIMIT ?", (now + _MAX_AHEAD_S, count)
    ).fetchall()
    oldest = database.execute(
        "SELECT key FROM jobs WHERE t_inactive <= ? ORDER BY t_inactive LIMIT ?",
        (now + _MAX_AHEAD_S, count - len(ahead)),
    ).fetchall()
    return [key for (key,) in (*ahead, *oldest)]


def _drop_outputs(database: sqlite3.Connection, keys: Sequence[int]) -> None:
    if keys:
        marks = ",".join("?" * len(keys))
        database.execute(
            f"UPDATE jobs SET output = {OutputState.DROPPED:d} WHERE key IN ({marks})",  # noqa: S608
            keys,
        )
        database.execute(f"DELETE FROM outputs WHERE job IN ({marks})", keys)  # noqa: S608


def _pragma(database: sqlite3.Connection, name: str) -> int:
    (value,) = database.execute(f"PRAGMA {name}").fetchone()
    return int(value)
