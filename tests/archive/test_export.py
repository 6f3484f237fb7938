"""The export of stored jobs: every match once, in each format, for any reader of it."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import json
import re
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from fluxapi.archive.archive import Archive
from fluxapi.archive.export import COLUMNS, CsvExport, JsonExport, values_of
from fluxapi.archive.query import ArchivedJob
from fluxapi.client import AsyncClient, ConnectionFailed
from fluxapi.events.output.tails import Tails
from fluxapi.handlers import history_export
from fluxapi.model.eventlog import Resync
from fluxapi.model.job import Job
from fluxapi.model.record import encode
from fluxapi.table.query import JobQuery
from tests import recording
from tests.cli.program import Program
from tests.handlers.conftest import Start, start
from tests.running import service as run
from tests.waiting import block_until

from .stage import Stage
from .test_archived_service import Client, client
from .test_recorder import inactive

__all__ = ["client", "start"]

FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "a;=1", "a\n=1", "\uff1d1", "ok",
    "", "a-b", "node[1,3-5]", '"quoted", "=1"', " =1", "\ufeff=1", "a;\u200b@1", "a b - c",
]  # fmt: skip


def test_long_texts_of_a_table_are_not_kept() -> None:
    export = CsvExport()
    tracemalloc.start()
    try:
        for number in range(500):
            export.add([job(cwd=f"/{number}" + "x" * 4000)])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


def job(**members: Any) -> ArchivedJob:
    record = {"id": "f1", "history": {"instance": "one", "path": ""}, **members}
    return ArchivedJob(1, 1, json.dumps(record).encode())


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


async def records(client: Client) -> list[dict[str, Any]]:
    listing = await (await client.get("/v1/jobs?instance=all")).json()
    found: list[dict[str, Any]] = listing["jobs"]
    return found


@pytest.fixture(params=[1, 7, 1000])
def page_jobs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(history_export, "_PAGE_JOBS", request.param)
    size: int = request.param
    return size


@pytest.mark.usefixtures("page_jobs")
async def test_lines_of_json_are_the_records(client: Client) -> None:
    answer = await client.get("/v1/history/export")
    assert answer.content_type == "application/x-ndjson"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="jobs.ndjson"'
    lines = (await answer.read()).splitlines()
    assert [json.loads(line) for line in lines] == await records(client)
    assert len(lines) == len(inactive())


@pytest.mark.usefixtures("page_jobs")
async def test_csv_has_the_columns_of_each_job(client: Client) -> None:
    answer = await client.get("/v1/history/export?format=csv")
    assert answer.content_type == "text/csv"
    found = rows(await answer.read())
    expected = await records(client)
    assert [row["id"] for row in found] == [record["id"] for record in expected]
    assert list(found[0]) == [column.name for column in COLUMNS]
    for row, record in zip(found, expected, strict=True):
        for member in ("name", "result", "nodelist", "queue", "cwd"):
            assert row[member] == record.get(member, "")
        assert (float(row["runtime"]) if row["runtime"] else None) == record.get("runtime")
        for member in ("t_submit", "t_run", "t_inactive"):
            assert bool(row[member]) == (member in record)
            if row[member]:
                assert row[member].endswith("Z")
                seconds = dt.datetime.fromisoformat(row[member].replace("Z", "+00:00")).timestamp()
                assert seconds == pytest.approx(record[member], abs=1e-6)
        assert row["exception_type"] == (record["exception"].get("type") or "")


async def test_parquet_has_the_same_columns(client: Client, page_jobs: int) -> None:
    pytest.importorskip("pyarrow")
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    answer = await client.get("/v1/history/export?format=parquet")
    assert answer.content_type == "application/vnd.apache.parquet"
    table = parquet.read_table(io.BytesIO(await answer.read())).to_pylist()
    expected = await records(client)
    assert [row["id"] for row in table] == [record["id"] for record in expected]
    for row, record in zip(table, expected, strict=True):
        assert row["returncode"] == record.get("returncode")
        assert row["t_submit"].timestamp() == pytest.approx(record["t_submit"], abs=1e-6)
        assert row["ncores"] == record.get("ncores")
    del page_jobs


async def test_parquet_is_written_in_groups_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    from fluxapi.archive import export_parquet  # noqa: PLC0415 - it needs pyarrow

    monkeypatch.setattr(export_parquet, "_GROUP_ROWS", 4)
    made = export_parquet.ParquetExport()
    parts = [made.begin(), *(made.add([job(userid=n), job()]) for n in range(5)), made.end()]
    assert [bool(part) for part in parts[1:-1]] == [False, True, False, True, False]
    file = parquet.ParquetFile(io.BytesIO(b"".join(parts)))
    assert (file.num_row_groups, file.metadata.num_rows) == (3, 10)


async def test_a_group_of_rows_has_a_limited_size(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    from fluxapi.archive import export_parquet  # noqa: PLC0415 - it needs pyarrow

    monkeypatch.setattr(export_parquet, "_GROUP_BYTES", 10_000)
    made = export_parquet.ParquetExport()
    made.begin()
    parts = [made.add([job(exception={"note": "x" * 4096})]) for _ in range(6)]
    assert [bool(part) for part in parts] == [False, False, True] * 2
    made.end()


async def test_one_client_makes_few_files_of_parquet_at_once(
    client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    begun, may_end, export = asyncio.Semaphore(0), asyncio.Event(), history_export._export

    async def slow(*arguments: Any) -> Any:
        begun.release()
        await may_end.wait()
        return await export(*arguments)

    monkeypatch.setattr(history_export, "_export", slow)
    path = "/v1/history/export?format=parquet"
    first = [asyncio.create_task(client.get(path)) for _ in range(2)]
    for _ in first:
        await begun.acquire()
    refused = await client.get(path)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
    may_end.set()
    answers = await asyncio.gather(*first, client.get(path.replace("parquet", "csv")))
    assert [answer.status for answer in answers] == [200] * 3
    for answer in answers:
        await answer.read()
    assert (await client.get(path)).status == 200
    assert not archive.parquet_exports.used


async def test_bytes_that_a_client_has_not_received_count(
    client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await (await client.get("/v1/history/export")).read()
    monkeypatch.setattr(history_export, "_PIECE_BYTES", 100)
    tails = Tails()
    reader = tails.reader("client")
    pieces = history_export._pieces(archive.reader, JsonExport(), JobQuery(), None, reader)
    assert not await anext(pieces)
    parts = [await anext(pieces)]
    assert tails._kept.used == len(whole)
    parts.append(await anext(pieces))
    assert (tails._kept.used, reader.unsent_bytes) == (len(whole) - 100, len(whole) - 100)
    parts += [part async for part in pieces]
    assert b"".join(parts) == whole
    assert not tails._kept.used


def test_arrow_keeps_no_memory_of_a_file_that_is_made() -> None:
    arrow: Any = pytest.importorskip("pyarrow")
    from fluxapi.archive import export_parquet  # noqa: PLC0415 - it needs pyarrow

    export_parquet.ParquetExport()
    assert arrow.default_memory_pool().backend_name == "system"


async def test_without_pyarrow_it_says_what_to_install(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    answer = await client.get("/v1/history/export?format=parquet")
    assert answer.status == 501
    assert "pip install 'fluxapi[parquet]'" in (await answer.json())["detail"]


async def test_filters_are_those_of_a_list(client: Client) -> None:
    for query in ("result=FAILED", "result=FAILED,CANCELED", "user=nobody", "name=*", "since=0"):
        listed = (await (await client.get(f"/v1/jobs?instance=all&{query}")).json())["jobs"]
        lines = (await (await client.get(f"/v1/history/export?{query}")).read()).splitlines()
        assert [json.loads(line) for line in lines] == listed, query
    answer = await client.get("/v1/history/export?format=xlsx")
    assert answer.status == 422


async def test_the_instance_can_be_chosen(client: Client, archive: Archive) -> None:
    stage = await Stage.open(archive, name="f" * 20)
    stage.feed([Resync(), *recording.backlog()])
    await stage.settle()
    await stage.aclose()
    for query, times in (("", 1), ("?instance=all", 2), (f"?instance={'f' * 20}", 1)):
        lines = (await (await client.get(f"/v1/history/export{query}")).read()).splitlines()
        assert len(lines) == times * len(inactive()), query


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_becomes_a_formula(text: str) -> None:
    made = CsvExport()
    data = made.begin() + made.add([job(name=text, returncode=-15)])
    (row,) = rows(data)
    # Some spreadsheets take other separators than a comma.
    cells = [
        cell.strip('" \ufeff\u200b') for it in row["name"].split(";") for cell in it.splitlines()
    ]
    assert not [cell for cell in cells if cell[:1] in set("=+-@\uff1d")]
    assert row["name"].replace("'", "") == text
    assert row["returncode"] == "-15"
    harmless = text in {"ok", "", "a-b", "node[1,3-5]", '"quoted", "=1"', "a b - c"}
    assert (row["name"] == text) == harmless


def test_every_column_is_a_member_of_a_record() -> None:
    members = {"history": {"instance": "one", "path": "p", "purged": 3.5}}
    members["exception"] = {"type": "t", "note": "n"}
    for column in COLUMNS:
        if "." not in column.member:
            members[column.member] = {"text": "x", "integer": 7}.get(column.kind, 1.5)  # type: ignore[assignment]
    assert None not in values_of(job(**members))
    schema = json.loads(Path("schemas/job.json").read_text(encoding="utf-8"))
    assert {column.member.split(".")[0] for column in COLUMNS} <= set(schema["properties"])


def test_past_jobs_of_one_request_keep_their_numbers() -> None:
    made = CsvExport()
    records = [encode(Job(1, state="INACTIVE", name="mc", cc=number)) for number in ("13", "")]
    data = made.begin() + made.add([ArchivedJob(1, 1, record) for record in records])
    assert [(row["name"], row["cc"]) for row in rows(data)] == [("mc", "13"), ("mc", "")]


def test_the_guide_names_the_columns() -> None:
    text = Path("docs/history.md").read_text(encoding="utf-8")
    paragraph = text[text.index("The columns are") :].partition("\n\n")[0]
    assert re.findall("`([a-z_]+)`", paragraph) == [column.name for column in COLUMNS]


async def test_a_damaged_job_ends_the_export(
    client: Client, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_export, "_PAGE_JOBS", 1)

    def damaged(_: JsonExport, jobs: list[ArchivedJob]) -> bytes:
        if jobs[0].id == min(inactive()):
            raise ValueError("cut")
        return b"x" * 100_000

    monkeypatch.setattr(JsonExport, "add", damaged)
    async with AsyncClient(str(client.make_url("/")), retries=0) as flux:
        with pytest.raises(ConnectionFailed, match="interrupted"):
            async for _ in flux.export_jobs():
                pass
    del archive


async def test_the_client_gets_the_file(client: Client) -> None:
    async with AsyncClient(str(client.make_url("/"))) as flux:
        found = b"".join([piece async for piece in flux.export_jobs("csv", result="FAILED")])
    assert {row["result"] for row in rows(found)} == {"FAILED"}


async def test_a_service_without_a_history_says_so(start: Start) -> None:
    service = await start()
    answer = await service.client.get("/v1/history/export")
    assert answer.status == 501
    assert "--statedir" in (await answer.json())["detail"]


@pytest.mark.slow
def test_the_command_writes_a_file_once_it_is_complete(tmp_path: Path) -> None:
    with run("--instance", "embedded", FLUXAPI_STATEDIR=str(tmp_path / "state")) as service:
        command = Program(service.url, tmp_path)
        ids = [command.submit("--job-name=kept", "true"), command.submit("false")]
        for jobid in ids:
            command("wait", jobid)
        block_until(lambda: len(command.ok("history", "export").splitlines()) == len(ids))
        path = tmp_path / "jobs.csv"
        command.ok("history", "export", "-o", str(path))
        assert {row["id"] for row in rows(path.read_bytes())} == set(ids)
        assert command.ok("history", "export", "--format=csv").encode() == path.read_bytes()
        out = command.ok("history", "export", "--name", "kept", "--filter=completed")
        assert [json.loads(line)["id"] for line in out.splitlines()] == ids[:1]
        before = sorted(tmp_path.iterdir())
        failed = command("history", "export", "-o", str(path), "--archive-instance", "no ID")
        assert failed.status == 1
        assert sorted(tmp_path.iterdir()) == before
        assert {row["id"] for row in rows(path.read_bytes())} == set(ids)
        missing = command("history", "export", "-o", str(tmp_path / "no" / "file"))
        assert "No such file or directory" in missing.err
        service.end()
