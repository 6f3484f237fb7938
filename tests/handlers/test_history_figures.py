"""GET /v1/history/figures."""

from __future__ import annotations

import asyncio
import functools
import time
from pathlib import Path
from typing import Any

import pytest

from fluxapi.archive.archive import Archive
from fluxapi.archive.samples import FIGURES, Sample
from fluxapi.contracts import schema
from fluxapi.handlers import history
from fluxapi.http import keys
from fluxapi.model.jobid import encode_f58, parse
from fluxapi.sessions.history_sampler import HistorySampler
from fluxapi.sessions.session import InstanceSession
from tests.archive.past_jobs import SOURCE, Past, store

from .conftest import Service, Start

PATH = "/v1/history/figures"


async def ask(service: Service, **query: Any) -> Any:
    answer = await service.client.get(PATH, params=query)
    assert answer.status == 200, await answer.text()
    found = await answer.json()
    schema.check("figures", found)
    return found


def root(service: Service) -> tuple[Archive, InstanceSession]:
    assert service.client.app is not None
    archive = service.client.app[keys.ARCHIVE]
    assert archive is not None
    return archive, service.client.app[keys.SESSIONS].root


def sampler_of(session: InstanceSession, samples: list[Sample]) -> HistorySampler:
    return HistorySampler(
        session.table, session.observer, lambda: session.is_reachable, samples.append
    )


async def test_a_job_counts_once_it_has_ended(start: Start, tmp_path: Path) -> None:
    service = await start(statedir=tmp_path)
    archive, session = root(service)
    jobid = await service.submit(command="sleep 1")
    assert (await ask(service))["total"]["ended"] == 0
    service.instance.finish(parse(jobid))
    await service.client.get(f"/v1/jobs/{jobid}/wait")
    assert await asyncio.to_thread(archive.writer.flush, 60)
    found = await ask(service, until=time.time() + 60, by="name")
    assert found["total"]["ended"] == 1
    assert [(it["value"], it["ended"]) for it in found["groups"]] == [("sleep", 1)]
    assert session.history is not None
    assert found["instance"] == session.history.recorder.source.id
    assert sum(step["ended"] for step in found["steps"]) == 1


async def test_a_flood_of_requests_for_figures_is_refused(start: Start, tmp_path: Path) -> None:
    service = await start(statedir=tmp_path)
    archive, _ = root(service)
    async with archive.figures_turn.held():
        asked = [asyncio.ensure_future(service.client.get(PATH)) for _ in range(40)]
        waiting = set(asked)
        refused: list[Any] = []
        while len(refused) < 24:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            refused += [it.result() for it in done]
        assert {it.status for it in refused} == {503}
        assert {it.headers["Retry-After"] for it in refused} == {"10"}
    answers = await asyncio.gather(*asked)
    assert sorted(it.status for it in answers) == [200] * 16 + [503] * 24
    assert archive.figures_requests.used == 0


async def test_the_day_before_the_end_is_the_default(start: Start, tmp_path: Path) -> None:
    service = await start(statedir=tmp_path)
    found = await ask(service, until=1_800_000_000)
    assert (found["since"], found["until"]) == (1_800_000_000 - 86_400, 1_800_000_000)
    assert found["step"] == 1800


async def test_jobs_of_other_instances_count_if_all_are_asked_for(
    start: Start, tmp_path: Path
) -> None:
    service = await start(statedir=tmp_path)
    end = time.time() - 1000
    at = {"since": end - 50, "until": end + 50}
    await asyncio.to_thread(store, tmp_path, Past(1 << 24, end))
    assert (await ask(service, **at))["total"]["ended"] == 0
    found = await ask(service, **at, instance="all", by="node")
    assert (found["total"]["ended"], "instance" in found) == (1, False)
    assert (await ask(service, **at, instance=SOURCE.id))["total"]["ended"] == 1


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"since": "10", "until": "10"}, "/until"),
        ({"since": str(1e11), "until": "1"}, "/until"),
        ({"steps": "501"}, "/steps"),
        ({"by": "cwd"}, "/by"),
        ({"instance": "x"}, "/instance"),
    ],
)
async def test_a_bad_query_is_refused(
    start: Start, tmp_path: Path, query: dict[str, str], pointer: str
) -> None:
    service = await start(statedir=tmp_path)
    answer = await service.client.get(PATH, params=query)
    assert answer.status == 422
    assert [it["pointer"] for it in (await answer.json())["errors"]] == [pointer]


async def test_a_service_without_history_says_how_to_keep_one(service: Service) -> None:
    answer = await service.client.get(PATH)
    assert answer.status == 501
    assert "--statedir" in (await answer.json())["detail"]


async def test_samples_come_from_the_table_and_call_no_flux(start: Start, tmp_path: Path) -> None:
    service = await start(statedir=tmp_path)
    _, session = root(service)
    samples: list[Sample] = []
    sampler = sampler_of(session, samples)
    calls = list(service.instance.calls)
    await sampler.sample(1000.0)
    await service.submit()
    await sampler.sample(1010.0)
    await sampler.sample(1020.0)
    session.journal.ready = False
    await sampler.sample(1030.0)
    await sampler.sample(1040.0)
    assert service.instance.calls == calls
    (sample,) = samples
    assert (sample.time, sample.seconds) == (1000.0, 20.0)
    known = dict(zip(FIGURES, sample.figures, strict=True))
    assert known["pending"] + known["running"] == 1  # type: ignore[operator]


async def test_samples_name_nodes_as_they_were_asked_for(start: Start, tmp_path: Path) -> None:
    service = await start(statedir=tmp_path)
    _, session = root(service)
    samples: list[Sample] = []
    sampler = sampler_of(session, samples)
    kinds = {"total": 8, "up": 6, "allocated": 3}
    session.observer.want(60)
    session.hub.stats.nodes = {
        "total": 4, "allocated": 1, "free": 2, "states": {"up": 2, "drained": 1, "draining": 1},
        "cores": kinds, "gpus": kinds,
    }  # fmt: skip
    await sampler.sample(1000.0)
    await sampler.sample(1010.0)
    session.hub.stats.nodes = None
    await sampler.sample(1020.0)
    session.journal.ready = False
    await sampler.sample(1030.0)
    first, second = (dict(zip(FIGURES, it.figures, strict=True)) for it in samples)
    assert first == {
        "pending": 0, "running": 0, "nodes": 4, "nodes_up": 2, "nodes_allocated": 1,
        "nodes_drained": 2, "nodes_down": 0, "cores": 8, "cores_up": 6, "cores_allocated": 3,
        "gpus": 8, "gpus_up": 6, "gpus_allocated": 3,
    }  # fmt: skip
    # The size of the instance stays known; what may have changed does not.
    known = {name: value for name, value in second.items() if value is not None}
    assert known == {
        "pending": 0, "running": 0, "nodes": 4, "cores": 8, "cores_allocated": 0, "gpus": 8,
    }  # fmt: skip


async def test_a_service_that_stops_leaves_its_samples(start: Start, tmp_path: Path) -> None:
    service = await start(statedir=tmp_path)
    archive, session = root(service)
    (sampler,) = (task for task in session.tasks if isinstance(task, HistorySampler))
    await sampler.sample(time.time() + 9)
    await sampler.sample(time.time() + 19)
    await service.client.close()
    fresh = Archive(tmp_path)
    rows = await fresh.reader.run(
        lambda database: database.execute("SELECT seconds FROM samples").fetchall()
    )
    assert sum(seconds for (seconds,) in rows) > 9
    await fresh.reader.aclose()
    assert not archive.problem


async def test_a_job_is_compared_with_earlier_ones_of_its_name(
    start: Start, tmp_path: Path
) -> None:
    service = await start(statedir=tmp_path)
    _, session = root(service)
    jobid = await service.submit(command="sleep 1")
    path = f"/v1/jobs/{jobid}/comparison"
    assert await (await service.client.get(path)).json() == {}
    now = time.time()
    peers = [Past(number << 24, now - 5000 + number, name="sleep") for number in range(901, 931)]
    source = session.history and session.history.recorder.source
    assert source
    await asyncio.to_thread(functools.partial(store, source=source), tmp_path, *peers)
    service.instance.finish(parse(jobid))
    await service.client.get(f"/v1/jobs/{jobid}/wait")
    found = await (await service.client.get(path)).json()
    schema.check("job-comparison", found)
    assert (found["by"], found["value"], found["jobs"]) == ("name", "sleep", 30)
    assert found["sentences"] == []
    past = await (await service.client.get(f"/v1/jobs/{encode_f58(907 << 24)}/comparison")).json()
    assert past["run"] == {"seconds": 10.0, "median": 10.0}
    assert (await service.client.get("/v1/jobs/f1/comparison")).status == 404


@pytest.mark.parametrize(
    ("more", "wait"),
    [
        ({"state": "SCHED", "urgency": 16}, 60.0),
        ({"state": "SCHED", "urgency": 0}, None),
        ({"state": "DEPEND", "urgency": 16}, None),
    ],
)
def test_a_job_that_waits_as_it_was_told_to_is_not_compared(more: Any, wait: float | None) -> None:
    record = {"id": "f1", "t_submit": 40.0, **more}
    assert history._subject(record, 100.0).wait == wait
