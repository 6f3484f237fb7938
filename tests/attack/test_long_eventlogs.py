"""Clients that follow jobs with long eventlogs: what they have read takes no memory."""

from __future__ import annotations

import pytest

from fluxapi.model.eventlog import Event
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]


@pytest.mark.parametrize("kind", ["application/x-ndjson", "text/event-stream", "text/plain"])
async def test_a_stream_keeps_no_event_that_it_has_sent(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    name = await service.submit()
    read = service.instance.eventlog
    given: list[list[Event]] = []

    async def eventlog(jobid: int) -> list[Event]:
        given.append(await read(jobid))
        return given[-1]

    monkeypatch.setattr(service.instance, "eventlog", eventlog)
    path = f"/v1/jobs/{name}/events"
    async with service.client.get(path, headers={"Accept": kind}) as response:
        while b"submit" not in await response.content.readline():
            assert not response.content.at_eof()
        assert given == [[]]
