"""Filters of a subscription: on jobs, and on the names of events."""

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

__all__ = ["ANY", "Filter", "Selection", "read_filter", "read_ids"]


@dataclass(frozen=True)
class Filter:
    """The conditions of a subscription, which must all hold.

    ``ids``: these jobs; ``events``: events with these names; ``first_index``: of events with an
    index, those from this one on; ``seen``: identities of events without index to leave out.
    """

    jobs: JobQuery = field(default_factory=JobQuery)
    ids: frozenset[int] | None = None
    events: frozenset[str] | None = None
    first_index: int = 0
    seen: frozenset[bytes] = frozenset()


ANY = Filter()

_OF_JOBS = ("state", "result", "user", "name", "queue", "group", "node")


class Selection:
    """The jobs that match one filter, tested by their facets.

    With a *table*, the node lists of its jobs are not read for each filter.
    """

    def __init__(self, filter: Filter, table: Table | None = None) -> None:
        self.ids = filter.ids
        self.query = filter.jobs
        self._test: Test | None = matcher(filter.jobs, None if table is None else table.index)
        whole = JobQuery(
            user=self.query.user,
            name=self.query.name,
            queue=self.query.queue,
            group=self.query.group,
        )
        self.lasting: Test | None = matcher(whole)
        """The part of the test whose result only a jobspec update can change for a job."""
        self.whole = whole == filter.jobs and filter.events is None
        """True if the filter selects whole jobs, from the first event to the last."""

    @property
    def takes_all(self) -> bool:
        """Return whether the filter matches every job."""
        return self._test is None and self.ids is None

    def takes(self, jobid: int, facets: Facets) -> bool:
        """Return whether a job with these facets matches."""
        if self.ids is not None and jobid not in self.ids:
            return False
        return self._test is None or self._test(facets)

    def might_take(self, jobid: int, facets: Facets) -> bool:
        """Return whether the job may have matched before."""
        if self.ids is not None and jobid not in self.ids:
            return False
        return self.lasting is None or self.lasting(facets)

    def below(self, table: Table, after: int | None, limit: int) -> list[int]:
        """Return up to ``limit`` candidate IDs below ``after``, newest first; not tested yet."""
        return list(islice(self._below(table, after), limit))

    def _below(self, table: Table, after: int | None) -> Iterator[int]:
        if self.ids is None:
            return walk(table, self.query, after)
        known = (jobid for jobid in self.ids if jobid in table)
        return iter(sorted((i for i in known if after is None or i < after), reverse=True))


def read_filter(fields: Mapping[str, Any], *, within: str = "") -> Filter:
    """Return the filter of valid fields; raises ``ValidationFailed`` for a bad job ID."""
    ids = read_ids(fields, within=within)
    events = fields.get("event")
    jobs = query_of({name: fields[name] for name in _OF_JOBS if name in fields})
    return Filter(jobs, ids, frozenset(events) if events else None)


def read_ids(fields: Mapping[str, Any], *, within: str = "") -> frozenset[int] | None:
    """Return the job IDs of the field ``id``, ``None`` without any.

    Raises:
        ValidationFailed: Some are not job IDs.
    """
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
    return frozenset(ids) or None


def _read_id(text: str) -> int | str:
    """Return the job ID, or a sentence that says what is wrong with it."""
    try:
        return jobid.parse(text)
    except ValueError as error:
        return f"{error}."
