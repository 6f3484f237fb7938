"""A task that fails is logged, restarted, and reported if it keeps failing."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fluxapi.process import background
from fluxapi.process.background import BackgroundTask, Worker
from fluxapi.process.turn_queue import current_client, work_for


class Failing(BackgroundTask):
    """A task that fails so many times, then runs until it is closed."""

    def __init__(self, failures: int) -> None:
        super().__init__("example")
        self.fails = failures
        self.settled = asyncio.Event()

    async def run(self) -> None:
        if self.failures < self.fails:
            raise ZeroDivisionError("a bug")
        self.settled.set()
        await asyncio.Event().wait()


@asynccontextmanager
async def settled(failures: int) -> AsyncIterator[Failing]:
    """Start a task that has failed so many times, and close it."""
    task = Failing(failures)
    task.start()
    await task.settled.wait()
    yield task
    await task.aclose()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_MAX_DELAY_S", 0)


async def test_a_failure_is_logged_and_the_task_starts_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with settled(1) as task:
        assert task.is_running
        assert (task.failures, task.keeps_failing) == (1, False)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "the task example failed" in record.message
    assert "ZeroDivisionError: a bug" in caplog.text
    assert not task.is_running


async def test_a_closed_task_leaves_nothing_that_a_loop_walks() -> None:
    async with settled(0) as task:
        running = weakref.ref(next(it for it in asyncio.all_tasks() if it.get_name() == "example"))
    assert not task.is_running
    assert running() is None


async def test_a_task_that_keeps_failing_says_so_until_it_is_stable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with settled(3) as task:
        assert (task.failures, task.keeps_failing) == (3, True)
        monkeypatch.setattr(background, "_STABLE_S", 0)
        assert not task.keeps_failing


async def test_failures_that_are_far_apart_are_not_counted_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "_STABLE_S", 0)
    async with settled(5) as task:
        monkeypatch.setattr(background, "_STABLE_S", 60)
        assert (task.failures, task.keeps_failing) == (5, False)


def test_the_pause_grows_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_MAX_DELAY_S", 5.0)
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    task = Failing(0)
    delays = [task._fail() for _ in range(5000)]
    assert delays[:7] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0])
    assert set(delays[7:]) == {5.0}


async def test_a_task_that_was_canceled_from_outside_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def canceled() -> None:
        raise asyncio.CancelledError

    task = Worker("example", canceled)
    task.start()
    await task.ended()
    assert caplog.messages == ["the task example was canceled and no longer runs"]


async def test_closing_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    async with settled(0):
        pass
    await Failing(0).aclose()
    assert caplog.messages == []


async def test_a_worker_runs_once_at_a_time_and_again_when_there_is_work() -> None:
    began: list[None] = []
    done = asyncio.Event()

    async def work() -> None:
        began.append(None)
        await done.wait()

    worker = Worker("example", work)
    worker.start()
    worker.start()
    done.set()
    await worker.ended()
    assert (len(began), worker.is_running) == (1, False)
    worker.start()
    await worker.ended()
    assert len(began) == 2


async def test_a_task_does_not_work_for_the_client_that_has_started_it() -> None:
    clients: list[str] = []

    async def work() -> None:
        clients.append(current_client())

    work_for("somebody")
    worker = Worker("example", work)
    worker.start()
    await worker.ended()
    assert clients == [""]
    assert current_client() == "somebody"
