"""Lines of an output by number, and the search in all of it."""

from __future__ import annotations

import base64
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fluxapi.contracts import schema
from fluxapi.events.output import kept_lines, line_index, line_scan
from fluxapi.model import jobid
from fluxapi.model.eventlog import Event

from .conftest import Service

ERROR_LINES = json.loads(
    (Path(__file__).parents[2] / "frontend/test/error_lines.json").read_text(encoding="utf-8")
)
"""As frontend/test/error_words.test.js has them, too."""

LOG = {"rank": 0, "level": 3, "message": "exec failed\nfor task 0"}


@pytest.fixture
async def job(service: Service) -> str:
    name = await service.submit()
    service.instance.write(
        jobid.parse(name),
        {"stream": "stdout", "rank": "0", "data": "one\ntwo\nthr"},
        {"stream": "stderr", "rank": "1", "data": "warning: slow\n"},
        {"stream": "stdout", "rank": "1-3", "data": "Two more\n"},
        {"stream": "stdout", "rank": "0", "data": "ee\n\x1b[31mTw\x1b[0mo\n"},
        {"stream": "stdout", "rank": "2", "data": "no end"},
    )
    return name


async def items(service: Service, job: str, what: str, **query: Any) -> list[dict[str, Any]]:
    params = {name: str(value).lower() if value is True else value for name, value in query.items()}
    response = await service.client.get(f"/v1/jobs/{job}/output/{what}", params=params)
    text = await response.text()
    assert response.status == 200, text
    found = [json.loads(line) for line in text.splitlines()]
    for item in found:
        schema.check("output-item", item)
    return [item for item in found if item["type"] != "progress"]


async def numbered(service: Service, job: str, **query: Any) -> list[tuple[int, str]]:
    found = await items(service, job, "lines", **query)
    assert found[-1]["type"] == "end"
    return [(item["line"], item["text"]) for item in found[:-1]]


ALL = [
    (1, "one"),
    (2, "two"),
    (3, "warning: slow"),
    (4, "Two more"),
    (5, "three"),
    (6, "\x1b[31mTw\x1b[0mo"),
    (7, "no end"),
]


async def test_lines_have_numbers_in_the_order_in_which_they_end(
    service: Service, job: str
) -> None:
    assert await numbered(service, job) == ALL
    found = await items(service, job, "lines")
    assert [item.get("open", False) for item in found[:-1]] == [False] * 6 + [True]
    assert found[2] == {
        "type": "line", "line": 3, "source": 0, "index": 2, "timestamp": 1.0,
        "stream": "stderr", "rank": "1", "text": "warning: slow",
    }  # fmt: skip
    assert found[-1] == {
        "type": "end", "reason": "end", "source": 0, "line": 7, "lines": 7, "searched": 56,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"first": 3, "count": 2}, [3, 4]),
        ({"first": 6}, [6, 7]),
        ({"first": 99}, []),
        ({"before": 4, "count": 2}, [2, 3]),
        ({"before": 1}, []),
        ({"before": 99, "count": 3}, [5, 6, 7]),
        ({"at": 3, "count": 1}, [4]),
        ({"at": 4}, [5, 6, 7]),
        ({"count": 0}, []),
        ({"stream": "stderr"}, [3]),
        ({"task": 1}, [3, 4]),
        ({"task": 2, "stream": "stdout"}, [4, 7]),
        ({"task": 0, "first": 2, "count": 2}, [2, 5]),
        ({"task": 0, "before": 6, "count": 2}, [2, 5]),
        ({"stream": "stdout", "before": 99, "count": 2}, [6, 7]),
    ],
)
async def test_a_part_of_the_lines_keeps_their_numbers(
    service: Service, job: str, query: dict[str, Any], numbers: list[int]
) -> None:
    assert await numbered(service, job, **query) == [ALL[number - 1] for number in numbers]


async def test_a_message_of_the_job_shell_is_one_line(service: Service, job: str) -> None:
    service.instance.outputs[jobid.parse(job)].append([Event(2.0, "log", LOG)])
    found = await items(service, job, "lines", first=7)
    # The unfinished line ends after it.
    assert [(item["line"], item["stream"], item["rank"]) for item in found[:-1]] == [
        (7, "stderr", ""),
        (8, "stdout", "2"),
    ]
    assert "exec failed for task 0" in found[0]["text"]


async def test_a_long_line_is_cut(service: Service) -> None:
    name = await service.submit()
    service.instance.write(
        jobid.parse(name), {"stream": "stdout", "data": "x" * 20_000 + "\nend\n"}
    )
    first, second, _ = await items(service, name, "lines")
    assert (len(first["text"]), first["left_out"]) == (16_384, 3_616)
    assert (second["line"], second["text"]) == (2, "end")


async def found_lines(service: Service, job: str, **query: Any) -> list[int]:
    found = await items(service, job, "search", **query)
    assert found[-1]["type"] == "end"
    return [item["line"] for item in found[:-1]]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"q": "two"}, [2, 4, 6]),
        ({"q": "two", "case": True}, [2]),
        ({"q": "two", "after": 2}, [4, 6]),
        ({"q": "two", "task": 2}, [4]),
        ({"q": "two", "limit": 2}, [2, 4]),
        ({"q": "slow", "stream": "stdout"}, []),
        ({"q": "three"}, [5]),
        ({"q": "no END"}, [7]),
        ({"q": "(two|three)"}, []),
        ({"q": "[31m"}, []),
    ],
)
async def test_all_of_the_output_is_searched(
    service: Service, job: str, query: dict[str, Any], numbers: list[int]
) -> None:
    assert await found_lines(service, job, **query) == numbers


async def test_a_match_tells_its_place(service: Service, job: str) -> None:
    match, end = await items(service, job, "search", q="two", after=4)
    assert match == {
        "type": "match", "line": 6, "source": 0, "index": 4, "timestamp": 1.0, "stream": "stdout",
        "rank": "0", "text": "Two", "start": 0, "end": 3, "offset": 0,
    }  # fmt: skip
    assert end == {
        "type": "end", "reason": "end", "source": 0, "line": 7, "lines": 7, "searched": 56,
        "matches": 1,
    }  # fmt: skip


async def test_a_search_stops_at_its_limit_or_counts_on(service: Service, job: str) -> None:
    *_, end = await items(service, job, "search", q="two", limit=1)
    assert (end["reason"], end["lines"], end["matches"]) == ("count", 2, 1)
    first, end = await items(service, job, "search", q="two", limit=1, count=True)
    assert (first["line"], end["reason"], end["matches"]) == (2, "end", 3)


async def test_of_a_long_line_the_part_around_the_match_is_told(service: Service) -> None:
    name = await service.submit()
    text = "x" * 1000 + "needle" + "y" * 1000 + "\n"
    service.instance.write(jobid.parse(name), {"stream": "stdout", "data": text})
    match, _ = await items(service, name, "search", q="needle")
    assert match["text"][match["start"] : match["end"]] == "needle"
    assert (match["offset"] + match["start"], len(match["text"])) == (1000, 400)


async def errors_in(service: Service, *lines: tuple[str, str]) -> list[str]:
    name = await service.submit()
    entries = [{"stream": stream, "data": f"{text}\n"} for stream, text in lines]
    service.instance.write(jobid.parse(name), *entries)
    found = await items(service, name, "search", errors=True)
    return [item["text"] for item in found[:-1]]


async def test_errors_are_found_by_their_words(service: Service) -> None:
    said, harmless = ERROR_LINES["errors"], ERROR_LINES["harmless"]
    wrote = [("stderr", "warning"), *(("stdout", text) for text in [*harmless, *said])]
    assert await errors_in(service, *wrote) == said


async def test_without_such_words_the_first_line_on_stderr_is_the_error(service: Service) -> None:
    remark = "flux-shell: affinity: disabled"
    errors = (" ", remark, "no license", "x")
    wrote = [("stdout", "all is well"), *(("stderr", text) for text in errors)]
    assert await errors_in(service, *wrote) == ["no license"]
    assert await errors_in(service, ("stdout", "all is well")) == []


async def test_bytes_that_are_not_text_are_lines_too(service: Service) -> None:
    name = await service.submit()
    data = base64.b64encode(b"a\xff\nb\n").decode()
    service.instance.write(
        jobid.parse(name), {"stream": "stdout", "data": data, "encoding": "base64"}
    )
    assert await numbered(service, name) == [(1, "a\ufffd"), (2, "b")]


async def test_later_readers_begin_at_a_known_place(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_index, "_MIN_BYTES", 100)
    name = await service.submit()
    number = jobid.parse(name)
    service.instance.outputs[number] = [
        [Event(1.0, "data", {"stream": "stdout", "rank": "0", "data": f"line {each}\n"})]
        for each in range(1, 201)
    ]
    begins: list[int] = []
    plain = service.instance.output

    def output(jobid: int, *, first: int = 0, **more: Any) -> Any:
        begins.append(first)
        return plain(jobid, first=first, **more)

    monkeypatch.setattr(service.instance, "output", output)
    wanted = [(150, "line 150"), (151, "line 151")]
    assert await numbered(service, name, first=150, count=2) == wanted
    assert await numbered(service, name, first=150, count=2) == wanted
    assert await numbered(service, name, at=149, count=2) == wanted
    assert await numbered(service, name, before=152, count=2, stream="stdout") == wanted
    assert begins[0] == 0
    assert all(130 < begin < 150 for begin in begins[1:]), begins


async def test_a_request_ends_at_its_limit_and_says_so(
    service: Service, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_scan, "MAX_SCAN_BYTES", 5)
    for what, query in (("lines", {}), ("search", {"q": "nothing"}), ("search", {"errors": True})):
        *_, end = await items(service, job, what, **query)
        assert end["reason"] == "limit", (what, end)


@pytest.mark.parametrize(
    ("what", "query"),
    [
        ("search", {}),
        ("search", {"q": "a", "errors": "true"}),
        ("search", {"q": "x" * 257}),
        ("search", {"errors": "false"}),
        ("lines", {"first": 1, "before": 2}),
        ("lines", {"count": 5001}),
        ("lines", {"first": 0}),
    ],
)
async def test_an_invalid_request_is_refused(
    service: Service, job: str, what: str, query: dict[str, Any]
) -> None:
    response = await service.client.get(f"/v1/jobs/{job}/output/{what}", params=query)
    assert response.status == 422, await response.text()


async def test_an_unknown_source_or_job_is_404(service: Service, job: str) -> None:
    for path in (f"{job}/output/lines?source=3", "f99/output/lines", "f99/output/search?q=a"):
        response = await service.client.get(f"/v1/jobs/{path}")
        assert response.status == 404, path


async def test_the_whole_output_of_one_task(service: Service, job: str) -> None:
    response = await service.client.get(
        f"/v1/jobs/{job}/output", params={"task": 1}, headers={"Accept": "text/plain"}
    )
    assert await response.text() == "warning: slow\nTwo more\n"
    response = await service.client.get(f"/v1/jobs/{job}/output", params={"task": 0, "tail": 2})
    assert (await response.json())["Output"] == ["three\n", "\x1b[31mTw\x1b[0mo\n"]


async def test_long_lines_before_another_share_a_budget(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_index, "_MIN_BYTES", 1000)
    monkeypatch.setattr(kept_lines, "MIN_BYTES", 2500)
    monkeypatch.setattr(kept_lines, "BUDGET_BYTES", 0)
    name = await service.submit()
    service.instance.outputs[jobid.parse(name)] = [
        [Event(1.0, "data", {"stream": "stdout", "rank": "0", "data": f"{each:500}\n"})]
        for each in range(1, 101)
    ]
    for _ in range(2):
        # The second request knows places, so it reads in many steps.
        found = await items(service, name, "lines", before=101, count=50)
        assert [item["line"] for item in found[:-1]] == [98, 99, 100][-len(found) + 1 :]
        assert found[-1]["reason"] == "limit"
        assert 2 < len(found) < 5
    found = await items(service, name, "lines", before=101, count=2)
    assert found[-1]["reason"] == "count"


def test_many_requests_for_lines_before_others_get_less_each() -> None:
    kept = kept_lines.KeptLines()
    with ExitStack() as stack:
        held = [stack.enter_context(kept.reserve()) for _ in range(200)]
        assert held[0].size == kept_lines.MAX_BYTES
        assert held[-1].size == kept_lines.MIN_BYTES
        assert kept.used <= kept_lines.BUDGET_BYTES + 200 * kept_lines.MIN_BYTES
        held[0].shrink(1000)
    assert kept.used == 0


@pytest.mark.parametrize("odd", [[["stdout"]], {"a": {}}, 7, "x" * 5000], ids=repr)
@pytest.mark.parametrize("member", ["stream", "rank"])
async def test_an_odd_writer_of_a_line_is_no_error(service: Service, member: str, odd: Any) -> None:
    name = await service.submit()
    entry = {"stream": "stdout", "rank": "0", "data": "an error\n", member: odd}
    unfinished = {**entry, "data": "no end"}
    service.instance.write(jobid.parse(name), entry, unfinished)
    for query in ({}, {"stream": "stderr"}, {"task": 1}, {"before": 9}):
        found = await items(service, name, "lines", **query)
        assert all(len(item["stream"] + item["rank"]) < 600 for item in found[:-1])
    found = await items(service, name, "search", errors=True)
    assert [item["type"] for item in found] == ["match", "end"]


async def test_a_match_has_its_place_whatever_letters_precede_it(service: Service) -> None:
    name = await service.submit()
    # In lower case, each of these letters is two.
    line = "\u0130" * 600 + "Error" + "\u0130" * 600
    service.instance.write(jobid.parse(name), {"stream": "stdout", "data": f"{line}\n"})
    for query in ({"q": "eRRor"}, {"q": "\u0130error"}):
        found, _ = await items(service, name, "search", **query)
        assert found["text"][found["start"] : found["end"]].endswith("Error")
