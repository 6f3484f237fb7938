"""The page of past jobs: a list of the jobs of the history, which works without scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from fluxapi.archive.listing import ALL, Scope
from fluxapi.archive.match_figures import MatchFigures, RunTime, match_figures
from fluxapi.archive.stored_records import StoredRecords
from fluxapi.errors import FluxapiError
from fluxapi.http import keys
from fluxapi.model.job import RESULTS
from fluxapi.table.name_pattern import is_pattern
from fluxapi.table.query import JobQuery, query_of

from . import columns
from .embedded import embedded
from .job_said import note_pieces
from .past_instances import NamedInstance, name_instances
from .past_order import direction, is_sorted, next_order, past_columns, sort_jobs
from .problems import detail_of
from .rendering import few_at_once, render
from .view_filters import problem, valid
from .words import Words, words_of

__all__ = ["past_jobs"]

_MAX_ROWS = 100
_FILTERS = ("result", "text", "since", "until", "ended", *columns.FILTERS)

_NAMED = ("name", "username", "queue", "group", "group_name", "nodelist")
"""The members of a record that the field of the filters completes."""

_RESULTS = {
    "COMPLETED": "common.count_completed",
    "FAILED": "common.count_failed",
    "CANCELED": "common.count_canceled",
    "TIMEOUT": "common.count_timed_out",
}

_PAGE = re.compile(r"[0-9a-f]{1,16}", re.ASCII)
_INSTANCE = re.compile(r"[0-9a-f]{20}|all", re.ASCII)


@few_at_once(keys.PAST_PAGES)
async def past_jobs(request: web.Request) -> web.Response:
    """Render one page of the jobs of the history, under the filters in the address."""
    session, words = request[keys.SESSION], words_of(request)
    given = {name: ",".join(request.query.getall(name, ())).strip() for name in _FILTERS}
    fields, refused = valid(given)
    if "name" in fields and not is_pattern(fields["name"]):
        # As in the table of jobs, a part of a name is enough; the export takes patterns, too.
        fields["name"] = f"*{fields['name']}*"
    instance = request.query.get("instance", "")
    following, jobs, unavailable, sort = None, [], "", ""
    figures: MatchFigures | None = None
    is_whole = True
    instances: dict[str, NamedInstance] = {}
    try:
        scope = Scope(_matched(_INSTANCE, instance), _below(request.query.get("page", "")))
        query = query_of({**fields, "state": ["INACTIVE"]})
        records, following = await session.past.listing().page(scope, query, _MAX_ROWS)
        jobs = [msgspec.json.decode(record) for record in records]
        is_whole = following is None and "page" not in request.query
        if not is_whole:
            figures = await _figures(session.past.records, query, scope.instance)
        sort = sort_jobs(jobs, request.query.get("sort", ""))
        if _matched(_INSTANCE, instance):
            instances = await name_instances(words, session.past.records, jobs)
    except FluxapiError as error:
        unavailable = detail_of(words, error)
    context: dict[str, Any] = {
        "page": "history",
        "refused": [problem(words, key, name, given[name]) for name, key in refused.items()],
        "unavailable": unavailable,
        "jobs": jobs,
        "own": session.past.stored and session.past.stored.instance,
        "instances": instances,
        "columns": past_columns(columns.first_columns(jobs)),
        "text": partial(columns.text, words),
        "note_of": partial(note_pieces, say=words.text),
        "inputs": columns.FILTERS,
        "filters": {name: "" if name in refused else text for name, text in given.items()},
        "results": RESULTS,
        "found": columns.found(words),
        "named": embedded([{name: job.get(name, "") for name in _NAMED} for job in jobs]),
        "is_filtered": bool(fields) or bool(refused),
        "everywhere": instance == ALL,
        "export": urlencode(
            {**fields, **({"instance": ALL} if instance == ALL else {})},
            doseq=True,
            errors="replace",
        ),
        "summary": _summary(
            words,
            figures or match_figures(map(_run, jobs)),
            is_whole=is_whole or figures is not None,
        ),
        "sort": sort,
        "is_sorted": is_sorted,
        "direction": partial(direction, sort),
        "sorted_by": lambda key: _sorted(request, next_order(sort, key)),
        "sorted_by_submission": _sorted(request, ""),
        "pages": _pages(request, jobs, instances, session.past.stored),
        "older": "" if following is None else _older(request, following),
        "is_first": "page" not in request.query,
    }
    return await render(request, "past_jobs.html", context)


def _matched(form: re.Pattern[str], text: str) -> str | None:
    return text if form.fullmatch(text) else None


def _below(text: str) -> int | None:
    return int(text, 16) if _PAGE.fullmatch(text) else None


def _pages(
    request: web.Request,
    jobs: list[dict[str, Any]],
    instances: Mapping[str, NamedInstance],
    stored: StoredRecords | None,
) -> dict[str, str]:
    """Return the paths of the pages of the instances of these jobs, as far as they have any."""
    found = {} if stored is None else {stored.instance: request[keys.SESSION].path}
    for id in {job.get("history", {}).get("instance") for job in jobs} - found.keys():
        place = instances[id].place if id in instances else ""
        if place and request.app[keys.TREE].find(place) is not None:
            found[id] = place
    return found


def _run(job: Mapping[str, Any]) -> RunTime:
    return job.get("result"), job.get("t_run"), job.get("t_cleanup")


async def _figures(
    records: StoredRecords, query: JobQuery, instance: str | None
) -> MatchFigures | None:
    """Return the figures of all jobs that match; ``None`` if none could be counted in time."""
    try:
        found = await records.figures(query, _instance(records, instance))
    except FluxapiError:
        # The list is there.
        return None
    return found if found is not None and found.jobs else None


def _instance(records: StoredRecords, instance: str | None) -> str | None:
    return None if instance == ALL else instance or records.instance


def _summary(words: Words, found: MatchFigures, *, is_whole: bool) -> str:
    """Return how many jobs match, or are on the page, how they ended, and how long they ran."""
    if not is_whole:
        key = "history.listed_page"
    else:
        key = "history.listed_least" if found.is_least else "history.listed"
    listed = words.text(key, count=found.jobs)
    if found.results:
        counts = [words.text(_RESULTS[result], count=n) for result, n in found.results.items()]
        listed = words.text("history.listed_results", listed=listed, results=", ".join(counts))
    if found.runtimes is None:
        return listed
    names = ("shortest", "longest", "mean", "median")
    shown = {
        name: words.duration(seconds) for name, seconds in zip(names, found.runtimes, strict=True)
    }
    return words.text("history.listed_runtimes", listed=listed, **shown)


def _sorted(request: web.Request, sort: str) -> str:
    """Return the query of the same page in another order."""
    kept = [(name, text) for name, text in request.query.items() if name != "sort" and text]
    return urlencode([*kept, *([("sort", sort)] if sort else [])], errors="replace")


def _older(request: web.Request, following: int) -> str:
    """Return the query of the next page."""
    kept = [(name, text) for name, text in request.query.items() if name != "page" and text]
    return urlencode([*kept, ("page", f"{following:x}")], errors="replace")
