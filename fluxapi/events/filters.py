"""What a subscriber wants to hear of: a filter on jobs, and on the names of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from fluxapi.errors import ValidationFailed
from fluxapi.model import jobid
from fluxapi.table.index import Facets
from fluxapi.table.query import JobQuery, Test, matcher, query_of, walk
from fluxapi.table.table import Table

__all__ = ["ANY", "Filter", "Selection", "read_filter"]


@dataclass(frozen=True)
class Filter:
    """All parts must hold.

    ``ids``: these jobs; ``events``: events of these names; ``first_index``: of those with an index,
    the ones from this one on; ``seen``: identities of events without index to leave out.
    """

    jobs: JobQuery = field(default_factory=JobQuery)
    ids: frozenset[int] | None = None
    events: frozenset[str] | None = None
    first_index: int = 0
    seen: frozenset[bytes] = frozenset()


ANY = Filter()

_OF_JOBS = ("state", "result", "user", "name", "queue", "node")


class Selection:
    """The jobs that one filter takes, tested by their facets."""

    def __init__(self, filter: Filter) -> None:
        self.ids = filter.ids
        self.query = filter.jobs
        self._test: Test | None = matcher(filter.jobs)
        whole = JobQuery(user=self.query.user, name=self.query.name, queue=self.query.queue)
        self.lasting: Test | None = matcher(whole)
        """The part of the test that a job passes or fails for good (but for jobspec updates)."""
        self.whole = whole == filter.jobs and filter.events is None
        """Whether a job is either taken as a whole, from its first event to its last, or not."""

    @property
    def takes_all(self) -> bool:
        """Whether there is nothing to test."""
        return self._test is None and self.ids is None

    def takes(self, jobid: int, facets: Facets) -> bool:
        """Whether a job with these facets is one of them."""
        if self.ids is not None and jobid not in self.ids:
            return False
        return self._test is None or self._test(facets)

    def might_take(self, jobid: int, facets: Facets) -> bool:
        """Whether the job may have been one of them before."""
        if self.ids is not None and jobid not in self.ids:
            return False
        return self.lasting is None or self.lasting(facets)

    def below(self, table: Table, after: int | None, limit: int) -> list[int]:
        """Up to ``limit`` ids of candidates below ``after``, newest first; not tested yet."""
        return list(islice(self._below(table, after), limit))

    def _below(self, table: Table, after: int | None) -> Iterator[int]:
        if self.ids is None:
            return walk(table, self.query, after)
        known = (jobid for jobid in self.ids if jobid in table)
        return iter(sorted((i for i in known if after is None or i < after), reverse=True))


def read_filter(fields: Mapping[str, Any], *, within: str = "") -> Filter:
    """The filter that valid fields describe; raises ``ValidationFailed`` for a bad job id."""
    ids: set[int] = set()
    wrong: list[dict[str, str]] = []
    for number, text in enumerate(fields.get("id", ())):
        known = _read_id(text)
        if isinstance(known, int):
            ids.add(known)
        else:
            wrong.append({"pointer": f"{within}/id/{number}", "detail": known})
    if wrong:
        raise ValidationFailed(wrong)
    events = fields.get("event")
    jobs = query_of({name: fields[name] for name in _OF_JOBS if name in fields})
    return Filter(jobs, frozenset(ids) or None, frozenset(events) if events else None)


def _read_id(text: str) -> int | str:
    """The job id, or what is wrong with it."""
    try:
        return jobid.parse(text)
    except ValueError as error:
        return f"{error}."
