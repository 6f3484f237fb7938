"""The limit of a chain of jobs, each of which fails if the one before it does.

If a job ends so that those that wait for it can never start, the job manager of Flux fails each of
them, and those that wait for them, before it returns (flux-core,
job-manager/plugins/dependency-after.c). Each job of a chain takes 2.6 KB of its stack, which
overflows with about 3,100, and the instance ends. A thread of a broker that was started with an
unlimited stack has 2 MB, which 790 jobs fill. Jobs that wait for any end (``afterany``) are
released instead, and end a chain.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable

from fluxapi.errors import FluxapiError, FluxRefused
from fluxapi.model.after import read_unmet
from fluxapi.model.submission import Submission
from fluxapi.table.table import Table

__all__ = ["MAX_LENGTH", "ChainLimit", "refusal"]

MAX_LENGTH = 400
"""Limit of the jobs of a chain: half of the smallest stack."""

_MAX_READ = 5000
"""Limit of the dependencies that are read to look at a chain again that seems to be too long."""

_WAITING = frozenset({"NEW", "DEPEND"})

_MIN_KEPT = 20_000
"""Lengths that are kept; beyond these, and twice as many as jobs wait, old ones are removed."""


class ChainLimit:
    """Tells which jobs would make a chain of a table too long.

    The length of a chain is kept for its last job. It can only become shorter, as the first ones
    end, so chains are looked at again once they seem to be too long.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._lengths: dict[int, int] = {}
        self._noted: dict[int, int] = {}
        """The lengths of those that the table may not have yet."""

    def is_long(self, submission: Submission, checked: set[int]) -> bool:
        """Return whether a job would make a chain too long.

        *checked* has the targets that were looked at for the same request.
        """
        if self._length_with(submission) <= MAX_LENGTH:
            return False
        for target in submission.chained:
            if target not in checked and self._length(target) >= MAX_LENGTH:
                checked.add(target)
                self._look_again(target)
        return self._length_with(submission) > MAX_LENGTH

    def note(self, submissions: Iterable[Submission], answers: Iterable[int | object]) -> None:
        """Keep the lengths of the chains of jobs that the table may not have yet."""
        for one, answer in zip(submissions, answers, strict=True):
            if one.chained and isinstance(answer, int):
                self._noted[answer] = self._length_with(one)
        if len(self._noted) > _MIN_KEPT:
            noted = self._noted.items()
            self._noted = {job: length for job, length in noted if job not in self._table}
        waiting = self._table.index.state.get("DEPEND", ())
        if len(self._lengths) > max(_MIN_KEPT, 2 * len(waiting)):
            lengths = self._lengths
            self._lengths = {job: lengths[job] for job in waiting if job in lengths}

    def _length_with(self, submission: Submission) -> int:
        return 1 + max(map(self._length, submission.chained), default=0)

    def _length(self, jobid: int) -> int:
        """Return the jobs of the longest chain that ends with one, or more if some have ended."""
        known = self._known(jobid, self._lengths)
        if known is None:
            known = self._walk(jobid, self._lengths)
            self._forget_new(jobid)
        return known

    def _forget_new(self, jobid: int) -> None:
        """Forget the length of a job whose record may lack some of its dependencies yet."""
        job = self._table.get(jobid)
        if job is not None and job.state == "NEW":
            self._lengths.pop(jobid, None)

    def _look_again(self, jobid: int) -> None:
        found: dict[int, int] = {}
        self._walk(jobid, found, _MAX_READ)
        self._lengths |= found
        self._forget_new(jobid)

    def _known(self, jobid: int, lengths: dict[int, int]) -> int | None:
        job = self._table.get(jobid)
        if job is None:
            return self._noted.get(jobid, 1)
        return lengths.get(jobid) if job.state in _WAITING else 1

    def _walk(self, jobid: int, lengths: dict[int, int], most: int | None = None) -> int:
        """Add the lengths of a chain and of those before it, unless it has too many jobs.

        *most* is the number of dependencies that are read.
        """
        read = 0
        pending: list[tuple[int, tuple[int, ...] | None]] = [(jobid, None)]
        while pending:
            one, targets = pending.pop()
            if targets is not None:
                # The targets are known now.
                lengths[one] = 1 + max((self._known(it, lengths) or 1 for it in targets), default=0)
                continue
            if self._known(one, lengths) is not None:
                continue
            lengths[one] = 1  # in a circle, which only a false journal can have
            targets = self._targets(one)
            read += len(targets)
            if most is not None and read > most:
                lengths.clear()
                return MAX_LENGTH
            pending.append((one, targets))
            pending.extend((target, None) for target in targets)
        return self._known(jobid, lengths) or 1

    def _targets(self, jobid: int) -> tuple[int, ...]:
        job = self._table[jobid]
        if job.state == "NEW":
            # Flux has not told its dependencies yet, but its jobspec is known.
            return tuple({target: None for target, scheme in job.after if scheme != "afterany"})
        unmet = read_unmet(job.dependencies)
        return tuple({target: None for target, kind in unmet if kind != "after-finish"})


def refusal() -> FluxapiError:
    """Return the error of a job that would make a chain too long."""
    words = (
        f"the job would be behind {MAX_LENGTH} others, each of which fails if the one before it "
        "does, as with afterok; submit it later, or with afterany"
    )
    return FluxRefused(words, errno=errno.ENOSPC)
