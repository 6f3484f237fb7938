"""Jobspecs that end a program of Flux, and with it the submissions of others that it has.

One is the validator, which reads objects alone. The other one is the frobnicator, in which an
instance with queues or defaults modifies jobspecs: it writes each as one line of Python's JSON, and
Flux takes at most 4 MiB of a line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fluxapi.errors import FluxapiError
from fluxapi.instance.protocol import Submission
from fluxapi.model.jobspec_size import size_in_python

from . import refusal

__all__ = ["refusals"]

_MAX_BYTES = (4 << 20) - (64 << 10)
"""Limit of a jobspec in Python's JSON, with room for what comes around it and is added to it."""

_MIN_LONG_BYTES = _MAX_BYTES // 6
"""Size of a jobspec that can be too long; Python writes no byte as more than six."""

_PLACES = (("queues",), ("policy", "jobspec", "defaults"), ("ingest", "frobnicator"))
"""Tables of a configuration with which Flux has one (flux-core, job-ingest/pipeline.c)."""


async def refusals(
    submissions: Sequence[Submission], ask: Callable[[str], Awaitable[Any]]
) -> dict[int, FluxapiError]:
    """Return the errors of the jobspecs that must not be sent, by their places.

    *ask* sends a request to the instance.
    """
    refused: dict[int, FluxapiError] = {
        place: refusal.no_object()
        for place, one in enumerate(submissions)
        if not one.jobspec.lstrip().startswith(b"{")
    }
    long = [
        (place, one.jobspec)
        for place, one in enumerate(submissions)
        if len(one.jobspec) > _MIN_LONG_BYTES and place not in refused
    ]
    if long and _has_frobnicator(await ask("config.get")):
        too_long = await asyncio.to_thread(_too_long, long)
        refused |= {place: refusal.too_long(_MAX_BYTES) for place in too_long}
    return refused


def _too_long(jobspecs: Sequence[tuple[int, bytes]]) -> list[int]:
    """Return the places of the jobspecs that a frobnicator cannot write.

    This takes milliseconds for each.
    """
    return [place for place, text in jobspecs if size_in_python(text) > _MAX_BYTES]


def _has_frobnicator(config: Any) -> bool:
    return any(_has(config, place) for place in _PLACES)


def _has(tree: Any, place: Sequence[str]) -> bool:
    for name in place:
        if not isinstance(tree, dict) or name not in tree:
            return False
        tree = tree[name]
    return True
