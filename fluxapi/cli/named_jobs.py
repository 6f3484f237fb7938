"""The jobs that a sentence about a job names: their IDs have the form of this terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fluxapi.model.jobid import FANCY_PREFIX
from fluxapi.model.unmet import blamed

from .ids import shown_id

if TYPE_CHECKING:
    from fluxapi.client import Job

__all__ = ["with_shown_ids"]

_PLAIN = re.compile(r"f[1-9A-HJ-NP-Za-km-z]{1,11}")
_WORD = re.compile(r"\bf[1-9A-HJ-NP-Za-km-z]{1,11}\b")


def with_shown_ids(text: str, job: Job) -> str:
    """Return a sentence of the service about *job*, with the other jobs by their shown IDs.

    Words may look like IDs, so only the jobs that it waits for, or that kept it from starting, are.
    """
    named = set(_named(job))
    if not named:
        return text
    return _WORD.sub(lambda it: shown_id(it[0]) if it[0] in named else it[0], text)


def _named(job: Job) -> Iterator[str]:
    for dependency in job.dependencies or ():
        jobid = dependency.partition("=")[2].replace(FANCY_PREFIX, "f", 1)
        if _PLAIN.fullmatch(jobid):
            yield jobid
    if job.exception is not None and (jobid := blamed(job.exception.note)):
        yield jobid
