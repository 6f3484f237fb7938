"""Batch scripts in requests: their directives become fields, over which the request wins."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from fluxapi.contracts import schema
from fluxapi.errors import ValidationFailed
from fluxapi.http import keys
from fluxapi.model import batch, batch_options, directives, script_hints
from fluxapi.model.directives import Wrong
from fluxapi.model.jobspec import canonical_names

from .support import reply

__all__ = ["check", "read_script", "with_directives"]

_T = TypeVar("_T")

_MAX_ERRORS = 100
_LONG_SCRIPT_LENGTH = 16_384
"""Characters of the shortest script that a thread reads; shorter ones take a few milliseconds."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A mended script, what was mended, the fields of its directives, and the wrong ones."""

    text: str
    warnings: list[str]
    found: batch_options.Fields
    wrong: list[Wrong]


async def check(request: web.Request) -> web.Response:
    """Return the fields that the directives of a script give, and what is wrong with them."""
    body = request[keys.BODY]
    environment = request[keys.SESSION].defaults.environment
    read = await _in_thread(body["script"], _read_directives, body["script"], environment)
    wrong = read.wrong
    unusable = batch.check_script(batch.wrapped(read.text, wrap=body.get("wrap", False)))
    if unusable is not None:
        wrong = [Wrong(1, unusable.removeprefix("line 1: ")), *wrong]
    names = {error.line for error in wrong}
    fields = {
        name: value
        for name, value in read.found.fields.items()
        if read.found.lines.get(name) not in names
    }
    return reply(
        {
            "fields": fields,
            "lines": {name: read.found.lines.get(name, 1) for name in fields},
            "errors": [{"line": one.line, "detail": one.detail} for one in wrong[:_MAX_ERRORS]],
            "warnings": read.warnings,
        }
    )


async def read_script(
    fields: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[Mapping[str, Any], list[str]]:
    """Return what :func:`with_directives` does; a long script does not delay other requests."""
    return await _in_thread(fields.get("script") or "", with_directives, fields, environment)


async def _in_thread(script: str, function: Callable[..., _T], *args: object) -> _T:
    """Call *function*, for a long script in a thread."""
    if len(script) < _LONG_SCRIPT_LENGTH:
        return function(*args)
    return await asyncio.to_thread(function, *args)


def with_directives(
    fields: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[Mapping[str, Any], list[str]]:
    """Return the fields of a job with those that the directives of its script give, and warnings.

    Args:
        fields: The request, valid by the schema ``submit``.
        environment: The variables that every job has.

    Raises:
        ValidationFailed: Directives are wrong; each is named with its line.
    """
    if fields.get("script") is None or fields.get("jobspec") is not None:
        return fields, []
    read = _read_directives(fields["script"], environment)
    given = {name: value for name, value in fields.items() if value is not None}
    whole = batch_options.merged(read.found.fields, canonical_names(given))
    whole["script"] = batch.wrapped(read.text, wrap=whole.get("wrap", False))
    unusable = batch.check_script(whole["script"])
    details = [str(one) for one in read.wrong[:_MAX_ERRORS]]
    if details:
        details = details if unusable is None else [unusable, *details]
        raise ValidationFailed([{"pointer": "/script", "detail": detail} for detail in details])
    return whole, read.warnings


def _read_directives(script: str, environment: Mapping[str, str]) -> _Read:
    text, warnings = directives.mend(script)
    warnings += script_hints.hints(text)
    parsed = directives.parse(text)
    found = batch_options.fields_of(parsed.directives, environment, time.time())
    wrong = [*parsed.wrong, *found.wrong, *_invalid(found)]
    return _Read(text, warnings, found, sorted(wrong, key=lambda one: one.line))


def _invalid(found: batch_options.Fields) -> list[Wrong]:
    """Return the directives whose values break the schema of a request."""
    wrong = []
    for error in schema.errors("submit", found.fields) if not _is_valid(found.fields) else ():
        place = error["pointer"].split("/")[1:]
        where = f"{'.'.join(place)} " if place else ""
        line = found.lines.get(place[0], 1) if place else 1
        wrong.append(Wrong(line, f"{where}{error['detail']}"))
    return wrong


def _is_valid(fields: Mapping[str, Any]) -> bool:
    return schema.compile_validator("submit").is_valid(fields)
