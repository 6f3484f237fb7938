"""Requests and what becomes of their responses, without a broker."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from fluxapi.errors import FluxRefused, InstanceUnavailable
from fluxapi.instance.broker.calls import Call, Signer, Stream, Submissions
from fluxapi.instance.broker.refusal import lost
from fluxapi.instance.broker.rpc import RpcThread
from fluxapi.instance.broker.slow_lane import SlowLane
from fluxapi.instance.protocol import Submission
from fluxapi.model.jobspec import Defaults, build
from fluxapi.process import turn_queue

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


HALF_MEGABYTE = Submission(json.dumps({"command": "x" * (1 << 19)}).encode())


class Broker:
    """Takes what a thread sends, and answers it.

    Attributes:
        sent: The lengths of the requests, by their tags.
    """

    def __init__(self) -> None:
        self.clogged = 0
        self.sent: dict[int, int] = {}
        self.thread = RpcThread(None, None, 10.0)
        self.thread._signer = Signer(0)
        self.thread._outbox = SimpleNamespace(post=post)  # type: ignore[assignment]

    def request(self, topic: bytes, payload: bytes, tag: int) -> None:
        assert topic == Submissions.topic
        self.sent[tag] = len(payload)

    def pass_at(self, now: float) -> list[bool]:
        """Return which of the jobs that are sent at this time are large."""
        before = set(self.sent)
        connection: Any = self
        while self.thread._send_batches(connection, now):
            pass
        return [self.sent[tag] > 1 << 19 for tag in self.sent if tag not in before]

    def answer(self, now: float, tags: list[int] | None = None) -> None:
        """Answer what was sent, in order; all of it if no *tags* are given."""
        messages = deque(
            SimpleNamespace(tag=tag, error=0, payload=b'{"id":1}')
            for tag in tags or self.thread._waiting
        )
        connection: Any = SimpleNamespace(receive=lambda: messages.popleft() if messages else None)
        while self.thread._receive(connection, now):
            pass


async def test_one_large_job_is_with_flux_and_others_go_past() -> None:
    broker = Broker()
    broker.thread._batches.extend([Submissions([HALF_MEGABYTE] * 3), Submissions([HALF_MEGABYTE])])
    assert broker.pass_at(10.0) == [True]
    broker.thread._batches.append(Submissions([ONE] * 200))
    assert broker.pass_at(10.5) == [False] * 200
    assert broker.thread._slow.next_time() is None
    broker.answer(12.0)
    # The others have as long as the large one took.
    assert broker.pass_at(13.9) == []
    assert broker.thread._slow.next_time() == 14.0
    assert broker.pass_at(14.0) == [True]
    broker.answer(14.5)
    assert broker.pass_at(15.0) == [True]
    broker.answer(100.0)
    assert broker.pass_at(106.0) == [True], "a late answer gives no long pause"
    broker.answer(107.0)
    assert broker.thread._slow.next_time() is None
    assert broker.thread._window == Broker().thread._window


async def test_fewer_are_sent_together_while_flux_takes_long() -> None:
    broker = Broker()
    broker.thread._batches.append(Submissions([ONE] * 20_000))
    now = 0.0

    def together_after(seconds: float) -> int:
        """Return how many are with Flux after all but one of those before are answered."""
        nonlocal now
        now += seconds
        broker.answer(now, list(broker.thread._waiting)[:-1])
        broker.pass_at(now)
        return len(broker.thread._waiting)

    broker.pass_at(now)
    first = len(broker.thread._waiting)
    assert [together_after(0.1) for _ in range(4)] == [2 * first, 4 * first, 8 * first, 8 * first]
    assert together_after(0.7) == 8 * first
    # With 10 ms for each, all of them are answered within about a second.
    assert together_after(20.0) == 102
    assert together_after(100.0) == 32
    assert [together_after(0.1) for _ in range(2)] == [64, 128]


async def test_the_number_begins_anew_once_all_are_answered() -> None:
    broker = Broker()
    broker.thread._batches.append(Submissions([ONE] * 2000))
    first = len(broker.pass_at(0.0))
    broker.answer(0.1)
    broker.pass_at(0.1)
    broker.answer(0.2)
    broker.thread._batches.clear()
    broker.thread._batches.append(Submissions([ONE] * 2000))
    assert len(broker.pass_at(5.0)) == first
    broker.thread._give_up_submissions()
    broker.thread._batches.append(Submissions([ONE] * 2000))
    assert len(broker.pass_at(20.0)) == first


async def test_clients_take_turns_with_large_jobs() -> None:
    lane = SlowLane()

    def wait(client: str) -> Submissions:
        turn_queue.work_for(client)
        batch = Submissions([HALF_MEGABYTE])
        assert lane.takes(batch)
        return batch

    many = [wait("many") for _ in range(5)]
    one = wait("one")
    assert list(lane) == [*many, one]
    assert [lane.pop(0.0) for _ in range(7)] == [many[0], one, *many[1:], None]


async def test_others_have_time_while_the_scheduler_evaluates_a_constraint() -> None:
    hosts = [",".join(f"a{number}x" for number in range(90))]
    fields = {"command": "true", "constraints": {"hostlist": hosts}}
    usual, slow = (build(fields, Defaults(nodes=nodes)) for nodes in (1_000, 10_000))
    broker = Broker()
    broker.thread._batches.extend([Submissions([usual] * 50), Submissions([slow] * 2)])
    assert len(broker.pass_at(0.0)) == 51
    broker.answer(0.1)
    assert broker.pass_at(0.6) == []
    assert len(broker.pass_at(1.0)) == 1


async def test_large_jobs_that_wait_fail_with_the_connection() -> None:
    broker = Broker()
    first, second = (Submissions([HALF_MEGABYTE]) for _ in range(2))
    broker.thread._batches.extend([first, second])
    assert broker.pass_at(0.0) == [True]
    broker.thread._give_up_submissions()
    for batch in (first, second):
        assert isinstance((await batch.future)[0], InstanceUnavailable)
    broker.thread._batches.append(Submissions([HALF_MEGABYTE]))
    assert broker.pass_at(0.0) == [True], "nothing is with Flux"


async def test_a_large_job_that_waits_is_not_sent_once_its_client_has_left() -> None:
    broker = Broker()
    gone = Submissions([replace(HALF_MEGABYTE, has_left=lambda: True), ONE])
    broker.thread._batches.extend([Submissions([HALF_MEGABYTE]), gone])
    assert broker.pass_at(0.0) == [True, False]


async def test_dependencies_of_a_job_count_as_its_bytes_do() -> None:
    dependencies = ["afterok:f1"] * 1000
    plain, dependent = (
        build({"command": "true"}, Defaults()),
        build({"command": "true", "dependencies": dependencies}, Defaults()),
    )
    assert plain.cost == 0
    few = Submission(dependent.jobspec)
    lane = SlowLane()
    assert lane.takes(Submissions([dependent]))
    assert not lane.takes(Submissions([few]))


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
