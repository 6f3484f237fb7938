"""Answers of a program that poses as the instance of a job: an error of that instance alone."""

from __future__ import annotations

import errno
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from fluxapi.errors import InstanceUnavailable, OutcomeUnknown
from fluxapi.instance.broker import BrokerInstance
from fluxapi.instance.broker import resources as answers
from fluxapi.instance.broker.calls import Call, Stream, Submissions
from fluxapi.instance.broker.child import Broker, ChildInstance
from fluxapi.instance.broker.node_files import NodeFiles
from fluxapi.instance.broker.references import decode_references
from fluxapi.instance.broker.rpc import RpcThread
from fluxapi.instance.nodes import nodes_and_totals
from fluxapi.instance.protocol import ChildPlace, LookupKey, Queue, Resources, Submission
from fluxapi.model.hostlist import decode_hostlist
from fluxapi.model.resources import MAX_NODES, allocation, nodes
from fluxapi.process.file_piece import Wanted
from fluxapi.web import nodes as node_rows

LONG = "p" * 100_000


def R(*entries: tuple[str, str], names: str = "n[0-1]") -> dict[str, Any]:  # noqa: N802 - R, as in RFC 20
    made = {entry: {"rank": entry[0], "children": {"core": entry[1]}} for entry in set(entries)}
    lines = [made[entry] for entry in entries]
    return {"version": 1, "execution": {"R_lite": lines, "nodelist": [names]}}


GOOD = Resources(
    all=R(("0-1", "0-3")),
    allocated=None,
    down=None,
    drain={"1": {"timestamp": 5.0, "reason": "fan"}},
    online="0-1",
    offline="",
    exclude="",
    torpid="",
)


class Liar:
    def __init__(self, **changes: Any) -> None:
        self._answer = replace(GOOD, **changes)

    async def resources(self) -> Resources:
        return self._answer

    async def queues(self) -> list[Queue]:
        raise NotImplementedError


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"drain": {"0-4294967294": {"timestamp": 1.0, "reason": "x"}}},
        {"drain": {f"{width:0>9}-9999": {} for width in range(9)}},
        {"drain": {"0": "x"}},
        {"drain": {"0": {"timestamp": 1e300}}},
        {"drain": {"0": {"timestamp": "now"}}},
        {"drain": {"0": {"reason": ["x"]}}},
        {"drain": ["0"]},
        {"offline": 7},
        {"exclude": {"0": 1}},
        {"all": R(*[("0", "0-3")] * (MAX_NODES + 1))},
        {"all": R(("0", "0-4294967294"))},
        {"all": R(("0", "0," * 1_000_000 + "0"))},
        {"all": R(("0-32767", "0"), names=f"{LONG}[0-32767]")},
        {"all": "x"},
    ],
)
async def test_an_invalid_description_of_nodes_is_an_error_of_the_instance(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(InstanceUnavailable, match="in an invalid way"):
        await nodes_and_totals(Liar(**changes))


async def test_a_reason_of_any_length_is_clipped() -> None:
    found = await nodes_and_totals(Liar(drain={"1": {"timestamp": 5, "reason": LONG}}))
    assert [node.get("drained_at") for node in found["nodes"]] == [None, 5.0]
    assert len(found["nodes"][1]["reason"]) == 1000


def test_cores_stay_ranges() -> None:
    every = nodes(R(*[(str(rank), "0-32767") for rank in range(1000)]))
    assert {(len(node.cores), *node.cores.ranges) for node in every} == {(32768, (0, 32767))}


@pytest.mark.parametrize("name", [f"{LONG}[0-32767]", f"n[0-32767]{LONG}"])
def test_a_name_is_not_repeated_for_thousands_of_hosts(name: str) -> None:
    with pytest.raises(ValueError, match="too long"):
        decode_hostlist(name)


def test_a_nodelist_that_is_written_out_is_bounded() -> None:
    with pytest.raises(ValueError, match="its hosts have more than"):
        allocation(R(("0-32767", "0"), names=f"n[0-32767]{'s' * 200}"))


def test_a_queue_has_a_name() -> None:
    with pytest.raises(ValueError, match="string"):
        answers.queue_names({"queues": [{}]}, {})


def test_queues_that_are_too_many_or_have_long_names_do_not_hide_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers._warn.cache_clear()
    many = [f"q{n:04}" for n in range(1001)]
    for _ in range(2):
        assert answers.queue_names({"queues": [*many, LONG]}, {"queues": {LONG: {}}}) == many[:1000]
    (warning,) = caplog.messages
    assert warning.startswith("2 queues of Flux are left out")


def test_a_queue_without_a_name_does_not_hide_the_others() -> None:
    # Flux takes it in its config, and refuses to tell its status.
    assert answers.queue_names({"queues": ["", "b", "a"]}, {"queues": {"b": {}}}) == ["b", "a"]
    assert answers.queue_names({"queues": []}, {}) == [""]


def test_the_state_of_a_queue_is_checked() -> None:
    status = {"enable": [], "start": {}, "disable_reason": {"a": 1}, "stop_reason": LONG}
    found = answers.queue("q", status, {})
    assert (found.enabled, found.started, found.disable_reason) == (False, False, None)
    assert len(found.stop_reason or "") == 1000


@pytest.mark.parametrize("value", [None, [], "x", {"a": 1}, -1, True, 1e400, "1" * 400, 2**40])
def test_the_policy_of_a_queue_is_checked(value: Any) -> None:
    limits = {"duration": value, "job-size": {"max": {"nnodes": value}, "min": value}}
    own = {"requires": value, "policy": {"limits": limits}}
    for config in (
        {"queues": {"q": own}},
        {"policy": {"limits": limits}},
        {"queues": value},
        value,
    ):
        policy = answers.policy("q", config)
        assert policy.min_size == {}
        assert policy.max_size == {}
        assert policy.max_duration in {None, 2.0**40}


def test_the_names_of_properties_are_checked() -> None:
    found = answers.policy("q", {"queues": {"q": {"requires": [LONG] * 200}}})
    assert (len(found.requires), len(found.requires[0])) == (100, 255)
    with pytest.raises(ValueError, match="string"):
        answers.policy("q", {"queues": {"q": {"requires": [1]}}})


def test_nodes_of_a_page_have_their_jobs_without_expansion_of_ranks() -> None:
    jobs = [{"id": "f1", "ranks": "0-4294967294"}, {"id": "f2", "ranks": "1"}, {"id": "f3"}]
    shown = node_rows.with_jobs([{"rank": 0}, {"rank": 1}], jobs)
    assert [[job["id"] for job in node["jobs"]] for node in shown] == [["f1"], ["f1", "f2"]]


class Fixed:
    """Gives each call the same answer."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    async def call(self, call: Call) -> Any:
        return call._decode(self._answer)


DEEP = b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}"
"""An answer of more levels than a decoder passes over."""


WANTED = Wanted("/x", 0, 0, 1, "")


class Streaming:
    """Answers each stream in the same way."""

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = answers

    def stream(self, stream: Stream) -> None:
        def post(function: Callable[[Any], None], argument: Any) -> None:
            function(argument)

        for answer in self._answers:
            stream.answer(0, 0, answer, post)
        stream.answer(0, errno.ENODATA, b"", post)

    def cancel(self, _stream: Stream) -> None: ...


def child(answer: bytes) -> ChildInstance:
    """Return an instance of a job whose broker gives each call the same answer."""
    broker = BrokerInstance("local:///x")
    broker._rpc = cast("RpcThread", Fixed(answer))
    unused: Any = None
    place = ChildPlace(1, "local:///x", "0", "node0")
    found = ChildInstance(place, unused, unused, unused, unused, transports=(), timeout=1.0)
    found._broker = cast("Broker", broker)
    return found


@pytest.mark.parametrize("key", ["eventlog", "jobspec", "R"])
@pytest.mark.parametrize("value", [b"7", b"null", b"[]", b"{}"])
async def test_a_value_of_a_job_that_is_not_text_is_an_error_of_the_instance(
    key: LookupKey, value: bytes
) -> None:
    with pytest.raises(InstanceUnavailable, match="gave an invalid answer"):
        await child(b'{"%b":%b}' % (key.encode(), value)).lookup(7, key)


def outcome(call: Call | Submissions, answer: bytes) -> object:
    """Return the error of a call with such an answer, or the results of a submission."""
    call.answer(0, 0, answer, lambda function, argument: function(argument))
    return call.future.exception() or call.future.result()


async def test_an_answer_of_very_many_levels_is_an_error_of_its_call() -> None:
    lookup = Call(b"kvs.lookup", b"{}", decode=decode_references)
    assert isinstance(outcome(lookup, DEEP), InstanceUnavailable)
    result = outcome(Submissions([Submission(b"{}")]), DEEP)
    assert isinstance(result, list)
    assert isinstance(result[0], OutcomeUnknown)


@pytest.mark.parametrize(
    "answer", [DEEP, b'{"io":' * 5000, b"7", b'{"type":"output","io":{"stream":[]}}']
)
async def test_an_answer_of_a_node_in_another_form_is_an_error_of_the_instance(
    answer: bytes,
) -> None:
    found = child(b"")
    broker = cast("BrokerInstance", found._broker)
    broker._files = NodeFiles(cast("RpcThread", Streaming([answer])), 1.0)
    with pytest.raises(InstanceUnavailable, match="gave an invalid answer"):
        await found.read_file(0, WANTED)


async def test_other_members_of_what_a_node_says_are_not_decoded() -> None:
    said = {"type": "output", "io": {"stream": "stderr", "data": "no file\n"}}
    answer = json.dumps(said | {"x": [[]] * 100_000}).encode()
    files = NodeFiles(cast("RpcThread", Streaming([answer])), 1.0)
    tracemalloc.start()
    try:
        piece = await files.read(0, WANTED)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "no file" in str(piece)
    assert most < 1_000_000
