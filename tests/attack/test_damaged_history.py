"""Rows of the history that are damaged: they cost no other job its place."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from types import ModuleType
from typing import Any

import pytest

from fluxapi.archive import ended_job, stored_output
from fluxapi.archive.archive import Archive
from fluxapi.archive.database import FILE_NAME
from fluxapi.archive.ended_job import Detail, pack, unpack
from fluxapi.archive.instance import read_queues
from fluxapi.archive.stored_jobs import read_jobs
from fluxapi.archive.stored_output import StoredOutput, pack_output, unpack_output
from fluxapi.model.jobid import encode_f58
from tests.archive.conftest import archive
from tests.archive.test_archived_service import Client, client
from tests.archive.test_recorder import inactive

__all__ = ["archive", "client"]

LEVELS = 200_000
ONE_ITEM, NOTHING = b"\x91", b"\xc0"
"""An array of one item, and no value, in MessagePack."""


def change(archive: Archive, statement: str) -> None:
    with closing(sqlite3.connect(archive.folder / FILE_NAME)) as database, database:
        database.execute(statement)


@pytest.mark.slow
@pytest.mark.parametrize(
    "value",
    [
        *("'{}'", "x''", "x'7b7b'", "x'5b5d'", "x'7b22ff223a317d'", "x'7b2261223a22ff227d'"),
        """CAST('{"a":1e999}' AS BLOB)""",
        """CAST(json_set(record, '$.t_run', 'x') AS BLOB)""",
        """CAST(json_set(record, '$.name', 7, '$.annotations', 1) AS BLOB)""",
        """CAST(json_remove(record, '$.id') AS BLOB)""",
        """CAST(json_set(record, '$.t_run', 1e308, '$.expiration', -1e15) AS BLOB)""",
        f"""CAST(json_set(record, '$.nnodes', json('{2**63}')) AS BLOB)""",
    ],
)
@pytest.mark.parametrize("output_format", ["ndjson", "csv", "parquet"])
async def test_a_damaged_record_is_made_of_its_columns(
    client: Client, archive: Archive, value: str, output_format: str
) -> None:
    damaged = min(inactive())
    change(archive, f"UPDATE jobs SET record = {value} WHERE id = {damaged}")  # noqa: S608 - constants
    answer = await client.get("/v1/jobs?instance=all")
    jobs = {job["id"]: job for job in (await answer.json())["jobs"]}
    assert set(jobs) == set(map(encode_f58, inactive()))
    record = jobs[encode_f58(damaged)]
    assert record["state"] == "INACTIVE"
    assert record["t_submit"] > 0
    assert record["result"]
    page = await client.get("/ui/history/jobs", headers={"Accept": "text/html"})
    assert page.status == 200
    if output_format == "parquet":
        pytest.importorskip("pyarrow")
    exported = await client.get(f"/v1/history/export?format={output_format}")
    assert exported.status == 200
    content = await exported.read()
    if output_format == "ndjson":
        assert len([json.loads(line) for line in content.splitlines()]) == len(jobs)


@pytest.mark.parametrize("time", ["9e999", "-9e999"])
async def test_an_infinite_time_hides_no_job_of_an_instance_that_is_gone(
    client: Client, archive: Archive, time: str
) -> None:
    facts = f"t_submit = {time}, t_run = {time}, t_cleanup = {time}"
    change(archive, f"UPDATE jobs SET record = x'00', {facts}")  # noqa: S608 - constants
    change(archive, "DELETE FROM details")
    with closing(sqlite3.connect(archive.folder / FILE_NAME)) as database:
        ((instance,),) = database.execute("SELECT key FROM instances").fetchall()
        assert {it.id for it in read_jobs(database, instance, ids=list(inactive()))} == inactive()
    page = await client.get("/ui/history/jobs", headers={"Accept": "text/html"})
    assert page.status == 200


async def test_a_queue_that_is_no_text_is_none_of_an_instance_that_is_gone(
    client: Client, archive: Archive
) -> None:
    del client
    with closing(sqlite3.connect(archive.folder / FILE_NAME)) as database, database:
        ((instance,),) = database.execute("SELECT key FROM instances").fetchall()
        known = read_queues(database, instance)
        database.execute("UPDATE jobs SET queue = x'ff00' WHERE key = (SELECT max(key) FROM jobs)")
        found = read_queues(database, instance)
    assert set(found) <= set(known)


@pytest.mark.parametrize("value", ["'x'", "-1", "1.5", "x'ff'"])
async def test_a_job_without_an_id_is_left_out(
    client: Client, archive: Archive, value: str
) -> None:
    damaged = min(inactive())
    change(archive, f"UPDATE jobs SET id = {value} WHERE id = {damaged}")  # noqa: S608 - constants
    others = set(map(encode_f58, inactive())) - {encode_f58(damaged)}
    for path in ("/v1/jobs?instance=all", "/v1/jobs?history=true", "/v1/history/export"):
        answer = await client.get(path)
        assert answer.status == 200, path
        assert encode_f58(max(inactive())) in await answer.text()
    answer = await client.get("/v1/jobs?instance=all")
    assert {job["id"] for job in (await answer.json())["jobs"]} == others
    page = await client.get("/ui/history/jobs", headers={"Accept": "text/html"})
    assert page.status == 200


@pytest.mark.parametrize("data", [1.5, "x", b"", b"x", 7])
def test_an_output_that_is_no_blob_is_damaged(data: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        unpack_output(data)


def with_levels(packed: bytes, module: ModuleType) -> bytes:
    """Return stored data with a further member, of very many levels."""
    bits, words = module._WINDOW_BITS, module._DICTIONARY
    plain = zlib.decompressobj(bits, words).decompress(packed)
    deflate = zlib.compressobj(-1, zlib.DEFLATED, bits, zdict=words)
    more = bytes([plain[0] + 1]) + plain[1:] + ONE_ITEM * LEVELS + NOTHING
    return deflate.compress(more) + deflate.flush()


def test_data_of_very_many_levels_is_damaged() -> None:
    detail = with_levels(pack(Detail(b"", b"{}", b"{}", ())), ended_job)
    with pytest.raises(ValueError, match="depth"):
        unpack(detail)
    output = with_levels(pack_output(StoredOutput([])), stored_output)
    with pytest.raises(ValueError, match="depth"):
        unpack_output(output)


@pytest.mark.parametrize("output_format", ["csv", "parquet"])
async def test_a_damaged_time_of_a_purge_ends_no_export(
    client: Client, archive: Archive, output_format: str
) -> None:
    if output_format == "parquet":
        pytest.importorskip("pyarrow")
    change(archive, "UPDATE jobs SET purged = x'ff'")
    exported = await client.get(f"/v1/history/export?format={output_format}")
    assert exported.status == 200
    assert await exported.read()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "path"),
    [
        ("UPDATE jobs SET output = 99", "/v1/jobs/{id}/output"),
        ("UPDATE jobs SET t_run = 'x', name = 'x'", "/v1/jobs/{id}/comparison"),
        ("UPDATE details SET data = 'x'", "/v1/jobs/{id}/eventlog"),
        ("UPDATE jobs SET userid = 'x'", "/v1/history/figures?since=0&by=user"),
        ("UPDATE instances SET owner = 'x'", "/v1/history/instances"),
        ("UPDATE jobs SET t_run = 'x', t_cleanup = 'x'", "/v1/nodes/node0/use?since=0"),
    ],
)
async def test_a_value_of_another_type_is_no_error_of_the_service(
    client: Client, archive: Archive, statement: str, path: str
) -> None:
    change(archive, statement)
    answer = await client.get(path.format(id=encode_f58(min(inactive()))))
    assert answer.status != 500
    assert isinstance(await answer.json(), dict)
