"""The next events of a stream, and their keys."""

from __future__ import annotations

import pytest

from fluxapi.client import Event, EventStream

Key = tuple[str, int | None]

QUICK = pytest.mark.usefixtures("pauses")
"""Without the pauses between tries."""


def keys(events: list[Event]) -> list[Key]:
    return [(event.id, event.index) for event in events]


async def take(stream: EventStream[Event], count: int) -> list[Event]:
    return [await stream.__anext__() for _ in range(count)]
