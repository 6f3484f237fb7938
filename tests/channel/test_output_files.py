"""Output that goes to files: what the service shows of it is what ``cat`` prints."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from .site import Site

HARD = (
    b"one\na\xff\xfe\n\0b\r\nx\xe2\x80\xa8y\xc2\x85z\n\xf0\x9f\xa5\x9e"
    + b"q" * 200_000
    + b"\nno end"
)
"""Bytes that are not UTF-8, NUL, characters that only some take for newlines, a long line."""

TIMEOUT = 60.0


class Place:
    """A service, and the jobs of a test."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.folder = folder
        self.session = site.session
        self.url = site.url.rstrip("/")

    async def submit(self, script: str, tasks: int = 1, **output: Any) -> str:
        """Submit a job that runs *script* in the folder; *output* are its output options."""
        slot = {
            "type": "slot",
            "count": tasks,
            "label": "task",
            "with": [{"type": "core", "count": 1}],
        }
        jobspec = {
            "version": 1,
            "resources": [slot],
            "tasks": [{"command": ["sh", "-c", script], "slot": "task", "count": {"per_slot": 1}}],
            "attributes": {
                "system": {
                    "duration": 0,
                    "cwd": str(self.folder),
                    "shell": {"options": {"output": output}},
                }
            },
        }
        async with self.session.post(f"{self.url}/v1/jobs", json={"jobspec": jobspec}) as answer:
            assert answer.status == 201, await answer.text()
            jobid: str = (await answer.json())["id"]
            return jobid

    async def run(self, script: str, **options: Any) -> str:
        """Return a job that has ended."""
        jobid = await self.submit(script, **options)
        await self.wait(jobid)
        return jobid

    async def wait(self, jobid: str) -> None:
        async with self.session.get(f"{self.url}/v1/jobs/{jobid}/wait?timeout=60") as answer:
            assert (await answer.json())["result"] == "COMPLETED"

    async def get(self, path: str, accept: str = "*/*", **headers: str) -> tuple[int, bytes]:
        async with self.session.get(
            f"{self.url}/v1/jobs/{path}", headers={"Accept": accept, **headers}
        ) as answer:
            return answer.status, await answer.read()

    async def document(self, path: str) -> dict[str, Any]:
        status, body = await self.get(path)
        assert status == 200, body
        document: dict[str, Any] = json.loads(body)
        return document


@pytest.fixture
def place(site: Site, tmp_path: Path) -> Place:
    return Place(site, tmp_path)


def file(path: str, **more: Any) -> dict[str, Any]:
    return {"type": "file", "path": path, **more}


async def hard_job(place: Place) -> str:
    (place.folder / "in").write_bytes(HARD)
    return await place.run("cat in", stdout=file("out-{{id}}.txt"))


async def test_the_whole_output_is_what_cat_prints(place: Place) -> None:
    jobid = await hard_job(place)
    assert await place.get(f"{jobid}/output", "application/octet-stream") == (200, HARD)
    document = await place.document(f"{jobid}/output")
    text = HARD.decode("utf-8", "replace")
    assert "".join(document["Output"]) == text
    assert document["Output"][-1] == "no end"
    (path,) = map(str, place.folder.glob("out-*"))
    shown = [(r["stream"], r["path"], r["read"]) for r in document["redirects"]]
    assert shown == [("stdout", path, "local"), ("stderr", path, "local")]
    assert {r["host"] for r in document["redirects"]} == {socket.gethostname()}


async def test_the_tail_is_what_tail_prints(place: Place) -> None:
    jobid = await place.run("seq 9; printf 'a\\0b\\r\\n\\377\\nend'", stdout=file("out"))
    lines = (place.folder / "out").read_bytes().split(b"\n")
    for count in (0, 1, 2, 3, 100):
        status, body = await place.get(f"{jobid}/output?tail={count}", "application/octet-stream")
        assert status == 200
        assert body == (b"\n".join(lines[-count:]) if count else b"")


async def test_the_entries_hold_all_bytes(place: Place) -> None:
    jobid = await hard_job(place)
    _, body = await place.get(f"{jobid}/output", "application/x-ndjson")
    entries = [json.loads(line) for line in body.splitlines()]
    data = b"".join(
        base64.b64decode(entry["context"]["data"])
        if "encoding" in entry["context"]
        else entry["context"]["data"].encode()
        for entry in entries
        if entry["name"] == "data" and "data" in entry["context"]
    )
    assert data == HARD


async def test_each_stream_may_have_a_file(place: Place) -> None:
    jobid = await place.run("echo out; echo err >&2", stdout=file("a"), stderr=file("b"))
    for stream, body in (("stdout", b"out\n"), ("stderr", b"err\n")):
        path = f"{jobid}/output?stream={stream}"
        assert await place.get(path, "application/octet-stream") == (200, body)
        assert (await place.get(f"{jobid}/files/{stream}"))[1] == body
    assert (await place.document(f"{jobid}/output"))["Output"] == ["out\n", "err\n"]


async def test_one_stream_may_go_to_a_file(place: Place) -> None:
    jobid = await place.run("echo out; echo err >&2", stderr=file("b"))
    assert sorted((await place.document(f"{jobid}/output"))["Output"]) == ["err\n", "out\n"]
    assert (await place.document(f"{jobid}/output?stream=stderr"))["Output"] == ["err\n"]
    status, body = await place.get(f"{jobid}/files/stdout")
    assert status == 404
    assert "does not go to a file" in json.loads(body)["detail"]


async def test_both_streams_in_one_file_are_read_once(place: Place) -> None:
    jobid = await place.run("echo out; echo err >&2", stdout=file("a"))
    content = (place.folder / "a").read_bytes()
    assert len(content) == 8
    for query in ("", "?stream=stdout", "?stream=stderr"):
        path = f"{jobid}/output{query}"
        assert await place.get(path, "application/octet-stream") == (200, content)


async def test_a_job_is_followed_while_it_writes(place: Place) -> None:
    script = "echo begun; until [ -e go ]; do sleep 0.1; done; printf end"
    jobid = await place.submit(script, stdout=file("a"), stderr=file("b"))
    address = f"{place.url}/v1/jobs/{jobid}/output/stream"
    headers = {"Accept": "application/octet-stream"}
    async with place.session.get(address, headers=headers) as answer:
        assert await asyncio.wait_for(answer.content.readexactly(6), TIMEOUT) == b"begun\n"
        (place.folder / "go").touch()
        assert await asyncio.wait_for(answer.content.read(), TIMEOUT) == b"end"


async def events_of(answer: aiohttp.ClientResponse, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Return the ID and the data of so many events of output, or all to the end."""
    found: list[tuple[str, dict[str, Any]]] = []
    fields: dict[str, str] = {}
    async for line in answer.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
            continue
        if fields.get("event") == "end":
            break
        if fields.get("event") == "output":
            found.append((fields.get("id", ""), json.loads(fields["data"])))
            if len(found) == count:
                break
        fields = {}
    return found


@pytest.mark.parametrize("seen", [3, 4, 5, 6])
async def test_a_stream_resumes_after_any_entry(place: Place, seen: int) -> None:
    jobid = await place.run("seq 20000; seq 9 >&2", stdout=file("a"), stderr=file("b"))
    address = f"{place.url}/v1/jobs/{jobid}/output/stream"
    headers = {"Accept": "text/event-stream"}
    async with place.session.get(address, headers=headers) as answer:
        whole = await asyncio.wait_for(events_of(answer, -1), TIMEOUT)
    async with place.session.get(address, headers=headers) as answer:
        begin = await asyncio.wait_for(events_of(answer, seen), TIMEOUT)
    headers["Last-Event-ID"] = begin[-1][0]
    async with place.session.get(address, headers=headers) as answer:
        rest = await asyncio.wait_for(events_of(answer, -1), TIMEOUT)
    for stream, name in (("stdout", "a"), ("stderr", "b")):
        for entries in (whole, begin + rest):
            texts = [e.get("data", "") for _, e in entries if e.get("stream") == stream]
            assert "".join(texts) == (place.folder / name).read_text()
    assert len({e["index"] for _, e in begin + rest}) == len(begin + rest)


async def test_a_range_of_the_file_is_downloaded(place: Place) -> None:
    jobid = await hard_job(place)
    path = f"{jobid}/files/stdout"
    assert await place.get(path) == (200, HARD)
    for text, wanted in (
        ("0-0", HARD[:1]),
        ("5-9", HARD[5:10]),
        ("-7", HARD[-7:]),
        ("9-", HARD[9:]),
    ):
        assert await place.get(path, Range=f"bytes={text}") == (206, wanted)
    # The last 0 bytes are no bytes (RFC 9110, 14.1.2).
    assert (await place.get(path, Range="bytes=-0"))[0] == 416
    status, _ = await place.get(path, Range=f"bytes={len(HARD)}-")
    assert status == 416
    assert await place.get(path, Range="bytes=9-3") == (200, HARD)
    async with place.session.get(f"{place.url}/v1/jobs/{path}") as answer:
        tag = answer.headers["ETag"]
        assert answer.headers["Content-Length"] == str(len(HARD))
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert (await place.get(path, **{"If-None-Match": tag}))[0] == 304
    assert await place.get(path, Range="bytes=0-1", **{"If-Range": tag}) == (206, HARD[:2])
    assert await place.get(path, Range="bytes=0-1", **{"If-Range": '"x"'}) == (200, HARD)


async def test_a_job_that_waits_has_no_file_yet(place: Place) -> None:
    secret = place.folder / "secret"
    secret.write_text("a secret\n")
    slot = {"type": "slot", "count": 1, "label": "task", "with": [{"type": "core", "count": 1}]}
    jobspec = {
        "version": 1,
        "resources": [slot],
        "tasks": [{"command": ["true"], "slot": "task", "count": {"per_slot": 1}}],
        "attributes": {
            "system": {
                "duration": 0,
                "shell": {"options": {"output": {"stdout": file(str(secret))}}},
            }
        },
    }
    body = {"jobspec": jobspec, "urgency": 0}
    async with place.session.post(f"{place.url}/v1/jobs", json=body) as answer:
        jobid = (await answer.json())["id"]
    assert "Message" in await place.document(f"{jobid}/output")
    assert (await place.get(f"{jobid}/files/stdout"))[0] == 404
    assert secret.read_text() == "a secret\n"
