"""Outputs from the blobs of the KVS: which are loaded, and what comes of them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, cast

import msgspec
import pytest

from fluxapi.errors import FluxapiError, FluxRefused, Forbidden, InstanceUnavailable, NotFound
from fluxapi.instance.broker import blobs as blobs_module
from fluxapi.instance.broker import eventlogs, kvs_lookup, output
from fluxapi.instance.broker.blobs import Blobs
from fluxapi.instance.broker.calls import Call
from fluxapi.instance.broker.output import OutputReader
from fluxapi.instance.broker.references import decode_references
from fluxapi.instance.broker.rpc import RpcThread
from fluxapi.instance.protocol import Last, OutputBatch
from fluxapi.model.eventlog import Event, encode_event

JOB = 7
SHIFT = 24


def entry(data: str, stream: str = "stdout") -> Event:
    return Event(1.0, "data", {"stream": stream, "rank": "0", "data": data})


def blob_of(*events: Event) -> bytes:
    return b"".join(encode_event(event) + b"\n" for event in events)


def reference(blob: bytes) -> str:
    return f"sha1-{hashlib.sha1(blob, usedforsecurity=False).hexdigest()}"


class Kvs:
    """Answers lookups of one output and loads of its blobs."""

    def __init__(self, *blobs: bytes) -> None:
        self.value: dict[str, Any] = {"type": "valref", "data": [reference(b) for b in blobs]}
        self.blobs = {reference(blob): blob for blob in blobs}
        self.loaded: list[bytes] = []
        self.lookups = 0
        self.errors: list[FluxapiError] = []
        self.hold = asyncio.Event()
        self.hold.set()

    @property
    def answer(self) -> bytes:
        return msgspec.json.encode({"val": self.value})

    async def call(self, call: Call) -> Any:
        if call.topic == b"kvs.lookup":
            self.lookups += 1
            if self.errors:
                raise self.errors.pop(0)
            return call._decode(self.answer)
        assert call.topic == b"content.load"
        assert call.raw
        await self.hold.wait()
        blob = self.blobs[f"sha1-{call.payload.hex()}"]
        self.loaded.append(blob)
        return blob


def reader(kvs: Kvs) -> OutputReader:
    return OutputReader(cast("RpcThread", kvs))


async def read(found: OutputReader, **options: Any) -> list[tuple[int, Event]]:
    batches = [batch async for batch in found.so_far(JOB, **options)]
    return [pair for batch in batches for pair in enumerate(batch, batch.first)]


ONE = blob_of(Event(0.0, "header", {}), entry("a\n"), entry("b\n", "stderr"))
TWO = blob_of(entry("c\n"), entry("d\n"))
THREE = blob_of(entry("e\n"))


def datas(found: Sequence[tuple[int, Event]]) -> str:
    return "".join((event.context or {}).get("data", "") for _, event in found)


async def test_readers_of_one_piece_share_its_entries() -> None:
    lines = [entry(f"{number}\n") for number in range(1000)]
    found = reader(Kvs(blob_of(*lines), THREE))
    begun = [found.so_far(JOB) for _ in range(3)]
    pieces = [await anext(batches) for batches in begun]
    # Each entry is read once, and few are kept for a client that reads slowly.
    assert len({id(event) for piece in pieces for event in piece}) == len(pieces[0]) < 300
    for batches, piece in zip(begun, pieces, strict=True):
        rest = [event async for batch in batches for event in batch]
        assert [*piece, *rest][:1000] == lines
        assert len(rest) == 1001 - len(piece)
    assert not found._pieces


async def test_outputs_that_are_stored_in_the_reference_are_not_taken_for_each_other() -> None:
    kvs = Kvs()
    found = reader(kvs)
    texts = []
    for data in ("a\n", "b\n"):
        kvs.value = {"type": "val", "data": base64.b64encode(blob_of(entry(data))).decode()}
        batches = found.so_far(JOB)
        texts.append((batches, await anext(batches)))
    assert [datas(list(enumerate(batch))) for _, batch in texts] == ["a\n", "b\n"]


async def test_everything_comes_in_order_with_growing_indexes() -> None:
    found = await read(reader(Kvs(ONE, TWO, THREE)))
    assert datas(found) == "a\nb\nc\nd\ne\n"
    assert [index for index, _ in found] == [
        0, 1, 2, 1 << SHIFT, (1 << SHIFT) + 1, 2 << SHIFT,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "data", "loads"),
    [
        (1, "a\nb\nc\nd\ne\n", 3),
        ((1 << SHIFT) + 1, "d\ne\n", 2),
        ((1 << SHIFT) + 2, "e\n", 2),
        (2 << SHIFT, "e\n", 1),
        (3 << SHIFT, "", 0),
        (9 << SHIFT, "", 0),
    ],
)
async def test_a_range_loads_its_blobs_only(first: int, data: str, loads: int) -> None:
    kvs = Kvs(ONE, TWO, THREE)
    assert datas(await read(reader(kvs), first=first)) == data
    assert len(kvs.loaded) == loads


@pytest.mark.parametrize(
    ("last", "data", "loads"),
    [
        (Last(0), "", 0),
        (Last(1), "e\n", 1),
        (Last(2), "d\ne\n", 2),
        (Last(3), "c\nd\ne\n", 2),
        (Last(9), "a\nb\nc\nd\ne\n", 3),
        (Last(1, "stderr"), "b\n", 3),
        (Last(2, "stdout", lines=True), "d\ne\n", 2),
        (Last(9, size=1), "e\n", 1),
    ],
)
async def test_a_tail_loads_the_last_blobs_only(last: Last, data: str, loads: int) -> None:
    kvs = Kvs(ONE, TWO, THREE)
    found = await read(reader(kvs), last=last)
    assert datas(found) == data
    assert len(kvs.loaded) == loads
    everything = dict(await read(reader(kvs)))
    assert all(everything[index] == event for index, event in found)


async def test_a_search_is_bounded_and_says_how_far_it_went() -> None:
    kvs = Kvs(ONE, TWO, THREE)
    search = reader(kvs).so_far(JOB, last=Last(1, "stderr", search=len(THREE) + 1))
    batches = [batch async for batch in search]
    assert [len(batch) for batch in batches] == [0, 0, 0]
    assert [batch.searched for batch in batches[:2]] == [len(THREE), len(TWO + THREE)]
    assert (batches[-1].searched, batches[-1].cut) == (len(TWO + THREE), True)


async def test_a_list_of_many_empty_blobs_is_not_searched_to_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "_MAX_SEARCHED_BLOBS", 3)
    search = reader(Kvs(ONE, *[b""] * 1000)).so_far(JOB, last=Last(1))
    batches = [batch async for batch in search]
    assert (len(batches), batches[-1].cut) == (4, True)


async def test_a_search_that_reaches_the_beginning_is_not_cut() -> None:
    search = reader(Kvs(ONE, TWO)).so_far(JOB, last=Last(5, "stderr", search=len(ONE + TWO)))
    batches = [batch async for batch in search]
    assert batches[-1].searched == len(ONE + TWO)
    assert not batches[-1].cut


async def test_a_search_ends_when_its_reader_leaves() -> None:
    blobs = [blob_of(entry(f"{number}\n")) for number in range(20)]
    kvs = Kvs(*blobs)
    async with aclosing(reader(kvs).so_far(JOB, last=Last(1, "stderr"))) as batches:
        async for _ in batches:
            break
    assert len(kvs.loaded) <= 2
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "blob ahead"]


async def test_a_canceled_search_loads_no_more() -> None:
    blobs = [blob_of(entry(f"{number}\n")) for number in range(20)]
    kvs = Kvs(*blobs)
    kvs.hold.clear()
    search = asyncio.create_task(read(reader(kvs), last=Last(1, "stderr")))
    await asyncio.sleep(0)
    search.cancel()
    await asyncio.wait({search})
    kvs.hold.set()
    tasks = {task.get_name(): task for task in asyncio.all_tasks()}
    assert "blob ahead" not in tasks
    if "blob" in tasks:
        await asyncio.wait({tasks["blob"]})
    assert len(kvs.loaded) <= 1


async def test_a_tail_says_where_the_end_is() -> None:
    batches = [batch async for batch in reader(Kvs(ONE, TWO)).so_far(JOB, last=Last(0))]
    assert batches == [OutputBatch(2 << SHIFT, [])]


async def test_a_value_that_is_in_no_blob_yet() -> None:
    kvs = Kvs()
    kvs.value = {"type": "val", "data": base64.b64encode(TWO).decode()}
    assert datas(await read(reader(kvs))) == "c\nd\n"
    assert datas(await read(reader(kvs), last=Last(1))) == "d\n"


async def test_a_directory_is_an_entry_that_is_not_valid() -> None:
    kvs = Kvs()
    kvs.value = {"type": "dirref", "data": [reference(b"")]}
    assert [event.name for _, event in await read(reader(kvs))] == ["invalid"]


async def test_no_output_is_nothing() -> None:
    kvs = Kvs()
    kvs.errors = [NotFound("There is no such key.")]
    assert await read(reader(kvs)) == []


async def test_a_namespace_that_is_being_moved_is_looked_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kvs_lookup, "_LOOKUP_PAUSE_S", 0)
    kvs = Kvs(THREE)
    kvs.errors = [FluxRefused("It is not supported.")] * 3
    assert datas(await read(reader(kvs))) == "e\n"
    kvs.errors = [FluxRefused("It is not supported.")] * 99
    with pytest.raises(FluxRefused):
        await read(reader(kvs))


async def test_nothing_is_read_twice() -> None:
    kvs = Kvs(ONE, TWO, THREE)
    found = reader(kvs)
    kvs.hold.clear()
    readers = [asyncio.create_task(read(found, ended=True)) for _ in range(5)]
    await asyncio.sleep(0)
    kvs.hold.set()
    for task in readers:
        assert datas(await task) == "a\nb\nc\nd\ne\n"
    await read(found, ended=True, last=Last(2))
    assert len(kvs.loaded) == 3


async def test_a_list_that_two_have_looked_up_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvs_lookup, "_LOOKUP_PAUSE_S", 0)
    kvs = Kvs(THREE)
    found = reader(kvs)
    monkeypatch.setattr(output, "_MAX_CACHE_BYTES", 2 * decode_references(kvs.answer).size)
    kvs.errors = [FluxRefused("It is not supported.")] * 2
    await asyncio.gather(*(read(found, ended=True) for _ in range(2)))
    other = [batch async for batch in found.so_far(JOB + 1, ended=True)]
    assert other
    looked_up = kvs.lookups
    await read(found, ended=True)
    assert kvs.lookups == looked_up


async def test_blobs_are_kept_within_a_bound() -> None:
    blobs = [bytes([number]) * 100 for number in range(9)]
    kvs = Kvs(*blobs)
    store = Blobs(cast("RpcThread", kvs), limit=250)
    names = [reference(blob).encode() for blob in blobs]
    for name in names:
        await store.load(name)
    await store.load(names[-1])
    await store.load(names[-2])
    assert len(kvs.loaded) == 9
    await store.load(names[0])
    assert len(kvs.loaded) == 10


async def test_blobs_that_nobody_reads_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs_module, "_KEEP_S", 0.001)
    kvs = Kvs(ONE, TWO)
    store = Blobs(cast("RpcThread", kvs))
    for blob in (ONE, TWO):
        await store.load(reference(blob).encode())
    while store._kept:  # noqa: ASYNC110 - it tells nobody that they are gone
        await asyncio.sleep(0)
    assert store._size == 0
    await store.load(reference(ONE).encode())
    assert kvs.loaded == [ONE, TWO, ONE]
    await store.close()


async def test_a_reader_that_leaves_does_not_take_the_blob_along() -> None:
    kvs = Kvs(THREE)
    found = reader(kvs)
    kvs.hold.clear()
    leaving, staying = (asyncio.create_task(read(found)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait({leaving})
    kvs.hold.set()
    assert datas(await staying) == "e\n"
    assert kvs.loaded == [THREE]


async def test_a_large_blob_is_decoded_in_pieces() -> None:
    events = [entry(f"{number}\n") for number in range(20_000)]
    kvs = Kvs(blob_of(*events))
    batches = [batch async for batch in reader(kvs).so_far(JOB)]
    assert max(map(len, batches)) < 2000
    assert [event for batch in batches for event in batch] == events
    for first in (1, 700, 12_345, 19_999):
        found = await read(reader(kvs), first=first)
        assert (found[0], len(found)) == ((first, events[first]), 20_000 - first)


@pytest.mark.parametrize("place", [0, 7000, 19_999])
async def test_one_entry_among_many_of_another_stream(place: int) -> None:
    events = [entry(f'"stream":"stderr" {number}\n') for number in range(20_000)]
    events[place] = entry("oops\n", "stderr")
    found = await read(reader(Kvs(blob_of(*events))), last=Last(1, "stderr"))
    assert found == [(place, events[place])]


@pytest.mark.parametrize("junk", [b"", b"\n", b"junk", b"junk\n", b"\n\njunk\n", b"\0\xff"])
async def test_a_blob_of_junk_has_one_index_for_each_line(junk: bytes) -> None:
    blob = blob_of(entry("a\n")) + junk
    kvs = Kvs(blob, THREE)
    forwards = await read(reader(kvs))
    backwards = await read(reader(kvs), last=Last(99))
    assert forwards == backwards
    assert datas(forwards) == "a\ne\n"


@pytest.mark.parametrize("junk", [b"junk\n", b"{junk}\n", b"\n", b'{"name":"data"}\n'])
@pytest.mark.parametrize("place", [0, 1000, 1999])
async def test_one_line_that_is_no_entry_is_found_by_its_index(junk: bytes, place: int) -> None:
    lines = blob_of(*[entry("x" * 100 + "\n")] * 1999).splitlines(keepends=True)
    lines.insert(place, junk)
    kvs = Kvs(b"".join(lines))
    found = await read(reader(kvs), last=Last(5, "stderr"))
    whole = await read(reader(kvs))
    assert [index for index, _ in found] == [place]
    assert found[0] == whole[place]


async def test_job_info_is_used_if_the_kvs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    kvs = Kvs()
    kvs.errors = [Forbidden("Flux does not permit it.")]

    async def entries(*_: Any) -> eventlogs.Batches:
        yield OutputBatch(0, [entry("by job-info\n")])

    monkeypatch.setattr(eventlogs, "so_far", entries)
    found = reader(kvs)
    for _ in range(2):
        assert datas(await read(found)) == "by job-info\n"
    assert kvs.lookups == 1


async def test_a_load_that_fails_is_reported_to_all_readers() -> None:
    kvs = Kvs(THREE)
    kvs.blobs = {}
    found = reader(kvs)

    async def load(_: Call) -> Any:
        raise InstanceUnavailable("The broker is away.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(found._blobs._rpc, "call", load)
        results = await asyncio.gather(
            *(found._blobs.load(reference(THREE).encode()) for _ in range(3)),
            return_exceptions=True,
        )
    assert [type(result) for result in results] == [InstanceUnavailable] * 3
