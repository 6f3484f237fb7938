"""The heap after large bodies."""

from __future__ import annotations

import asyncio
import ctypes
import subprocess
import sys

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


@pytest.mark.parametrize(
    ("later", "later_used"),
    [
        pytest.param(200, 80, id="grown"),
        pytest.param(90, 80, id="less since a trim at the height"),
        pytest.param(100, 20, id="less in use, in a heap that is as large"),
    ],
)
async def test_answers_trim_only_what_has_changed(
    monkeypatch: pytest.MonkeyPatch, later: int, later_used: int
) -> None:
    monkeypatch.setattr(memory, "_INTERVAL_S", 0.001)
    done = asyncio.Event()
    loop, calls, sizes, used = asyncio.get_running_loop(), [], [100], [80]
    looks: asyncio.Queue[int] = asyncio.Queue()

    def trim(pad: int) -> int:
        calls.append(pad)
        if len(calls) == memory._ROUNDS:
            loop.call_soon_threadsafe(done.set)
        return 1

    def size() -> int:
        loop.call_soon_threadsafe(looks.put_nowait, sizes[-1])
        return sizes[-1]

    heap = memory.HeapTrimmer()
    heap._trim, heap._size, heap._used = trim, size, lambda: used[-1]
    heap._trimmed_bytes, heap._used_bytes = 100, 80
    heap.after_answer()
    await asyncio.wait_for(looks.get(), 30)
    assert not calls
    sizes.append(later)
    used.append(later_used)
    deadline = loop.time() + 30
    while not done.is_set() and loop.time() < deadline:
        heap.after_answer()
        await asyncio.sleep(0)
    heap.close()
    assert calls == [0] * memory._ROUNDS


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs glibc 2.33")
def test_the_bytes_in_use_are_known() -> None:
    heap = memory.HeapTrimmer()
    before = heap._used()
    blocks = [bytes(10_000) for _ in range(1000)]
    assert heap._used() > before + 9_000_000
    blocks.clear()
    assert heap._used() < before + 1_000_000


_BLOCKS = """
import threading
from fluxapi.process import memory

heap = memory.HeapTrimmer()
bytearray(30 << 20)  # Freed at once: raises a threshold that glibc adapts.
barrier = threading.Barrier(5)

def thread():
    blocks = [bytes(bytearray(20 << 20)) for _ in range(2)]
    barrier.wait()  # All have their blocks.
    barrier.wait()  # They have been measured.
    blocks.clear()
    barrier.wait()  # All are free.
    barrier.wait()

before = memory._resident_bytes()
threads = [threading.Thread(target=thread) for _ in range(4)]
for each in threads:
    each.start()
barrier.wait()
full = memory._resident_bytes()
barrier.wait()
barrier.wait()
heap._trim_now()
print(before, full, memory._resident_bytes())
barrier.wait()
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc")
def test_large_blocks_of_threads_return_to_the_system() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", _BLOCKS], capture_output=True, check=True, text=True
    ).stdout
    before, full, after = map(int, printed.split())
    assert full > before + (150 << 20)
    assert after < before + (16 << 20)
