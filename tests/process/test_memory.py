"""The heap after large bodies."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.process import memory


async def test_bodies_of_a_burst_share_the_trims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_INTERVAL_S", 0.001)
    done = asyncio.Event()
    loop, calls = asyncio.get_running_loop(), []

    def trim(pad: int) -> int:
        calls.append(pad)
        if len(calls) == memory._ROUNDS:
            loop.call_soon_threadsafe(done.set)
        return 1

    heap = memory.HeapTrimmer()
    heap._trim = trim
    for _ in range(100):
        heap.after_large_body()
    await asyncio.wait_for(done.wait(), 30)
    heap.close()
    assert calls == [0] * memory._ROUNDS


async def test_a_system_without_the_function_is_left_alone() -> None:
    heap = memory.HeapTrimmer()
    heap._trim = None
    heap.after_large_body()
    assert heap._timer is None
    heap.close()
