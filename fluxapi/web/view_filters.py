"""The filters in the address of a page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fluxapi.errors import ValidationFailed
from fluxapi.http.querystring import cached
from fluxapi.model.view_time import view_time

from .visible import visible
from .words import Words

__all__ = ["problem", "valid"]

_TIMES = {"since": False, "until": True, "ended": False}
"""The filters that are times, and whether each ends a range."""

_INVALID = {
    "state": "jobs.problem_state",
    "result": "jobs.problem_result",
    "held": "jobs.problem_held",
}
"""The problems of filters that have fixed values; any text of another length is valid elsewhere."""

_MAX_CHARS = 200
"""Characters of a filter in the text of its problem."""


def valid(given: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the valid filters of an address, and the key of each invalid one's problem."""
    query: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for name, text in given.items():
        fields, key = _field(name, text)
        query.update(fields)
        if key:
            refused[name] = key
    return query, refused


def problem(words: Words, key: str, name: str, text: str) -> str:
    """Return what is wrong with a filter, for people."""
    return words.text(key, filter=visible(f"{name}:{text}", _MAX_CHARS))


def _field(name: str, text: str) -> tuple[Mapping[str, Any], str]:
    """Return the field of one filter of an address, or the key of its problem."""
    if name in _TIMES and text:
        now = time.time()
        found = view_time(text, now, is_end=_TIMES[name])
        if found is None:
            return {}, "jobs.problem_time"
        end = view_time(text, now, is_end=True) if name == "ended" else found
        # A day is that day, and a duration goes on until now.
        return ({name: found} if end in {found, None} else {name: found, f"{name}_until": end}), ""
    try:
        return cached("jobs-query", urlencode({name: text}, errors="replace")), ""
    except ValidationFailed:
        return {}, _INVALID.get(name, "jobs.problem_long")
