"""Requests and what becomes of their responses, without a broker."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from fluxapi.errors import FluxRefused, InstanceUnavailable
from fluxapi.instance.broker.calls import Call, Signer, Stream, Submissions
from fluxapi.instance.broker.refusal import lost
from fluxapi.instance.broker.rpc import WINDOW, RpcThread
from fluxapi.instance.protocol import Submission
from fluxapi.model.jobspec import Defaults, build

ONE = Submission(b'{"version":1}')


def post(function: Callable[[Any], None], argument: Any) -> None:
    """Run a call at once; the RPC thread would collect several."""
    function(argument)


def test_a_job_is_signed_with_the_mechanism_none() -> None:
    body = json.loads(Signer(1000).payload(Submission(b"{}", urgency=3, debug=True)))
    header, payload, mechanism = body["J"].split(".")
    fields = base64.b64decode(header).decode().split("\0")
    assert fields == ["version", "i1", "userid", "i1000", "mechanism", "snone", ""]
    assert base64.b64decode(payload) == b"{}"
    assert (mechanism, body["urgency"], body["flags"]) == ("none", 3, 2)


@pytest.mark.parametrize(
    ("waitable", "debug", "flags"), [(False, False, 0), (True, False, 4), (True, True, 6)]
)
def test_flags_of_a_submission(*, waitable: bool, debug: bool, flags: int) -> None:
    submission = Submission(b"{}", waitable=waitable, debug=debug)
    assert json.loads(Signer(0).payload(submission))["flags"] == flags


async def test_few_large_jobs_are_sent_before_one_is_answered() -> None:
    large = Submission(json.dumps({"command": "x" * (1 << 20)}).encode())
    small = Submissions([ONE] * 40)
    assert small.weight(0) == 1
    thread = RpcThread(None, None, 10.0)
    thread._signer = Signer(0)
    thread._batches.append(Submissions([large] * 40))
    sent: list[int] = []
    connection: Any = SimpleNamespace(request=lambda _, body, __: sent.append(len(body)), clogged=0)
    assert not thread._send_batches(connection, 0.0)
    assert 2 <= len(sent) <= 5


async def test_dependencies_of_a_job_count_as_its_bytes_do() -> None:
    dependencies = ["afterok:f1"] * 1000
    plain, dependent = (
        build({"command": "true"}, Defaults()),
        build({"command": "true", "dependencies": dependencies}, Defaults()),
    )
    assert plain.cost == 0
    few = Submission(dependent.jobspec)
    assert Submissions([dependent]).weight(0) > WINDOW > 10 * Submissions([few]).weight(0)


async def test_a_waiting_call_is_not_sent_once_its_client_has_left() -> None:
    left = False
    gone = Submission(b"{}", has_left=lambda: left)
    thread = RpcThread(None, None, 10.0)
    thread._signer = Signer(0)
    thread._outbox = SimpleNamespace(post=post)  # type: ignore[assignment]
    thread._window = 0
    first, second = Submissions([gone, ONE, gone]), Submissions([gone])
    thread._batches.extend([first, second])
    sent: list[int] = []
    connection: Any = SimpleNamespace(request=lambda _, __, tag: sent.append(tag), clogged=0)
    assert not thread._send_batches(connection, 0.0)
    left = True
    thread._window = 10
    assert not thread._send_batches(connection, 0.0)
    assert len(sent) == 1
    assert isinstance((await second.future)[0], InstanceUnavailable)
    first.answer(1, 0, b'{"id":11}', post)
    before, own, after = await first.future
    assert own == 11
    assert isinstance(before, InstanceUnavailable)
    assert isinstance(after, InstanceUnavailable)


async def test_a_call_gets_its_answer() -> None:
    call = Call(b"a.b", b"{}", decode=json.loads)
    assert call.answer(0, 0, b'{"x":1}', post)
    assert await call.future == {"x": 1}


async def test_a_call_gets_its_error() -> None:
    call = Call(b"a.b", b"{}")
    assert call.answer(0, errno.EINVAL, b"no", post)
    with pytest.raises(FluxRefused, match="no"):
        await call.future


async def test_an_answer_that_cannot_be_read_is_not_our_crash() -> None:
    call = Call(b"a.b", b"{}", decode=json.loads)
    call.answer(0, 0, b"{", post)
    with pytest.raises(InstanceUnavailable, match=r"a\.b"):
        await call.future


async def test_an_answer_after_the_caller_left() -> None:
    call = Call(b"a.b", b"{}")
    call.future.cancel()
    assert call.answer(0, 0, b"{}", post)


async def test_submissions_are_answered_in_any_order() -> None:
    batch = Submissions([ONE, ONE, ONE])
    signer = Signer(0)
    assert [batch.next(signer)[0] for _ in range(3)] == [0, 1, 2]
    assert batch.all_sent
    batch.answer(2, 0, b'{"id":12}', post)
    batch.answer(0, 0, b'{"id":10}', post)
    batch.answer(1, errno.EINVAL, b"bad", post)
    first, second, third = await batch.future
    assert (first, third) == (10, 12)
    assert isinstance(second, FluxRefused)


async def test_submissions_that_were_answered_keep_their_answers() -> None:
    batch = Submissions([ONE, ONE])
    batch.next(Signer(0))
    batch.answer(0, 0, b'{"id":10}', post)
    batch.fail(lost("gone"), post)
    first, second = await batch.future
    assert first == 10
    assert isinstance(second, InstanceUnavailable)
    assert batch.all_sent


async def test_a_submission_without_an_id() -> None:
    batch = Submissions([ONE])
    batch.answer(0, 0, b"{}", post)
    (result,) = await batch.future
    assert isinstance(result, InstanceUnavailable)


async def test_a_stream_hands_over_what_came_in_one_pass() -> None:
    stream = Stream(b"a.b", b"{}")
    assert not stream.answer(0, 0, b"1", post)
    assert not stream.answer(0, 0, b"2", post)
    stream.handed_over()
    assert not stream.answer(0, 0, b"3", post)
    assert await stream.next_batch() == [b"1", b"2"]
    assert await stream.next_batch() == [b"3"]


async def test_a_stream_ends_with_enodata() -> None:
    stream = Stream(b"a.b", b"{}")
    stream.answer(0, 0, b"1", post)
    assert stream.answer(0, errno.ENODATA, b"", post)
    assert await stream.next_batch() == [b"1"]
    assert await stream.next_batch() is None


async def test_a_stream_ends_with_its_error() -> None:
    stream = Stream(b"a.b", b"{}")
    stream.answer(0, errno.EPERM, b"", post)
    with pytest.raises(Exception, match="does not permit"):
        await stream.next_batch()


async def test_a_stream_wakes_its_consumer() -> None:
    stream = Stream(b"a.b", b"{}")
    consumer = asyncio.create_task(stream.next_batch())
    await asyncio.sleep(0)
    stream.answer(0, 0, b"1", post)
    assert await asyncio.wait_for(consumer, 5) == [b"1"]


async def test_a_stream_holds_no_more_than_its_limit() -> None:
    stream = Stream(b"a.b", b"{}", limit=10)
    for _ in range(2):
        assert not stream.answer(0, 0, b"123456", post)
    assert stream.answer(0, 0, b"123456", post)
    assert stream.overflowed
    assert await stream.next_batch() == [b"123456"] * 2
    assert await stream.next_batch() is None


async def test_a_stream_counts_only_what_waits() -> None:
    stream = Stream(b"a.b", b"{}", limit=10)
    for _ in range(20):
        assert not stream.answer(0, 0, b"123456", post)
        stream.handed_over()
        await stream.next_batch()
    assert not stream.overflowed


async def test_a_stream_leaves_out_what_was_read_before() -> None:
    stream = Stream(b"a.b", b"{}", skip=2)
    for payload in (b"1", b"2", b"3"):
        stream.answer(0, 0, payload, post)
    assert await stream.next_batch() == [b"3"]
