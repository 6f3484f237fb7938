"""Jobs by a list of IDs: read in one request, waited for in one request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fluxapi.errors import TooManyRequests
from fluxapi.events.waiters import Waiters
from fluxapi.http import keys
from fluxapi.model import jobid
from fluxapi.model.eventlog import Purged
from fluxapi.process.client_shares import ClientShares

from .conftest import Service


async def post(service: Service, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
    response = await service.client.post(f"/v1/jobs/{path}", json=body)
    answer: dict[str, Any] = await response.json()
    assert response.status == status, answer
    return answer


def waiters_of(service: Service) -> Waiters:
    app = service.client.app
    assert app is not None
    found: Waiters = app[keys.SESSIONS].root.journal.waiters
    return found


def limit_lists(service: Service, limit: int) -> None:
    """Let the lists of all clients have so many IDs together, those of one a quarter."""
    waiters_of(service)._listed = ClientShares(limit, 1)


async def waiting(service: Service, count: int) -> None:
    """Return when so many requests wait."""
    found = waiters_of(service)
    while len(found) < count:  # noqa: ASYNC110 - one pass of the loop each
        await asyncio.sleep(0)


async def test_jobs_come_in_the_order_of_the_list_each_once(service: Service) -> None:
    ids = [await service.submit(name=f"n{n}") for n in range(3)]
    asked = [ids[2], "f1", ids[0], "no id", str(jobid.parse(ids[2])), "f1", ids[1]]
    answer = await post(service, "query", ids=asked)
    assert [job["id"] for job in answer["jobs"]] == [ids[2], ids[0], ids[1]]
    assert answer["unknown"] == ["f1", "no id"]
    response = await service.client.get(f"/v1/jobs/{ids[0]}")
    one = await response.json()
    # Only the answer for one job tells its place in the queue.
    one.pop("line", None)
    assert answer["jobs"][1] == one
    assert (await post(service, "query", ids=[]))["jobs"] == []


async def test_a_list_that_is_too_long_is_refused(service: Service) -> None:
    answer = await post(service, "query", 422, ids=["f1"] * 10_001)
    assert answer["errors"][0]["pointer"] == "/ids"
    await post(service, "query", 422)
    await post(service, "query", 422, ids=[1])


async def test_jobs_may_be_named_in_a_query(service: Service) -> None:
    ids = [await service.submit() for _ in range(4)]
    response = await service.client.get("/v1/jobs", params=[("id", ids[0]), ("id", ids[3])])
    assert [job["id"] for job in (await response.json())["jobs"]] == [ids[3], ids[0]]
    response = await service.client.get(f"/v1/jobs?id={ids[0]}&id=f1&limit=1&state=inactive")
    assert (await response.json())["jobs"] == []
    response = await service.client.get("/v1/jobs?id=x+y")
    assert response.status == 422
    assert (await response.json())["errors"][0]["pointer"] == "/id/0"


async def test_pages_of_named_jobs(service: Service) -> None:
    ids = [await service.submit() for _ in range(3)]
    params = [("id", each) for each in ids]
    seen: list[str] = []
    answer: dict[str, Any] = {"next": "ffffffffffffffff"}
    while answer["next"]:
        some = [*params, ("limit", "1"), ("page", answer["next"])]
        response = await service.client.get("/v1/jobs", params=some)
        answer = await response.json()
        seen += [job["id"] for job in answer["jobs"]]
    assert seen == ids[::-1]


async def test_wait_for_all(service: Service) -> None:
    ids = [await service.submit() for _ in range(3)]
    service.instance.finish(jobid.parse(ids[1]))
    asking = asyncio.create_task(post(service, "wait", ids=[*ids, "f1"], timeout=300))
    await waiting(service, 1)
    service.instance.finish(jobid.parse(ids[0]))
    some = await post(service, "wait", ids=ids, timeout=0)
    assert (some["ended"], some["active"]) == (ids[:2], ids[2:])
    assert not asking.done()
    service.instance.finish(jobid.parse(ids[2]))
    assert await asking == {"ended": ids, "active": [], "unknown": ["f1"]}


async def test_wait_for_any(service: Service) -> None:
    ids = [await service.submit() for _ in range(3)]
    asking = asyncio.create_task(post(service, "wait", ids=ids, until="any", timeout=300))
    await waiting(service, 1)
    service.instance.finish(jobid.parse(ids[1]))
    answer = await asking
    assert (answer["ended"], answer["active"]) == ([ids[1]], [ids[0], ids[2]])
    answer = await post(service, "wait", ids=ids, until="any", timeout=300)
    assert answer["ended"] == [ids[1]], "it has ended already"


async def test_an_unknown_id_ends_a_wait_for_any_at_once(service: Service) -> None:
    active = await service.submit()
    answer = await post(service, "wait", ids=[active, "f1"], until="any", timeout=300)
    assert answer == {"ended": [], "active": [active], "unknown": ["f1"]}


async def test_a_purged_job_is_waited_for_no_more(service: Service) -> None:
    ids = [await service.submit() for _ in range(2)]
    asking = asyncio.create_task(post(service, "wait", ids=ids, timeout=300))
    await waiting(service, 1)
    service.instance.finish(jobid.parse(ids[0]))
    service.instance.finish(jobid.parse(ids[1]))
    service.instance._journal.put_nowait([Purged([jobid.parse(ids[1])])])
    answer = await asking
    assert ids[0] in answer["ended"]
    assert {*answer["ended"], *answer["unknown"]} == set(ids)


async def test_lists_that_wait_are_bounded(service: Service) -> None:
    ids = [await service.submit() for _ in range(3)]
    limit_lists(service, 16)
    asking = asyncio.create_task(post(service, "wait", ids=ids, timeout=300))
    await waiting(service, 1)
    answer = await post(service, "wait", 429, ids=ids, timeout=300)
    assert "wait for a group instead" in answer["detail"]
    for each in ids:
        service.instance.finish(jobid.parse(each))
    assert (await asking)["ended"] == ids
    assert len((await post(service, "wait", ids=ids, timeout=300))["ended"]) == 3


async def test_ids_of_no_job_count_to_the_lists_that_wait(service: Service) -> None:
    active, ended = [await service.submit() for _ in range(2)]
    service.instance.finish(jobid.parse(ended))
    limit_lists(service, 16)
    ids = [active, ended, "f1", "f2"]
    asking = asyncio.create_task(post(service, "wait", ids=ids, timeout=300))
    await waiting(service, 1)
    await post(service, "wait", 429, ids=[active], timeout=300)
    service.instance.finish(jobid.parse(active))
    assert (await asking)["unknown"] == ["f1", "f2"]


async def test_lists_of_some_clients_leave_room_to_others(service: Service) -> None:
    active = jobid.parse(await service.submit())
    found = waiters_of(service)
    limit_lists(service, 100)
    asking = [
        asyncio.create_task(
            found.wait_for_ends([active], 300, needs_all=True, length=length, client=client)
        )
        for client, length in (("a", 25), ("b", 16), ("c", 11), ("d", 7))
    ]
    await waiting(service, 4)
    for client in "abcd":
        with pytest.raises(TooManyRequests):
            await found.wait_for_ends([active], 300, needs_all=True, length=2, client=client)
    asking.append(
        asyncio.create_task(found.wait_for_ends([active], 300, needs_all=True, client="e"))
    )
    await waiting(service, 5)
    service.instance.finish(active)
    await asyncio.gather(*asking)
    assert not found._listed.used
