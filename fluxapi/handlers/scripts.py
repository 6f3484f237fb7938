"""Batch scripts in requests: their directives become fields, over which the request wins."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from fluxapi.contracts import schema
from fluxapi.errors import ValidationFailed
from fluxapi.model import batch, batch_options, directives
from fluxapi.model.directives import Wrong
from fluxapi.model.jobspec import canonical_names

__all__ = ["read_script", "with_directives"]

_MAX_ERRORS = 100
_LONG_SCRIPT_LENGTH = 16_384
"""Characters from which on a script is read in a thread; shorter ones take a few milliseconds."""


async def read_script(
    fields: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[Mapping[str, Any], list[str]]:
    """Return what :func:`with_directives` does; a long script does not delay other requests."""
    if len(fields.get("script") or "") < _LONG_SCRIPT_LENGTH:
        return with_directives(fields, environment)
    return await asyncio.to_thread(with_directives, fields, environment)


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
    text, warnings = directives.mend(fields["script"])
    script = directives.parse(text)
    found = batch_options.fields_of(script.directives, environment, time.time())
    wrong = [*script.wrong, *found.wrong, *_invalid(found)]
    given = {name: value for name, value in fields.items() if value is not None}
    whole = batch_options.merged(found.fields, canonical_names(given))
    whole["script"] = batch.wrapped(text, wrap=whole.get("wrap", False))
    unusable = batch.check_script(whole["script"])
    details = [str(one) for one in sorted(wrong, key=lambda one: one.line)[:_MAX_ERRORS]]
    if details:
        details = details if unusable is None else [unusable, *details]
        raise ValidationFailed([{"pointer": "/script", "detail": detail} for detail in details])
    return whole, warnings


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
