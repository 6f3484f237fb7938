"""Output of a real Flux, live and afterward."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from fluxapi.errors import JobNotFound, NotFound
from fluxapi.instance.broker import eventlogs
from fluxapi.instance.broker.calls import Post, Stream
from fluxapi.instance.protocol import Last, Submission
from fluxapi.model.eventlog import Event
from tests.contract.site import TIMEOUT, shell, spec, text

from .conftest import Connect


async def test_index_and_tail_are_the_same_live_and_afterwards(
    flux_uri: str, connect: Connect
) -> None:
    instance = await connect(flux_uri, 30)
    script = "for i in 1 2 3; do echo $i; sleep 0.6; done; seq 4 3000"
    (jobid,) = await instance.submit([Submission(shell(script))])
    assert isinstance(jobid, int)
    live = [b async for b in instance.output(jobid, follow=True)]
    after = [b async for b in instance.output(jobid)]
    indexed = [[p for b in batches for p in enumerate(b, b.first)] for batches in (live, after)]
    assert indexed[0] == indexed[1]
    ended = [b async for b in instance.output(jobid, last=Last(3, "stdout"))]
    assert text([event for batch in ended for event in batch]) == b"2998\n2999\n3000\n"
    middle = indexed[0][-1000][0]
    rest = [b async for b in instance.output(jobid, first=middle)]
    assert [p for b in rest for p in enumerate(b, b.first)] == indexed[0][-1000:]


async def test_a_follower_may_begin_at_the_end(flux_uri: str, connect: Connect) -> None:
    instance = await connect(flux_uri, 30)
    script = "seq 2000; echo ready; read -r _; echo done"
    (jobid,) = await instance.submit([Submission(shell(script))])
    assert isinstance(jobid, int)
    async with aclosing(instance.output(jobid, follow=True)) as batches:  # type: ignore[type-var]
        seen = b""
        async for batch in batches:
            seen += text(batch.events)
            if seen.endswith(b"ready\n"):
                break
    caught_up = False
    entries: list[Event] = []
    async for batch in instance.output(jobid, follow=True, last=Last(2)):
        entries += batch.events
        if not batch.events and not caught_up:
            caught_up = True
            assert text(entries) == b"2000\nready\n"
            await instance.kill(jobid, 9)
    assert caught_up


async def test_without_the_kvs_a_slow_reader_loses_nothing(
    flux_uri: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Stream] = []

    class Small(Stream):
        def __init__(self, topic: bytes, payload: bytes, **options: Any) -> None:
            super().__init__(topic, payload, limit=100_000, **options)
            started.append(self)

        def answer(self, index: int, error: int, payload: bytes, post: Post) -> bool:
            ended = super().answer(index, error, payload, post)
            if ended:
                loop.call_soon_threadsafe(one_ended.set)
            return ended

    loop = asyncio.get_running_loop()
    one_ended = asyncio.Event()
    monkeypatch.setattr(eventlogs, "Stream", Small)
    instance = await connect(flux_uri, 30)
    assert instance._reader is not None
    instance._reader._refused = True
    (jobid,) = await instance.submit([Submission(spec("seq", "5000"))])
    assert isinstance(jobid, int)
    entries: list[Event] = []

    async def read_slowly() -> None:
        async for batch in instance.output(jobid, follow=True):
            entries.extend(batch)
            if batch.events:
                await one_ended.wait()

    await asyncio.wait_for(read_slowly(), TIMEOUT)
    assert text(entries) == "".join(f"{n}\n" for n in range(1, 5001)).encode()
    assert len(started) > 1
    tail = [b async for b in instance.output(jobid, last=Last(1, "stdout"))]
    assert text([event for batch in tail for event in batch]) == b"5000\n"


_OWN_SHELL = r"""#!/bin/sh
printf '{"timestamp":1.0,"name":"x","context":{"a":"\377"}}\n' |
  flux kvs put --raw --append exec.eventlog=- &&
exec "$(flux config builtin shell_path)" "$@"
"""


async def test_the_live_output_ends_whatever_is_in_the_eventlog_of_the_shell(
    flux_uri: str, connect: Connect, tmp_path: Path
) -> None:
    instance = await connect(flux_uri, 30)
    own_shell = tmp_path / "shell"
    own_shell.write_text(_OWN_SHELL)
    own_shell.chmod(0o700)
    jobspec = shell("echo done", exec={"job_shell": str(own_shell)})
    (jobid,) = await instance.submit([Submission(jobspec)])
    assert isinstance(jobid, int)

    async def live() -> list[Event]:
        batches = [batch async for batch in instance.output(jobid, follow=True)]
        return [event for batch in batches for event in batch]

    assert text(await asyncio.wait_for(live(), TIMEOUT)) == b"done\n"
    log = await instance.lookup(jobid, "guest.exec.eventlog")
    assert '"a":"\ufffd"' in log
    assert "shell.init" in log


async def test_the_eventlog_of_a_shell_that_does_not_exist(flux_uri: str, connect: Connect) -> None:
    instance = await connect(flux_uri, 30)
    (jobid,) = await instance.submit([Submission(shell("true"), urgency=0)])
    assert isinstance(jobid, int)
    with pytest.raises(NotFound):
        await instance.lookup(jobid, "guest.exec.eventlog")
    with pytest.raises(JobNotFound):
        await instance.lookup(1, "guest.exec.eventlog")
    await instance.raise_exception(jobid, "cancel", 0)
