from __future__ import annotations

import asyncio

import pytest

from fluxapi.process.joined_call import JoinedCall

from .test_shared_value import Source


async def test_callers_before_the_call_share_it_and_later_ones_share_the_next() -> None:
    source = Source()
    joined = JoinedCall(source.read)
    first = [asyncio.ensure_future(joined.get()) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [asyncio.ensure_future(joined.get()) for _ in range(3)]
    await asyncio.sleep(0)
    assert source.reads == 1, "one call is under way at a time"
    source.may_answer.set()
    assert await asyncio.gather(*first) == [1, 1, 1]
    assert await asyncio.gather(*later) == [2, 2, 2]


async def test_no_value_is_kept() -> None:
    source = Source()
    source.may_answer.set()
    joined = JoinedCall(source.read)
    assert [await joined.get(), await joined.get()] == [1, 2]


async def test_an_error_goes_to_all_who_wait_and_is_not_kept() -> None:
    errors = [OSError("broken")]

    async def call() -> int:
        await asyncio.sleep(0)
        if errors:
            raise errors.pop()
        return 1

    joined = JoinedCall(call)
    found = await asyncio.gather(*[joined.get() for _ in range(3)], return_exceptions=True)
    assert [type(it) for it in found] == [OSError] * 3
    assert await joined.get() == 1


async def test_a_canceled_caller_cancels_no_other() -> None:
    source = Source()
    joined = JoinedCall(source.read)
    callers = [asyncio.ensure_future(joined.get()) for _ in range(2)]
    await asyncio.sleep(0)
    callers[0].cancel()
    source.may_answer.set()
    assert await callers[1] == 1


async def test_the_calls_end_with_it() -> None:
    joined = JoinedCall(Source().read)
    callers = [asyncio.ensure_future(joined.get())]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    callers.append(asyncio.ensure_future(joined.get()))
    await asyncio.sleep(0)
    await joined.aclose()
    for caller in callers:
        with pytest.raises(asyncio.CancelledError):
            await caller
    await joined.aclose()
