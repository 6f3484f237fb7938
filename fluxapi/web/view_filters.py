"""The filters in the address of a page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fluxapi.errors import ValidationFailed
from fluxapi.http.querystring import cached
from fluxapi.model.view_time import FORMS, view_time

__all__ = ["valid"]

_TIMES = {"since": False, "until": True}
"""The filters that are times, and whether each ends a range."""

_NO_TIME = f"is no time: use {FORMS}."


def valid(given: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the valid filters of an address, and what is wrong with each invalid one."""
    query: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for name, text in given.items():
        fields, why = _field(name, text)
        query.update(fields)
        if why:
            refused[name] = why
    return query, refused


def _field(name: str, text: str) -> tuple[Mapping[str, Any], str]:
    """Return the field of one filter of an address, and what is wrong with it."""
    if name in _TIMES and text:
        found = view_time(text, time.time(), is_end=_TIMES[name])
        return ({}, _NO_TIME) if found is None else ({name: found}, "")
    try:
        return cached("jobs-query", urlencode({name: text}, errors="replace")), ""
    except ValidationFailed as error:
        return {}, error.members["errors"][0]["detail"]
