"""Watches that Flux drops without an answer, as it does when it loads kvs-watch again."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.broker import eventlogs
from fluxapi.instance.broker.calls import Stream
from fluxapi.instance.broker.rpc import RpcThread
from fluxapi.instance.broker.streams import Streams
from fluxapi.model.eventlog import Event, encode_event

from .test_output import JOB, ONE, Kvs, reader


class Watched(Kvs):
    """A KVS whose watches say what each of *answers* has, and then nothing, or an error."""

    def __init__(self, *answers: tuple[list[bytes], int]) -> None:
        super().__init__(ONE)
        self.answers = list(answers)
        self.canceled = 0

    def stream(self, stream: Stream) -> None:
        def post(function: Callable[[Any], None], argument: Any) -> None:
            function(argument)

        payloads, error = self.answers.pop(0)
        for payload in payloads:
            stream.answer(0, 0, payload, post)
            stream.handed_over()
        if error:
            stream.answer(0, error, b"", post)

    def cancel(self, _stream: Stream) -> None:
        self.canceled += 1


async def test_a_watch_that_flux_has_dropped_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlogs, "MAX_SILENCE_S", 0.01)
    kvs = Watched(([b"1"], 0), ([b"1"], 0), ([b"2", b"3"], 0), ([], errno.ENOTSUP))
    commits = [None async for _ in reader(kvs)._commits(JOB)]
    assert len(commits) == 3
    assert kvs.canceled == 4


async def test_a_watch_that_flux_has_dropped_is_lost_without_its_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(eventlogs, "MAX_SILENCE_S", 0.01)
    kvs = Watched(([b"1"], 0), ([], errno.ENOSYS))
    with pytest.raises(InstanceUnavailable):
        _ = [None async for _ in reader(kvs)._commits(JOB)]


def event_answer(name: str) -> bytes:
    return msgspec.json.encode({"event": encode_event(Event(1.0, name, {})).decode() + "\n"})


async def test_the_start_of_a_job_is_seen_though_flux_has_dropped_the_watch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(eventlogs, "MAX_SILENCE_S", 0.01)
    submit, alloc, start = map(event_answer, ("submit", "alloc", "start"))
    kvs = Watched(([submit], 0), ([submit, alloc], 0), ([submit, alloc, start], 0))
    assert await eventlogs.has_started(Streams(cast("RpcThread", kvs)), JOB)
    assert kvs.answers == []
