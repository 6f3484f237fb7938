"""Waitable jobs: each end is handed out once, by the instance that knows who took it."""

from __future__ import annotations

import asyncio
from typing import Any

from fluxapi.model import jobid
from fluxapi.model.eventlog import Purged

from .conftest import Service
from .test_many import waiting


async def collect(service: Service, status: int = 200, **body: Any) -> Any:
    response = await service.client.post("/v1/jobs/collect", json=body)
    answer = await response.json()
    assert response.status == status, answer
    return answer if status == 200 else answer["detail"]


def good(*ids: str) -> list[dict[str, Any]]:
    return [{"id": each, "success": True, "message": ""} for each in ids]


async def test_the_next_end_is_waited_for(service: Service) -> None:
    await service.submit()
    ids = [await service.submit(waitable=True) for _ in range(3)]
    asking = asyncio.create_task(collect(service, timeout=300))
    await waiting(service, 1)
    service.instance.finish(jobid.parse(ids[1]))
    assert await asking == {"jobs": good(ids[1]), "active": 2}
    assert await collect(service, timeout=0) == {"jobs": [], "active": 2}
    service.instance.finish(jobid.parse(ids[0]))
    service.instance.finish(jobid.parse(ids[2]), 256)
    await service.client.get(f"/v1/jobs/{ids[2]}/wait")
    found = await collect(service, limit=64)
    bad = {"id": ids[2], "success": False, "message": "task(s) exited with exit code 1"}
    assert found == {"jobs": [*good(ids[0]), bad], "active": 0}
    assert await collect(service, timeout=300) == {"jobs": [], "active": 0}


async def test_one_job_is_waited_for(service: Service) -> None:
    wanted, other = [await service.submit(waitable=True) for _ in range(2)]
    asking = asyncio.create_task(collect(service, id=str(jobid.parse(wanted)), timeout=300))
    await waiting(service, 1)
    service.instance.finish(jobid.parse(other))
    service.instance.finish(jobid.parse(wanted))
    assert await asking == {"jobs": good(wanted), "active": 0}
    assert "may be inactive and not waitable" in await collect(service, 409, id=wanted)
    plain = await service.submit()
    assert "not submitted with FLUX_JOB_WAITABLE" in await collect(service, 409, id=plain)
    await collect(service, 404, id="f1")
    await collect(service, 422, limit=65)


async def test_jobs_that_others_collected_are_skipped(service: Service) -> None:
    ids = [await service.submit(waitable=True) for _ in range(2)]
    for each in ids:
        service.instance.finish(jobid.parse(each))
    service.instance.collected.add(jobid.parse(ids[0]))
    await service.client.get(f"/v1/jobs/{ids[1]}/wait")
    assert await collect(service, limit=1) == {"jobs": good(ids[1]), "active": 0}


async def purge(service: Service, *ids: str) -> None:
    """Purge jobs that have ended, after those before them have ended in the table, too."""
    service.instance._journal.put_nowait([Purged([jobid.parse(each) for each in ids])])
    last = await service.submit()
    service.instance.finish(jobid.parse(last))
    await service.client.get(f"/v1/jobs/{last}/wait")


async def test_jobs_that_are_purged_can_be_collected(service: Service) -> None:
    ids = [await service.submit(waitable=True) for _ in range(4)]
    for each in ids[:3]:
        service.instance.finish(jobid.parse(each))
    await purge(service, *ids[:2])
    assert (await service.client.get(f"/v1/jobs/{ids[0]}")).status == 404
    assert await collect(service, id=ids[1]) == {"jobs": good(ids[1]), "active": 1}
    await collect(service, 404, id=ids[1])
    assert await collect(service, limit=64) == {"jobs": good(ids[0], ids[2]), "active": 1}
    assert await collect(service, timeout=0) == {"jobs": [], "active": 1}


async def test_the_end_of_a_purged_job_outlives_an_outage(service: Service) -> None:
    wanted = await service.submit(waitable=True)
    service.instance.finish(jobid.parse(wanted))
    await purge(service, wanted)
    service.instance.gone = True
    await collect(service, 503)
    service.instance.gone = False
    assert (await collect(service))["jobs"] == good(wanted)


async def test_an_end_outlives_an_outage(service: Service) -> None:
    wanted = await service.submit(waitable=True)
    service.instance.finish(jobid.parse(wanted))
    await service.client.get(f"/v1/jobs/{wanted}/wait")
    service.instance.gone = True
    await collect(service, 503)
    service.instance.gone = False
    assert (await collect(service))["jobs"] == good(wanted)
