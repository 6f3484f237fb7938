"""Lines of an output whose middle the history has left out: they keep their numbers."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from fluxapi.archive import output_collector
from fluxapi.archive.output_collector import collect_output
from fluxapi.archive.outputs import stored_output
from fluxapi.archive.stored_output import Omitted, StoredOutput, pack_output, unpack_output
from fluxapi.events.output.line_scan import EVENTLOG, Limit, LineScanner, Scan
from fluxapi.http import keys
from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import parse
from fluxapi.model.output import Last, OutputBatch
from fluxapi.model.output_lines import OutputLine, Part
from tests.handlers.conftest import Start, start
from tests.handlers.test_output_lines import items
from tests.waiting import poll_until

from .test_handlers import Site
from .test_outputs import EOF, HEADER, data

__all__ = ["start"]

HALF_BYTES = 5_000


class Source:
    """An output with these entries, or the stored part of one."""

    def __init__(self, found: Sequence[Event] | StoredOutput) -> None:
        self._found = found

    async def output(
        self,
        _jobid: int,
        *,
        follow: bool = False,  # noqa: ARG002 - a source takes it
        first: int = 0,  # noqa: ARG002
        last: Last | None = None,  # noqa: ARG002
    ) -> AsyncIterator[OutputBatch]:
        if isinstance(self._found, StoredOutput):
            async for batch in stored_output(self._found):
                yield batch
        else:
            yield OutputBatch(0, list(self._found))


async def stored(entries: Sequence[Event]) -> StoredOutput:
    output, _ = await collect_output(Source(entries), 1, 2 * HALF_BYTES)
    return unpack_output(pack_output(output))


class Pieces(Source):
    """An output of very many pieces, which are empty."""

    def __init__(self) -> None:
        super().__init__([])
        self.read = 0

    async def output(
        self,
        _jobid: int,
        *,
        follow: bool = False,  # noqa: ARG002 - a source takes it
        first: int = 0,  # noqa: ARG002
        last: Last | None = None,
    ) -> AsyncIterator[OutputBatch]:
        while last is None and self.read < 10_000:
            self.read += 1
            yield OutputBatch(self.read, [])
        yield OutputBatch(self.read, [data("x\n")])


async def lines(found: Sequence[Event] | StoredOutput) -> dict[int, bytes]:
    scan = Scan(Source(found), 1, EVENTLOG, True, Part())
    items = [it async for it in LineScanner().lines(scan, Limit()) if isinstance(it, OutputLine)]
    numbers = [it.number for it in items]
    assert numbers == sorted(set(numbers))
    return {it.number: it.data for it in items}


@pytest.mark.parametrize("per_entry", [1, 7])
async def test_lines_after_a_gap_keep_their_numbers(per_entry: int) -> None:
    texts = ["".join(f"{n + k:099d}\n" for k in range(per_entry)) for n in range(0, 700, per_entry)]
    entries = [HEADER, *map(data, texts), EOF]
    whole, output = await lines(entries), await stored(entries)
    omitted = output.describe_omitted()
    assert omitted is not None
    assert omitted.lines is not None
    kept = await lines(output)
    assert b"left out" in kept.pop(omitted.after + 1)
    assert kept.items() <= whole.items()
    assert len(kept) == 700 - omitted.lines
    assert omitted.bytes == omitted.lines * 100
    assert max(kept) == 700


async def test_a_line_that_is_cut_has_the_number_of_the_line() -> None:
    long = base64.b64encode(b"first\n" + b"\xff" * 50_000 + b"\nlast\n").decode()
    binary = {"stream": "stdout", "rank": "0", "encoding": "base64", "data": long}
    output = await stored([HEADER, data("a\nb"), Event(2.0, "data", binary), data("end\n"), EOF])
    # An unfinished line ends where the gap begins; less than a line is left out.
    omitted = output.describe_omitted()
    assert omitted is not None
    kept = await lines(output)
    assert [kept[1], kept[2]] == [b"a", b"b"]
    assert b"left out" in kept[3]
    assert kept[4].endswith(b"\xff")
    assert [kept[5], kept[6]] == [b"last", b"end"]
    assert (omitted.after, omitted.lines) == (2, None)


async def test_lines_of_many_tasks_are_counted_as_they_end() -> None:
    pieces = [
        Event(2.0, "data", {"stream": "stdout", "rank": str(n % 3), "data": f"{n:060d}" + end})
        for n in range(600)
        for end in ("", "\n")
    ]
    entries = [HEADER, *pieces, EOF]
    whole, output = await lines(entries), await stored(entries)
    omitted = output.describe_omitted()
    assert omitted is not None
    kept = await lines(output)
    assert kept[600] == whole[600]
    after = [number for number in kept if number > omitted.after + 2]
    assert len(after) > 10
    assert all(whole[number].endswith(kept[number]) for number in after)


async def test_the_number_of_lines_is_unknown_of_an_output_not_read_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output_collector, "_MAX_READ_BYTES", 20_000)
    output = await stored([HEADER, *(data(f"{n:099d}\n") for n in range(1000)), EOF])
    omitted = output.describe_omitted()
    assert omitted is not None
    assert (omitted.is_least, omitted.lines) == (True, None)


def test_an_output_stored_before_has_no_number_of_lines() -> None:
    run = (0, b'{"timestamp":1.0,"name":"data","context":{"stream":"stdout","data":"a\\nb"}}\n')
    output = StoredOutput([run], [], 70)
    assert output.describe_omitted() == Omitted(70, False, 2, None)


def test_a_whole_output_omits_nothing() -> None:
    assert StoredOutput([(0, b"")]).describe_omitted() is None


async def test_answers_of_lines_and_searches_tell_of_the_gap(start: Start, tmp_path: Path) -> None:
    service = await start(statedir=tmp_path, history_max_job_output=2 * HALF_BYTES)
    site, instance = Site(service), service.instance
    name = await service.submit()
    lines = [{"stream": "stdout", "rank": "0", "data": f"{n:099d}\n"} for n in range(1, 701)]
    instance.write(parse(name), *lines)
    instance.finish(parse(name))
    await site.get(f"/v1/jobs/{name}/wait")
    _, end = await items(service, name, "search", q="0351")
    assert "omitted" not in end
    instance.purge(parse(name))
    await site.settle(parse(name))
    assert service.client.app is not None
    records = service.client.app[keys.SESSIONS].root.past.records

    async def is_stored() -> bool:
        return await records.omitted(parse(name)) is not None

    await poll_until(is_stored)
    (end,) = await items(service, name, "search", q="0351")
    omitted = end["omitted"]
    assert (end["reason"], end["lines"], omitted["bytes"]) == ("end", 700, omitted["lines"] * 100)
    first, last = omitted["after"], omitted["after"] + omitted["lines"]
    for query in ({"first": 700}, {"before": 701, "count": 1}, {"first": last + 1, "count": 1}):
        line, end = await items(service, name, "lines", **query)
        assert int(line["text"]) == line["line"]
        assert end["omitted"] == omitted
    found = await items(service, name, "lines", first=first, count=3)
    assert [item["line"] for item in found[:-1]] == [first, first + 1, last + 1]
    assert (await items(service, name, "lines", count=0))[-1]["omitted"] == omitted
    text = await site.get(f"/ui/jobs/{name}", Accept="text/html")
    said = f"{omitted['bytes']:,} bytes after line {first} were left out."
    assert (said in text, "Kept output as text" in text) == (True, True)
    assert "How many lines they had is not known" not in text


async def test_an_output_of_very_many_pieces_is_not_read_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output_collector, "_MAX_BATCHES", 100)
    source = Pieces()
    output, exists = await collect_output(source, 1, 2 * HALF_BYTES)
    assert (source.read, exists, output.is_least) == (101, True, True)
    assert output.size > 0
