"""Output: every byte, in order, in bounded memory."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.errors import InstanceUnavailable, JobNotFound
from fluxapi.instance.embedded import execution
from fluxapi.instance.embedded.output import OutputLog, TextCutter
from fluxapi.model.eventlog import Event
from fluxapi.model.output_data import data_context, incomplete_tail
from tests.waiting import files_show

from .conftest import Starter
from .harness import TIMEOUT, Site, shell, spec


def raw(events: list[Event], stream: str = "stdout") -> bytes:
    """Return the bytes that a stream's data entries hold."""
    parts = []
    for event in events:
        context = event.context or {}
        if event.name == "data" and context["stream"] == stream and "data" in context:
            data = context["data"]
            is_base64 = context.get("encoding") == "base64"
            parts.append(base64.b64decode(data) if is_base64 else data.encode())
    return b"".join(parts)


@given(st.text(), st.lists(st.integers(0, 40)))
def test_text_is_cut_between_characters_only(text: str, cuts: list[int]) -> None:
    data = text.encode()
    cutter = TextCutter()
    pieces = []
    for cut in cuts:
        pieces.append(cutter.feed(data[:cut]))
        data = data[cut:]
    pieces += [cutter.feed(data), cutter.rest()]
    assert "".join(piece.decode() for piece in pieces) == text


@given(st.binary())
def test_at_most_three_bytes_are_held_back(data: bytes) -> None:
    assert 0 <= incomplete_tail(data) <= 3


@given(st.binary())
def test_any_bytes_survive_an_entry(data: bytes) -> None:
    assert raw([Event(0, "data", data_context("stdout", 0, data))]) == data


async def test_the_log_has_a_header_and_an_end_for_each_stream(site: Site) -> None:
    jobid = await site.run(spec("true"))
    events = await site.output(jobid)
    assert events[0].name == "header"
    assert events[0].context == {
        "version": 1,
        "encoding": {"stdout": "UTF-8", "stderr": "UTF-8"},
        "count": {"stdout": 1, "stderr": 1},
        "options": {},
    }
    ends = [event.context for event in events[1:]]
    assert sorted(ends, key=str) == [
        {"stream": "stderr", "rank": "0", "eof": True},
        {"stream": "stdout", "rank": "0", "eof": True},
    ]


async def test_binary_data_is_base64(site: Site) -> None:
    jobid = await site.run(shell(r"printf '\377\376'"))
    [data] = [e.context for e in await site.output(jobid) if e.context and "data" in e.context]
    assert data == {"stream": "stdout", "rank": "0", "encoding": "base64", "data": "//4="}


async def test_a_long_output_is_whole(site: Site) -> None:
    jobid = await site.run(shell("seq 1 300000; seq 1 1000 >&2"))
    events = await site.output(jobid)
    expected = "".join(f"{number}\n" for number in range(1, 300_001)).encode()
    assert hashlib.sha256(raw(events)).digest() == hashlib.sha256(expected).digest()
    assert len(raw(events, "stderr").splitlines()) == 1000


async def test_random_bytes_come_back_as_they_were(site: Site) -> None:
    jobid = await site.run(shell("head -c 300000 /dev/urandom | tee /proc/self/fd/2"))
    events = await site.output(jobid)
    assert len(raw(events)) == 300_000
    assert raw(events) == raw(events, "stderr")


async def test_batches_are_bounded(site: Site) -> None:
    jobid = await site.run(shell("seq 1 300000"))
    sizes = [
        sum(len((event.context or {}).get("data", "")) for event in batch)
        async for batch in site.instance.output(jobid)
    ]
    assert len(sizes) > 1
    assert max(sizes) <= 1 << 18


async def test_memory_holds_only_the_tail(start: Starter) -> None:
    site = await start(output_tail=4096)
    script = "seq 1 200000; echo done >&2; sleep 600"
    jobid = await site.submit(shell(script))
    async for _ in site.instance.output(jobid, follow=True):
        if await site.text(jobid, "stderr") == "done\n":
            break
    assert site.instance._engine is not None
    log = site.instance._engine.active[jobid].log
    assert site.instance._parts is not None
    await site.instance._parts.spool.settle()
    assert log.size > 1 << 20
    assert len(log._tail) <= 4096 + (1 << 16)


async def test_a_follower_gets_output_as_it_comes_and_ends_with_the_job(site: Site) -> None:
    jobid = await site.submit(
        shell('echo one; while [ ! -e "$FLUX_JOB_TMPDIR/go" ]; do sleep 0.02; done; echo two')
    )
    seen: list[Event] = []
    gone = False
    async for batch in site.instance.output(jobid, follow=True):
        seen += batch
        if b"one" in raw(seen) and not gone:
            gone = True
            await site.instance.kill(jobid, 9)
    assert raw(seen) == b"one\n"
    assert [event.name for event in seen].count("header") == 1


async def test_a_follower_of_a_pending_job_waits_for_it(site: Site) -> None:
    jobid = await site.submit(shell("echo now"), urgency=0)

    async def follow() -> bytes:
        return raw([e async for b in site.instance.output(jobid, follow=True) for e in b])

    following = asyncio.create_task(follow())
    await asyncio.sleep(0)
    await site.instance.set_urgency(jobid, 16)
    assert await asyncio.wait_for(following, TIMEOUT) == b"now\n"


async def test_a_follower_of_a_job_that_never_runs_ends(site: Site) -> None:
    jobid = await site.submit(spec("true"), urgency=0)
    await site.instance.raise_exception(jobid, "cancel", 0)
    batches = [batch async for batch in site.instance.output(jobid, follow=True)]
    assert batches == []


async def test_many_readers_of_one_output(site: Site) -> None:
    jobid = await site.submit(shell("for i in 1 2 3 4 5; do seq 1 20000; done"))

    async def follow() -> bytes:
        return raw([e async for b in site.instance.output(jobid, follow=True) for e in b])

    outputs = await asyncio.gather(*(follow() for _ in range(5)))
    assert len(set(outputs)) == 1
    assert len(outputs[0].splitlines()) == 100_000


async def test_output_of_a_job_that_does_not_exist(site: Site) -> None:
    with pytest.raises(JobNotFound):
        await site.output(12345)


async def test_a_reader_that_is_slower_than_the_end_of_the_instance(start: Starter) -> None:
    site = await start()
    jobid = await site.run(shell("seq 1 300000"))
    reading = site.instance.output(jobid)
    await anext(reading)
    await site.instance.close()
    with pytest.raises(InstanceUnavailable):
        async for _ in reading:
            pass


async def test_a_labeled_line_is_whole_though_it_comes_in_pieces(
    site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    long = "head -c 300000 /dev/zero | tr '\\0' x; echo; printf end"
    output = {"stdout": {"type": "file", "path": str(path), "label": True}}
    await site.run(shell(long, tasks=2, options={"output": output}))
    await site.written()
    assert path.stat().st_size == 2 * 300_010
    # The end of one task has no newline, so a line of the other may follow it directly.
    text = path.read_text()
    assert all(f"{rank}: {'x' * 300_000}\n" in text for rank in range(2))


async def test_a_labeled_line_without_end_is_written_in_parts(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Flux's shell does the same beyond 4 MiB.
    monkeypatch.setattr(execution, "MAX_LINE_BYTES", 100_000)
    path = tmp_path / "out"
    output = {"stdout": {"type": "file", "path": str(path), "label": True}}
    await site.run(shell("head -c 300000 /dev/zero | tr '\\0' x; echo", options={"output": output}))
    await site.written()
    written = path.read_text()
    assert written.replace("0: ", "") == "x" * 300_000 + "\n"
    assert 2 <= written.count("0: ") <= 5


async def test_lines_without_end_of_many_tasks_have_a_bound(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "MAX_UNENDED_BYTES", 10)
    path = tmp_path / "out"
    output = {"stdout": {"type": "file", "path": str(path), "label": True}}
    script = f"printf 12345678; until test -e {tmp_path}/release; do sleep 0.01; done"
    jobid = await site.submit(shell(script, tasks=2, options={"output": output}))
    await files_show(tmp_path, lambda: path.exists() and b"12345678" in path.read_bytes())
    (tmp_path / "release").touch()
    await site.journal.wait(jobid)
    await site.written()
    assert path.stat().st_size == 2 * len("0: 12345678")


async def test_a_reader_that_leaves_a_silent_log_is_forgotten(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "log", 0)
    gone, first, second = (asyncio.create_task(log.grown(0)) for _ in range(3))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone})
    assert log._waiters is not None
    assert len(log._waiters) == 2
    log.write("data", {})
    await asyncio.wait_for(asyncio.gather(first, second), 5)
    assert log._waiters is None
