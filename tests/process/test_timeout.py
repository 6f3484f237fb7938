"""Time limits of what is awaited."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.process.timeout import within


async def test_the_result_and_the_error_are_those_of_the_work() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    assert await within(60, asyncio.sleep(0, "done")) == "done"
    assert await within(None, asyncio.sleep(0, "done")) == "done"
    with pytest.raises(ZeroDivisionError):
        await within(60, fail())


async def test_work_that_takes_too_long_is_canceled() -> None:
    work = asyncio.ensure_future(asyncio.Event().wait())
    with pytest.raises(asyncio.TimeoutError):
        await within(0, work)
    assert work.cancelled()


async def test_a_cancellation_reaches_the_work() -> None:
    work = asyncio.ensure_future(asyncio.Event().wait())
    task = asyncio.ensure_future(within(60, work))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.cancelled()


@pytest.mark.parametrize("error", [None, ZeroDivisionError()])
async def test_a_cancellation_is_not_lost_when_the_work_has_just_finished(
    error: Exception | None,
) -> None:
    work: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(within(60, work))
    await asyncio.sleep(0)
    if error is None:
        work.set_result(1)
    else:
        work.set_exception(error)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
