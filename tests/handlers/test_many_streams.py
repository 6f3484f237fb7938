"""Many subscriptions on one stream of lines: ``POST /v1/events``."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import ClientResponse

from .conftest import Service


async def follow(service: Service, *subscriptions: dict[str, Any]) -> ClientResponse:
    wanted = [{"type": "subscribe", **fields} for fields in subscriptions]
    return await service.client.post("/v1/events", json={"subscriptions": wanted})


async def until(response: ClientResponse, **wanted: Any) -> list[dict[str, Any]]:
    """Return the messages up to one that has these members."""
    seen: list[dict[str, Any]] = []
    while not (seen and wanted.items() <= seen[-1].items()):
        line = await response.content.readline()
        assert line, f"the stream ended: {seen}"
        seen.append(json.loads(line))
    return seen


async def test_each_message_says_whose_it_is(service: Service) -> None:
    jobid = await service.submit()
    response = await follow(
        service, {"sub": "all", "stream": "jobs"}, {"sub": "figures", "stream": "stats"}
    )
    assert response.content_type == "application/x-ndjson"
    seen = await until(response, type="bookmark", sub="all")
    (snapshot,) = [message for message in seen if message["type"] == "snapshot"]
    assert (snapshot["sub"], [job["id"] for job in snapshot["jobs"]]) == ("all", [jobid])
    await until(response, type="stats", sub="figures")
    later = await service.submit()
    changed = await until(response, type="job", sub="all", id=later)
    cursor = changed[-1]["cursor"]
    response.close()
    again = await follow(service, {"sub": "all", "stream": "jobs", "since": cursor})
    newest = await service.submit()
    assert "snapshot" not in {m["type"] for m in await until(again, type="job", id=newest)}
    again.close()


async def test_nothing_but_lines_is_there_to_accept(service: Service) -> None:
    body = {"subscriptions": [{"type": "subscribe", "sub": "all", "stream": "jobs"}]}
    headers = {"Accept": "text/event-stream"}
    response = await service.client.post("/v1/events", json=body, headers=headers)
    assert response.status == 406
    assert (await response.json())["type"] == "/docs/errors#not-acceptable"


async def test_an_error_of_one_subscription_affects_no_other(service: Service) -> None:
    response = await follow(
        service,
        {"sub": "none", "stream": "output", "job": "f1"},
        {"sub": "twice", "stream": "events"},
        {"sub": "twice", "stream": "events"},
    )
    # They begin together, so their first messages come in any order.
    missing = {("error", "none", 404), ("error", "twice", 422), ("bookmark", "twice", None)}
    while missing:
        message = json.loads(await response.content.readline())
        missing.discard((message["type"], message["sub"], message.get("status")))
    response.close()


async def test_an_invalid_subscription_is_refused(service: Service) -> None:
    assert (await follow(service)).status == 422
    assert (await follow(service, {"sub": "a", "stream": "nothing"})).status == 422
    assert (await follow(service, *[{"sub": "a", "stream": "events"}] * 129)).status == 422
