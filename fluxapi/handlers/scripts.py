"""Batch scripts in requests: their directives become fields, over which the request wins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aiohttp import web

from fluxapi.contracts import schema
from fluxapi.http import keys
from fluxapi.model import batch, batch_script
from fluxapi.model.directives import Wrong
from fluxapi.model.message import Message, told, warned
from fluxapi.sessions.session import InstanceSession

from .support import reply

__all__ = ["check", "read_script", "with_directives"]

_T = TypeVar("_T")

_AS_TASK = Message("warnings", "as_task")

_LONG_SCRIPT_LENGTH = 16_384
"""Characters of the shortest script that a thread reads; shorter ones take a few milliseconds."""

_PHRASES = "--begin-time"
"""The option whose values may be phrases; the first one loads the library that reads them."""


async def check(request: web.Request) -> web.Response:
    """Return the fields that the directives of a script give, and what is wrong with them."""
    body = request[keys.BODY]
    environment = request[keys.SESSION].defaults.environment
    read = await _in_thread(body["script"], _read, body["script"], environment)
    wrong = read.wrong
    unusable = batch.check_script(batch.wrapped(read.text, wrap=body.get("wrap", False)))
    if unusable is not None:
        wrong = [Wrong(1, unusable), *wrong]
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
            "errors": [
                {"line": one.line, **told(one.why)} for one in wrong[: batch_script.MAX_ERRORS]
            ],
            **warned(read.warnings),
        }
    )


async def read_script(
    fields: Mapping[str, Any], session: InstanceSession
) -> tuple[Mapping[str, Any], list[Message]]:
    """Return what :func:`with_directives` does; a long script does not delay other requests.

    The warnings tell what the instance makes of a script, too.
    """
    script, environment = fields.get("script") or "", session.defaults.environment
    read, warnings = await _in_thread(script, with_directives, fields, environment)
    if read.get("script") is not None and session.capabilities.scripts == "task":
        warnings.append(_AS_TASK)
    return read, warnings


async def _in_thread(script: str, function: Callable[..., _T], *args: object) -> _T:
    """Call *function*, in a thread for a script that is long or may have phrases."""
    if len(script) < _LONG_SCRIPT_LENGTH and _PHRASES not in script:
        return function(*args)
    return await asyncio.to_thread(function, *args)


def with_directives(
    fields: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[Mapping[str, Any], list[Message]]:
    """Return the fields of a job with those that the directives of its script give, and warnings.

    See :func:`fluxapi.model.batch_script.with_directives`.
    """
    return batch_script.with_directives(fields, environment, _find)


def _read(script: str, environment: Mapping[str, str]) -> batch_script.Script:
    return batch_script.read(script, environment, _find)


def _find(fields: Mapping[str, Any]) -> schema.Fields:
    return schema.find("submit", fields)
