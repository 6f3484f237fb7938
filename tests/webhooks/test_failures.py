"""Targets that fail, refuse, are gone or are too slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from fluxapi.errors import InstanceUnavailable
from fluxapi.model.eventlog import Event
from fluxapi.webhooks import backoff, catch_up, dispatcher, hooks, outbox
from fluxapi.webhooks.backoff import pause, read_retry_after

from .conftest import Serve, Site, until
from .receiver import Receiver
from .test_restart import indexes


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "_PAUSES_S", (0.01, 0.02))


def statuses(*given: int) -> Callable[[web.Request], Any]:
    """Return an answer with these statuses, one after the other, and then 204."""
    left = list(given)

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=left.pop(0) if left else 204)

    return answer


def hold(receiver: Receiver) -> Callable[[], None]:
    """Let no message be answered until the function that this returns is called."""
    released = asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        await released.wait()
        return web.Response(status=204)

    receiver.answer = answer
    return released.set


async def test_a_target_that_is_down_for_a_while(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    receiver.answer = statuses(500, 503, 429, 502)
    made = await site.hook(receiver)
    jobs = [await site.submit() for _ in range(3)]
    for job in jobs:
        site.instance.finish(job)
    await receiver.until(lambda them: all(indexes(them, job)[-1:] == [6] for job in jobs))
    for job in jobs:
        assert indexes(receiver.messages, job) == list(range(7))
    hook = site.webhooks.get(made["id"])
    await until(lambda: not hook.pending)
    assert hook.webhook.failed == 4
    assert hook.webhook.last_error is None


async def test_order_is_kept_when_the_middle_is_refused(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    receiver.answer = statuses(204, 400, 400)
    await site.hook(receiver)
    job = await site.submit()
    await receiver.wait(6)
    seen = [it.document["data"]["event"]["index"] for it in receiver.messages]
    assert seen == [0, 1, 1, 1, 2, 3]
    assert len({it.id for it in receiver.messages}) == 4
    assert indexes(receiver.messages, job) == [0, 1, 2, 3]


async def test_a_message_that_is_always_refused_is_a_dead_letter(
    serve: Serve, receiver: Receiver
) -> None:
    site = await serve()
    receiver.answer = statuses(*[400] * backoff.MAX_REFUSALS)
    made = await site.hook(receiver, name="mine")
    await site.submit()
    await receiver.wait(backoff.MAX_REFUSALS + 3)
    await until(lambda: site.webhooks.outbox.is_empty)
    assert (await site.shown("mine"))["dead"] == 1
    (letter,) = (await site.ask("GET", "/webhooks/mine/dead"))["letters"]
    assert letter["reason"] == "The target answered 400."
    assert letter["attempts"] == backoff.MAX_REFUSALS
    assert letter["type"] == "fluxapi.job.submit"
    count = len(receiver.messages)
    assert await site.ask("POST", f"/webhooks/{made['id']}/retry") == {"retried": 1}
    await receiver.wait(count + 1)
    assert receiver.messages[-1].id == letter["id"]
    await until(lambda: not site.webhooks.get("mine").pending)
    assert (await site.ask("GET", "/webhooks/mine/dead"))["letters"] == []


async def test_some_dead_letters_by_number(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    receiver.answer = statuses(410)
    await site.hook(receiver, name="mine")
    await site.submit()
    await until(lambda: site.webhooks.get("mine").webhook.disabled is not None)
    await until(lambda: site.webhooks.outbox.is_empty)
    shown = await site.shown("mine")
    assert shown["enabled"] is False
    assert "410" in shown["disabled"]
    assert shown["pending"] == 0
    letters = (await site.ask("GET", "/webhooks/mine/dead", params={"limit": 1}))["letters"]
    numbers = [letters[0]["number"]]
    every = (await site.ask("GET", "/webhooks/mine/dead"))["letters"]
    assert sum(letter["attempts"] for letter in every) == len(receiver.messages)
    refused = await site.ask("POST", "/webhooks/mine/retry", 409, json={"numbers": numbers})
    assert "fluxapi webhook enable" in refused["detail"]
    count = len(receiver.messages)
    await site.submit()  # of which a disabled webhook hears nothing
    assert (await site.ask("POST", "/webhooks/mine/enable"))["enabled"] is True
    again = await site.ask("POST", "/webhooks/mine/retry", json={"numbers": [*numbers, 10**9]})
    assert again == {"retried": 1}
    await receiver.wait(count + 1)
    assert receiver.messages[count].id == letters[0]["id"]


async def test_one_that_never_answers_delays_no_other(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "_MAX_SENDING", 1)
    site = await serve()
    held = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/slow":
            await held.wait()
        return web.Response(status=204)

    receiver.answer = answer
    await site.ask("POST", "/webhooks", 201, json={"url": receiver.url.replace("/hook", "/slow")})
    await site.hook(receiver, filter={"event": ["clean"]})
    for _ in range(50):
        site.instance.finish(await site.submit())
    await receiver.until(
        lambda them: sum(it.document["type"] == "fluxapi.job.clean" for it in them) >= 50
    )
    held.set()


async def test_deliveries_age(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await serve()
    receiver.answer = statuses(*[503] * 1000)
    await site.hook(receiver, name="mine")
    await site.submit()
    await receiver.wait(2)
    monkeypatch.setattr(dispatcher, "MAX_AGE_S", 0.0)
    monkeypatch.setattr(dispatcher, "_SWEEP_INTERVAL_S", 0.0)
    hook = site.webhooks.get("mine")
    await until(lambda: not hook.pending)
    await until(lambda: site.webhooks.outbox.is_empty)
    assert (await site.shown("mine"))["dead"] == 4


@pytest.mark.usefixtures("short_intervals")
async def test_events_without_room_are_read_again(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "MAX_PENDING", 8)
    site = await serve()
    release = hold(receiver)
    made = await site.hook(receiver)
    jobs = await _six_that_end(site)
    hook = site.webhooks.get(made["id"])
    await until(lambda: bool(hook.dirty))
    assert (await site.shown(made["id"]))["behind"]
    assert hook.webhook.behind is not None
    release()
    await _all_arrive(receiver, jobs)
    await until(lambda: not hook.dirty and hook.webhook.behind is None)
    assert hook.webhook.lost == 0


@pytest.mark.usefixtures("short_intervals")
async def test_a_job_that_the_instance_does_not_answer_for_delays_no_events_of_others(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "MAX_PENDING", 8)
    monkeypatch.setattr(catch_up, "_UNAVAILABLE_PAUSE_S", 0.01)
    site = await serve()
    release = hold(receiver)
    made = await site.hook(receiver)
    jobs = await _six_that_end(site)
    hook = site.webhooks.get(made["id"])
    await until(lambda: len(hook.dirty) > 1)
    silent = next(iter(hook.dirty))
    others = [job for job in jobs if job != silent]
    read = site.instance.eventlog

    async def eventlog(jobid: int) -> list[Event]:
        if jobid == silent and not others_are_told():
            raise InstanceUnavailable("It does not answer.")
        return await read(jobid)

    def others_are_told() -> bool:
        return all(indexes(receiver.messages, job) == list(range(7)) for job in others)

    monkeypatch.setattr(site.instance, "eventlog", eventlog)
    release()
    await _all_arrive(receiver, jobs)


@pytest.mark.usefixtures("short_intervals")
async def test_a_full_queue_is_read_again(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_MAX_QUEUED", 3)
    site = await serve()
    await site.hook(receiver)
    jobs = await _six_that_end(site)
    await _all_arrive(receiver, jobs)


async def _six_that_end(site: Site) -> list[int]:
    jobs = [await site.submit() for _ in range(6)]
    for job in jobs:
        site.instance.finish(job)
    return jobs


async def _all_arrive(receiver: Receiver, jobs: list[int]) -> None:
    """Wait until each event of the jobs has arrived; those of a job do in order."""
    await receiver.until(lambda them: all(indexes(them, job) == list(range(7)) for job in jobs), 30)
    for job in jobs:
        assert indexes(receiver.messages, job) == list(range(7))


@pytest.mark.usefixtures("short_intervals")
async def test_webhooks_that_fail_take_no_room_of_others(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "MAX_ALL_PENDING", 18)
    site = await serve()
    release = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/slow":
            await release.wait()
        return web.Response(status=204)

    receiver.answer = answer
    slow = {"url": receiver.url.replace("/hook", "/slow")}
    bad = [await site.ask("POST", "/webhooks", 201, json=slow) for _ in range(2)]
    good = await site.hook(receiver)
    jobs = [await site.submit() for _ in range(5)]
    of_good = site.webhooks.get(good["id"])
    await until(lambda: of_good.webhook.delivered == 4 * len(jobs))
    for made in bad:
        hook = site.webhooks.get(made["id"])
        assert (hook.pending, bool(hook.dirty), hook.webhook.delivered) == (6, True, 0)
    release.set()
    await until(lambda: all(hook.webhook.delivered == 20 for hook in site.webhooks.hooks))


def test_pauses_grow_and_respect_the_target() -> None:
    assert 0 < pause(1) < pause(2) * 10
    assert pause(1, 77.0) == 77.0
    assert pause(1, 1e9) == 86_400.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None), ("", None), ("12", 12.0), ("soon", None), ("-1", None), ("9" * 100, None),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 +99999999999999999999", None),
    ],
)  # fmt: skip
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert read_retry_after(text, 60.0) == seconds
