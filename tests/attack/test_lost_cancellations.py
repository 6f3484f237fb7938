"""Tasks that wait again and again end when they are canceled, whatever has just happened.

Before Python 3.12, ``asyncio.wait_for`` drops a cancellation that comes when the work has just
finished.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fluxapi.archive.output_keeper import OutputKeeper
from fluxapi.client.methods import waiting
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.process.background import BackgroundTask
from fluxapi.sessions.follower import ChildFollower
from fluxapi.table.changes import Changes
from fluxapi.webhooks.dispatcher import Dispatcher
from fluxapi.webhooks.hooks import Hooks

from .wire import PATIENCE_S

PASSES = range(6)
"""Passes of the event loop between the end of the work and the cancellation."""

NONE: Any = None


def dispatcher() -> tuple[BackgroundTask, Callable[[], None]]:
    task = Dispatcher(Hooks(), NONE, NONE, NONE, NONE)
    return task, task.wake


def follower() -> tuple[BackgroundTask, Callable[[], None]]:
    children = cast("Any", SimpleNamespace(limits=SimpleNamespace(open=1)))
    task = ChildFollower(NONE, children, NONE, NONE, 1)
    news = JournalMessage(1, [Event(0.0, "memo", {"uri": "ssh://n/run"})])
    return task, lambda: task.observe([news], Changes())


@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.parametrize("make", [dispatcher, follower])
async def test_a_task_that_was_just_woken_ends(
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[], tuple[BackgroundTask, Callable[[], None]]],
    passes: int,
) -> None:
    async def look(_: ChildFollower) -> None:
        return None

    monkeypatch.setattr(ChildFollower, "look", look)
    task, wake = make()
    task.start()
    for _ in PASSES:
        await asyncio.sleep(0)
    wake()
    for _ in range(passes):
        await asyncio.sleep(0)
    closing = asyncio.ensure_future(task.aclose())
    done, _ = await asyncio.wait({closing}, timeout=PATIENCE_S)
    assert done


def pause_of_keeper() -> Callable[[], Awaitable[Any]]:
    keeper = OutputKeeper(NONE, NONE, NONE, NONE, max_bytes=1)
    keeper.hurry()
    return lambda: keeper._pause(PATIENCE_S)


def wait_of_client() -> Callable[[], Awaitable[Any]]:
    return lambda: waiting._within(time.monotonic() + PATIENCE_S, asyncio.sleep(0))


@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.parametrize("make", [pause_of_keeper, wait_of_client])
async def test_a_task_that_waits_again_and_again_ends(
    make: Callable[[], Callable[[], Awaitable[Any]]], passes: int
) -> None:
    wait = make()
    waits = 0

    async def repeat() -> None:
        nonlocal waits
        while waits < 2 * len(PASSES):
            await wait()
            waits += 1

    task = asyncio.ensure_future(repeat())
    for _ in range(len(PASSES) + passes):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
