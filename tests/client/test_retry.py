"""For how long requests, waits and streams go on trying, and what they say meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from fluxapi.client import AsyncClient, ClientError, ConnectionFailed, Unavailable
from fluxapi.errors import FluxapiError, InstanceUnavailable, JobLimitReached
from tests.handlers.fake import FakeInstance

from .proxy import Proxy

NOWHERE = "http://127.0.0.1:1"


async def follow(flux: AsyncClient) -> None:
    async for _ in flux.events():
        pass


Ask = Callable[[AsyncClient], Awaitable[object]]
ASKED = [
    pytest.param(lambda flux: flux.nodes(), id="request"),
    pytest.param(lambda flux: flux.submit("true"), id="submit"),
    pytest.param(lambda flux: flux.bulk("true", copies=2), id="bulk"),
    pytest.param(lambda flux: flux.wait("f1"), id="wait"),
    pytest.param(follow, id="stream"),
]


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize(("given", "most"), [({}, 60.0), ({"timeout": 5.0}, 5.0)])
async def test_all_share_one_patience(
    pauses: list[float], ask: Ask, given: dict[str, float], most: float
) -> None:
    async with AsyncClient(NOWHERE, **given) as flux:  # type: ignore[arg-type] # of timeout alone
        with pytest.raises(ConnectionFailed):
            await ask(flux)
    # The last pause is what is left, so the sum may be rounded up.
    assert most / 2 < sum(pauses) <= most + 1e-9


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize("retries", [0, 3])
async def test_retries_bound_the_tries(pauses: list[float], ask: Ask, retries: int) -> None:
    async with AsyncClient(NOWHERE, retries=retries) as flux:
        with pytest.raises(ConnectionFailed):
            await ask(flux)
    assert len(pauses) == retries


@pytest.mark.parametrize("ask", ASKED)
async def test_a_service_never_found_is_given_up_sooner(pauses: list[float], ask: Ask) -> None:
    async with AsyncClient(NOWHERE, connect_timeout=2.0) as flux:
        with pytest.raises(ConnectionFailed):
            await ask(flux)
    assert 1.0 < sum(pauses) <= 2.0 + 1e-9


async def test_a_service_found_once_has_the_whole_timeout(url: str, pauses: list[float]) -> None:
    async with Proxy(url) as proxy, AsyncClient(proxy.url, connect_timeout=2.0) as flux:
        await flux.nodes()
        await proxy.close()
        with pytest.raises(ConnectionFailed):
            await flux.nodes()
    assert sum(pauses) > 30.0


@pytest.mark.parametrize("name", ["timeout", "connect_timeout"])
async def test_a_timeout_of_nothing_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        AsyncClient(NOWHERE, **{name: 0.0})  # type: ignore[arg-type] # of a timeout alone


async def test_the_reason_of_a_wait_is_reported_once(pauses: list[float]) -> None:
    told: list[str] = []
    async with AsyncClient(NOWHERE, on_wait=told.append) as flux:
        asked = [flux.nodes() for _ in range(3)]
        await asyncio.gather(*asked, return_exceptions=True)
    (sentence,) = told
    assert NOWHERE in sentence
    assert sentence.endswith(" s.")
    assert len(pauses) > 3


async def test_the_first_answer_after_a_wait_is_reported(url: str, pauses: list[float]) -> None:
    told: list[str] = []
    waits = asyncio.Event()

    def on_wait(sentence: str) -> None:
        told.append(sentence)
        waits.set()

    async with Proxy(NOWHERE) as proxy, AsyncClient(proxy.url, on_wait=on_wait) as flux:
        asked = asyncio.ensure_future(flux.nodes())
        await waits.wait()
        proxy.retarget(url)
        await asked
    assert len(told) == 2
    assert told[1] == "The service answers again."
    assert pauses


async def test_without_a_callback_it_is_logged(
    pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "fluxapi.client"):
        async with AsyncClient(NOWHERE) as flux:
            with pytest.raises(ConnectionFailed):
                await flux.nodes()
    assert NOWHERE in caplog.text
    assert pauses


@pytest.fixture
async def busy(instance: FakeInstance, pauses: list[float], flux: AsyncClient) -> AsyncClient:
    """Return a client of an instance that accepts the jobs ``busy`` at the third attempt only.

    It accepts no jobs ``never``.
    """

    class Some(dict[str, InstanceUnavailable]):
        def __contains__(self, program: object) -> bool:
            return program == "never" or (program == "busy" and len(pauses) < 3)

        def __missing__(self, program: str) -> InstanceUnavailable:
            return InstanceUnavailable("Not now.")

    instance.refuse = Some()  # type: ignore[assignment] # a dict of one kind of error
    return flux


async def test_jobs_that_could_not_be_taken_are_sent_again(
    busy: AsyncClient, instance: FakeInstance
) -> None:
    jobs = ["a", "busy", "b", "busy", "c"]
    items = [item async for item in busy.submit_many(jobs, chunk=3)]
    assert [item.index for item in items] == [0, 1, 2, 3, 4]
    assert all(item.id for item in items)
    assert len({item.id for item in items}) == len(instance.submitted) == 5


@pytest.mark.parametrize("many", [False, True])
async def test_jobs_beyond_a_limit_are_sent_again_when_the_service_asks(
    flux: AsyncClient, instance: FakeInstance, pauses: list[float], many: bool
) -> None:
    instance.refuse["busy"] = JobLimitReached("Submit this one later.")
    sent = anext(flux.submit_many(["a", "busy"])) if many else flux.bulk("busy", copies=2)
    with pytest.raises(Unavailable, match="later"):
        await sent
    assert sum(pauses) == pytest.approx(60.0)
    assert all(10 <= pause < 12 for pause in pauses[:-1])


@pytest.mark.parametrize("many", [False, True])
async def test_each_job_that_is_taken_gives_the_others_more_time(
    flux: AsyncClient, instance: FakeInstance, pauses: list[float], many: bool
) -> None:
    class Full(dict[str, FluxapiError]):
        """Jobs are refused while as many are submitted as there were pauses."""

        def __contains__(self, _: object) -> bool:
            return len(instance.submitted) >= len(pauses)

        def __missing__(self, _: str) -> FluxapiError:
            return JobLimitReached("Submit this one later.")

    instance.refuse = Full()
    if many:
        items = [item async for item in flux.submit_many(["job"] * 20)]
    else:
        items = await flux.bulk("job", copies=20)
    assert all(item.id for item in items)
    assert sum(pauses) > 2 * 60


async def test_known_ids_come_with_the_error(
    flux: AsyncClient, instance: FakeInstance, pauses: list[float]
) -> None:
    instance.refuse["busy"] = InstanceUnavailable("Not now.")
    jobs = ["a", "b", "c", "busy", "d"]
    with pytest.raises(ClientError, match="Not now") as caught:
        _ = [item async for item in flux.submit_many(jobs, chunk=2)]
    known = {item.index: item.id for item in caught.value.submitted}
    assert set(known) == {0, 1, 2}
    assert caught.value.idempotency_key
    del instance.refuse["busy"]
    again = flux.submit_many(jobs, chunk=5, idempotency_key=caught.value.idempotency_key)
    items = [item async for item in again]
    assert {item.index: item.id for item in items}.items() >= known.items()
    assert len(instance.submitted) == 5
    assert pauses


async def test_known_ids_are_in_order(busy: AsyncClient, pauses: list[float]) -> None:
    with pytest.raises(Unavailable) as caught:
        _ = [item async for item in busy.submit_many(["busy", "a", "never"])]
    assert [item.index for item in caught.value.submitted] == [0, 1]
    assert pauses


async def test_the_key_comes_with_the_error(pauses: list[float]) -> None:
    async with AsyncClient(NOWHERE, retries=1) as flux:
        with pytest.raises(ClientError) as single:
            await flux.submit("true", idempotency_key="mine")
        with pytest.raises(ClientError) as copies:
            await flux.bulk("true", copies=2, idempotency_key="mine")
    assert single.value.idempotency_key == copies.value.idempotency_key == "mine"
    assert pauses


async def test_a_service_that_has_answered_was_stopped(url: str, pauses: list[float]) -> None:
    async with Proxy(url) as proxy:
        flux = AsyncClient(proxy.url, timeout=5.0)
        await flux.nodes()
    async with flux:
        with pytest.raises(ConnectionFailed, match="was stopped or is restarting") as caught:
            await flux.wait("f1")
    assert "FLUXAPI_URL" not in str(caught.value)
    assert pauses
