"""One request each: what is asked, what comes back, what is tried again."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.client import (
    AsyncClient,
    ClientError,
    Conflict,
    ConnectionFailed,
    Invalid,
    JobList,
    NotFound,
)
from fluxapi.errors import FluxRefused
from fluxapi.model.jobid import encode_f58, parse
from tests.handlers.fake import FakeInstance

from .proxy import Proxy

GONE = "f9999"


async def test_a_job_from_submission_to_end(flux: AsyncClient, instance: FakeInstance) -> None:
    id = await flux.submit(["echo", "hi"], name="greeting", num_tasks=2, duration="5m", queue=None)
    job = await flux.get(id)
    assert (job.id, job.name, job.ntasks, job.state) == (id, "greeting", 2, "SCHED")
    assert job.is_active
    waiting = asyncio.create_task(flux.wait(id))
    instance.finish(parse(id))
    done = await waiting
    assert (done.state, done.result, done.success) == ("INACTIVE", "COMPLETED", True)
    assert [event.name for event in await flux.eventlog(id)][-2:] == ["finish", "clean"]
    assert {(event.id, event.index) for event in await flux.eventlog(id)} == {
        (id, index) for index in range(7)
    }


async def test_a_jobspec_in_place_of_a_command(flux: AsyncClient, instance: FakeInstance) -> None:
    await flux.submit("true")
    spec = {
        "version": 1,
        "resources": [
            {"type": "slot", "count": 1, "label": "t", "with": [{"type": "core", "count": 1}]}
        ],
        "tasks": [{"command": ["date"], "slot": "t", "count": {"per_slot": 1}}],
        "attributes": {"system": {"duration": 0}},
    }
    await flux.submit(jobspec=spec)
    assert b'"date"' in instance.submitted[1].jobspec


async def test_ids_in_every_form(flux: AsyncClient) -> None:
    id = await flux.submit("true")
    number = parse(id)
    for form in (number, str(number), hex(number), "ƒ" + id[1:], id):
        assert (await flux.get(form)).id == id


@pytest.mark.parametrize("id", ["", ".", "..", "bulk", "f/x", "x?y", "a b", -1, 2**64])
async def test_an_invalid_id_is_not_found(flux: AsyncClient, id: str | int) -> None:
    with pytest.raises(NotFound, match=r"is not a job ID|unsigned 64-bit") as caught:
        await flux.get(id)
    sentences = str(caught.value)
    assert sentences.startswith((f"'{id}' is not ", "A job ID is "))
    assert not sentences.endswith("..")


async def test_wait_ends_in_time(flux: AsyncClient) -> None:
    id = await flux.submit("true")
    with pytest.raises(TimeoutError, match=f"Job {id} is in SCHED"):
        await flux.wait(id, timeout=0)


async def test_lists_page_by_themselves(flux: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluxapi.client.methods.jobs._PAGE_SIZE", 3)
    ids = [await flux.submit("true", name=f"job{n}") for n in range(8)]
    newest = ids[::-1]
    assert [job.id async for job in flux.jobs()] == newest
    assert [job.id async for job in flux.jobs(limit=4)] == newest[:4]
    assert [job.id async for job in flux.jobs(limit=0)] == []
    whole, part = await flux.list_jobs(), await flux.list_jobs(limit=7)
    assert isinstance(whole, JobList)
    assert ([job.id for job in whole], whole.more) == (newest, False)
    assert ([job.id for job in part], part.more) == (newest[:7], True)
    assert whole.cursor


async def test_filters(flux: AsyncClient, instance: FakeInstance) -> None:
    one, two = [await flux.submit("true", name=name) for name in ("alpha", "beta")]
    instance.finish(parse(one))
    await flux.wait(one)
    for filter, expected in (
        ({"state": "active"}, [two]),
        ({"state": ["inactive", "sched"]}, [two, one]),
        ({"result": "completed"}, [one]),
        ({"name": "al*"}, [one]),
        ({"text": "BETA"}, [two]),
        ({"since": 1e10}, []),
        ({"name": None}, [two, one]),
    ):
        assert [job.id async for job in flux.jobs(**filter)] == expected, filter


async def test_changes(flux: AsyncClient, instance: FakeInstance) -> None:
    id = await flux.submit("true")
    number = parse(id)
    await flux.cancel(id, note="enough")
    await flux.signal(id)
    await flux.signal(id, 9)
    await flux.urgency(id, "hold")
    await flux.urgency(id, 31)
    assert instance.calls == [
        ("raise", number, "cancel", 0, "enough"),
        ("kill", number, 15),
        ("kill", number, 9),
        ("urgency", number, 0),
        ("urgency", number, 31),
    ]


async def test_cancel_many(flux: AsyncClient, instance: FakeInstance) -> None:
    one, two = await flux.submit("true", name="a"), await flux.submit("true", name="b")
    result = await flux.cancel_many([one, GONE], note="enough")
    assert (result.requested, result.failed) == (1, 1)
    ((id, error),) = result.errors
    assert id == GONE
    assert isinstance(error, NotFound)
    assert (await flux.cancel_many(name="b", state="active")).requested == 1
    assert [call[1] for call in instance.calls] == [parse(one), parse(two)]


async def test_cancel_many_never_takes_all_by_accident(
    flux: AsyncClient, instance: FakeInstance
) -> None:
    await flux.submit("true")
    with pytest.raises(ValueError, match="IDs or a filter"):
        await flux.cancel_many()
    with pytest.raises(ValueError, match="IDs or a filter"):
        await flux.cancel_many([GONE], state="active")
    assert (await flux.cancel_many([])).requested == 0
    assert instance.calls == []


async def test_the_instance(flux: AsyncClient, instance: FakeInstance) -> None:
    await flux.health()
    assert await flux.ready()
    assert await flux.nodes() == ["node0", "node1"]
    assert (await flux.resources())["totals"]["nodes"] == 2
    assert [queue["name"] for queue in await flux.queues()] == ["batch"]
    assert [queue["name"] for queue in await flux.held_queues()] == []
    assert [node["rank"] for node in (await flux.node("node1"))["nodes"]] == [1]
    with pytest.raises(NotFound):
        await flux.node("no/such node")
    assert len((await flux.use(steps=10))["steps"]) <= 10
    assert "is_cut" in await flux.use(node="node0", rank=0)
    assert (await flux.info())["instance"] == "embedded"
    assert (await flux.stats())["total"] == 0
    await flux.stop(instance=True)
    assert ("shutdown",) in instance.calls


async def test_the_resources_of_a_job(flux: AsyncClient, instance: FakeInstance) -> None:
    id = await flux.submit("true")
    with pytest.raises(NotFound):
        await flux.R(id)
    instance.begin(parse(id))
    assert (await flux.R(id))["version"] == 1
    assert (await flux.jobspec(id))["tasks"][0]["command"] == ["true"]


async def test_output(flux: AsyncClient, instance: FakeInstance) -> None:
    id = await flux.submit("true")
    instance.write(
        parse(id),
        {"stream": "stdout", "data": "one\ntwo\n"},
        {"stream": "stderr", "data": "/w==", "encoding": "base64"},
        {"stream": "stdout", "data": "three\n"},
        {"stream": "stdout", "eof": True},
    )
    output = await flux.output(id)
    assert (output.stdout, output.stderr) == ("one\ntwo\nthree\n", "\N{REPLACEMENT CHARACTER}")
    assert [entry.raw for entry in output.entries] == [b"one\ntwo\n", b"\xff", b"three\n", b""]
    assert (await flux.output(id, tail=1)).stdout == "three\n"
    assert (await flux.output(id, tail=2)).stdout == "two\nthree\n"
    assert await flux.output(id, tail=3) == output
    assert (await flux.output(id, tail=0)).entries == ()


async def test_every_bad_field_is_named(flux: AsyncClient) -> None:
    with pytest.raises(Invalid) as raised:
        await flux.submit("true", num_tasks=0, duration="soon")
    assert str(raised.value).startswith("2 fields are not valid. ")
    assert "num_tasks: must be" in str(raised.value)
    assert "duration: must be" in str(raised.value)
    assert raised.value.request_id


async def test_refusals(flux: AsyncClient, instance: FakeInstance) -> None:
    instance.refuse["nope"] = FluxRefused("no such queue")
    with pytest.raises(Invalid, match="no such queue"):
        await flux.submit("nope")
    with pytest.raises(NotFound, match=f"There is no job {GONE}"):
        await flux.cancel(GONE)
    id = await flux.submit("true")
    instance.finish(parse(id))
    await flux.wait(id)
    with pytest.raises(Conflict, match="has ended"):
        await flux.cancel(id)


async def test_an_answer_that_is_cut_off_is_one_job(
    cut_flux: AsyncClient, proxy: Proxy, instance: FakeInstance, pauses: list[float]
) -> None:
    proxy.swallow = 2
    id = await cut_flux.submit("true")
    assert len(pauses) == 2
    assert [encode_f58(number) for number in instance.eventlogs] == [id]


async def test_a_bulk_answer_that_is_cut_off_is_its_jobs(
    cut_flux: AsyncClient, proxy: Proxy, instance: FakeInstance, pauses: list[float]
) -> None:
    proxy.swallow = 1
    items = await cut_flux.bulk("echo {cc}", cc="0-4")
    assert len(pauses) == 1
    assert [item.id for item in items] == [encode_f58(number) for number in instance.eventlogs]


async def test_a_key_of_ones_own_is_one_job(flux: AsyncClient, instance: FakeInstance) -> None:
    ids = {await flux.submit("true", idempotency_key="mine") for _ in range(3)}
    assert len(ids) == len(instance.submitted) == 1
    with pytest.raises(Invalid, match=r"(?i)key"):
        await flux.submit("false", idempotency_key="mine")


async def test_an_unsafe_request_is_not_sent_twice(
    cut_flux: AsyncClient, proxy: Proxy, instance: FakeInstance, pauses: list[float]
) -> None:
    id = await cut_flux.submit("true")
    proxy.swallow = 1
    with pytest.raises(ConnectionFailed, match="interrupted"):
        await cut_flux.signal(id, 10)
    assert pauses == []
    assert len(instance.calls) == 1


async def test_when_tries_are_used_up_the_key_is_told(
    cut_flux: AsyncClient, proxy: Proxy, pauses: list[float]
) -> None:
    proxy.swallow = 99
    with pytest.raises(ConnectionFailed, match=r"idempotency_key='[0-9a-f]{32}'"):
        await cut_flux.submit("true")
    assert 30 < sum(pauses) <= 60


async def test_no_service_answers(pauses: list[float]) -> None:
    async with AsyncClient("http://127.0.0.1:1", retries=2) as flux:
        with pytest.raises(ConnectionFailed, match=r"Cannot connect to http://127\.0\.0\.1:1"):
            await flux.cancel(GONE)
    assert len(pauses) == 2


async def test_a_client_that_is_closed(flux: AsyncClient) -> None:
    await flux.health()
    await flux.aclose()
    with pytest.raises(ClientError, match="closed"):
        await flux.health()
