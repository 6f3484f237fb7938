"""Output that goes to files, in the client: in front of both instances, and of a broken network."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from aiohttp import web

from fluxapi.client import AsyncClient, BadAnswer, Conflict, NotFound
from tests.running import Service

from .proxy import Proxy

BOTH = (
    "import os; os.write(1, b'one\\ntwo\\n'); os.write(2, b'a\\nb\\xff\\n'); os.write(1, b'no end')"
)


async def test_files_are_read_as_other_output_is(running: Service, tmp_path: Path) -> None:
    async with AsyncClient(running.url) as flux:
        id = await flux.submit(
            [sys.executable, "-c", BOTH],
            cwd=str(tmp_path),
            output=str(tmp_path / "out"),
            error=str(tmp_path / "err"),
        )
        followed = [entry async for entry in flux.follow_output(id)]
        whole = await flux.output(id)
        iterated = [entry async for entry in flux.iter_output(id)]
        for stream, name in (("stdout", "out"), ("stderr", "err")):
            expected = (tmp_path / name).read_bytes()
            for entries in (followed, whole.entries, iterated):
                assert b"".join(e.raw for e in entries if e.stream == stream) == expected
            pieces = [piece async for piece in flux.download(id, stream=stream)]
            assert b"".join(pieces) == expected
        files = [entry for entry in followed if entry.name == "file"]
        assert {entry.path for entry in files} == {str(tmp_path / "out"), str(tmp_path / "err")}
        assert {entry.context["read"] for entry in files} == {"local"}
        # Each file has a tail of its own.
        tail = await flux.output(id, tail=1)
        assert (tail.stdout, tail.stderr) == ("no end", "b\ufffd\n")


async def test_a_stream_without_a_file_cannot_be_downloaded(running: Service) -> None:
    async with AsyncClient(running.url) as flux:
        id = await flux.submit("true")
        await flux.wait(id)
        with pytest.raises(NotFound, match="does not go to a file"):
            await anext(flux.download(id))


class Site:
    """A file that is served, and what is asked of it."""

    def __init__(self) -> None:
        self.data = bytes(range(256)) * 4096
        self.tag = '"1"'
        self.ranges: list[str] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        wanted = request.headers.get("Range", "")
        self.ranges.append(wanted)
        headers = {"ETag": self.tag}
        if wanted and request.headers["If-Range"] == self.tag:
            (begin,) = map(int, re.findall(r"\d+", wanted))
            return web.Response(status=206, body=self.data[begin:], headers=headers)
        return web.Response(body=self.data, headers=headers)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def address(site: Site, aiohttp_server: object) -> str:
    app = web.Application()
    app.router.add_get("/v1/jobs/f1/files/stdout", site.serve)
    server = await aiohttp_server(app)  # type: ignore[operator] # a fixture of pytest-aiohttp
    return str(server.make_url("")).rstrip("/")


async def test_a_download_resumes_where_it_was_cut(site: Site, address: str) -> None:
    async with Proxy(address) as proxy, AsyncClient(proxy.url) as flux:
        found = b""
        async for piece in flux.download("f1"):
            if not found:
                proxy.cut()
            found += piece
    assert found == site.data
    assert site.ranges[0] == ""
    assert all(re.fullmatch(r"bytes=\d+-", wanted) for wanted in site.ranges[1:])


async def test_a_file_that_changes_between_two_pieces_is_no_file(site: Site, address: str) -> None:
    async with Proxy(address) as proxy, AsyncClient(proxy.url) as flux:

        async def read() -> None:
            async for _ in flux.download("f1"):
                site.tag = '"2"'
                proxy.cut()

        with pytest.raises(Conflict, match="has changed while"):
            await read()


async def test_an_answer_without_a_size_is_refused(aiohttp_server: object) -> None:
    async def chunked(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b"x")
        return response

    app = web.Application()
    app.router.add_get("/v1/jobs/f1/files/stdout", chunked)
    server = await aiohttp_server(app)  # type: ignore[operator] # as above
    async with AsyncClient(str(server.make_url("")).rstrip("/")) as flux:
        with pytest.raises(BadAnswer, match="does not state its size"):
            await anext(flux.download("f1"))
