"""Files that a job names for its output: they show nothing that the reader may not read."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fluxapi.contracts.rights import RIGHTS, Right, includes
from fluxapi.model import jobid
from fluxapi.model.eventlog import Event
from fluxapi.process import file_piece
from fluxapi.security.credentials import Credentials
from fluxapi.security.principal import Principal
from tests.events.output_files import JOB, Writer, bytes_of, notice_of, to_file
from tests.handlers.conftest import Service, Start, start

__all__ = ["start"]

SECRET = "the private key of the owner"
ACCEPTS = ("application/json", "text/plain", "application/x-ndjson", "application/octet-stream")
STREAMS = ("text/plain", "text/event-stream", "application/x-ndjson", "application/octet-stream")


@pytest.fixture
async def service(start: Start, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr("socket.gethostname", lambda: "node0")
    return await start(require_auth=True, user="ada", token="s3cret")


def hold(monkeypatch: pytest.MonkeyPatch, right: Right) -> None:
    """Let every request have a right."""

    async def check(_self: Credentials, _request: web.Request) -> Principal:
        return Principal("ada", right)

    monkeypatch.setattr(Credentials, "check", check)


async def job_that_writes(service: Service, path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a job that has ended, and whose output went to a file."""
    hold(monkeypatch, "admin")
    output = {"output": {"stdout": to_file(str(path))}}
    name = await service.submit(option_flags=output)
    known = jobid.parse(name)
    contexts = [
        {"stream": stream, "rank": "[0-0]", "path": str(path)} for stream in ("stdout", "stderr")
    ]
    service.instance.outputs[known] = [
        [Event(0.0, "header", {"version": 1}), *(Event(1.0, "redirect", c) for c in contexts)]
    ]
    service.instance.finish(known)
    answer = await service.client.get(f"/v1/jobs/{name}/wait")
    assert (await answer.json())["state"] == "INACTIVE"
    return name


@pytest.mark.parametrize("right", RIGHTS)
async def test_a_file_is_read_by_those_who_may_run_programs(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: Right
) -> None:
    path = tmp_path / "id_rsa"
    path.write_text(SECRET)
    name = await job_that_writes(service, path, monkeypatch)
    hold(monkeypatch, right)
    may_read = includes(right, "submit")
    requests = [(f"output{query}", kind) for query in ("", "?tail=5") for kind in ACCEPTS]
    requests += [("output/stream", kind) for kind in STREAMS]
    for place, kind in requests:
        answer = await service.client.get(f"/v1/jobs/{name}/{place}", headers={"Accept": kind})
        assert answer.status == 200
        assert (SECRET in await answer.text()) is may_read, (place, kind)
    answer = await service.client.get(f"/v1/jobs/{name}/files/stdout")
    assert answer.status == (200 if may_read else 403)
    async with service.client.ws_connect("/v1/events/ws", protocols=["flux-events.v1"]) as socket:
        wanted = {"type": "subscribe", "sub": "o", "stream": "output", "job": name}
        await socket.send_json(wanted)
        texts = ""
        async for message in socket:
            texts += message.data
            if json.loads(message.data)["type"] == "end":
                break
        assert (SECRET in texts) is may_read
        assert ("needs the scope submit" in texts) is not may_read
    line = {"subscriptions": [wanted]}
    async with service.client.post("/v1/events", json=line) as stream:
        found = b""
        while b'"type":"end"' not in found:
            found += await asyncio.wait_for(stream.content.readany(), 30)
        assert (SECRET.encode() in found) is may_read


async def test_a_smaller_right_ends_a_socket_that_may_show_files(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(monkeypatch, "submit")
    monkeypatch.setattr(Credentials, "check_access", lambda *_: Principal("ada", "view"))
    async with service.client.ws_connect("/v1/events/ws", protocols=["flux-events.v1"]) as socket:
        await socket.send_json({"type": "auth", "token": "x"})
        message = await socket.receive(timeout=30)
        assert message.data == 4401


async def test_a_job_of_another_user_shows_no_file(tmp_path: Path) -> None:
    writer = Writer(tmp_path, stdout=to_file("out"))
    (tmp_path / "out").write_text(SECRET)
    writer.redirect("out")
    assert writer.table.job is not None
    writer.table.job.userid = os.geteuid() + 1
    notice = await notice_of((await writer.source()).output(JOB))
    assert notice["unread"].startswith("The job belongs to another user.")


async def test_a_service_of_another_user_shows_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path, stdout=to_file("out"))
    (tmp_path / "out").write_text(SECRET)
    writer.redirect("out")
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    notice = await notice_of((await writer.source()).output(JOB))
    assert notice["unread"].startswith("The service does not run as the owner")


@pytest.mark.parametrize("named", ["out", "{{tmpdir}}/out", "{{id}}"])
async def test_a_job_writes_another_path_into_its_eventlog(tmp_path: Path, named: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    writer = Writer(tmp_path, stdout=to_file(named))
    writer.redirect(str(secret))
    for source in await writer.files.sources(JOB, None, may_read=True) or ():
        notice = await notice_of(source.output(JOB))
        assert "is not the one that the jobspec names" in notice["unread"]
        assert await bytes_of(source.output(JOB)) == b""


async def test_a_job_that_has_not_begun_shows_no_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    writer = Writer(tmp_path, stdout=to_file("secret"))
    writer.entries = []
    assert await writer.files.sources(JOB, None, may_read=True) is None
    writer.end()
    assert await writer.files.sources(JOB, None, may_read=True) == []


def _swap(path: Path, kind: str) -> None:
    path.unlink()
    if kind == "link":
        secret = path.parent / "secret"
        secret.write_text(SECRET)
        path.symlink_to(secret)
    elif kind == "environment":
        path.symlink_to("/proc/self/environ")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()


@pytest.mark.parametrize("kind", ["link", "environment", "pipe", "device", "folder", "gone"])
async def test_a_job_puts_something_else_in_place_of_its_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    path.write_text("out\n")
    writer = Writer(tmp_path, stdout=to_file("out"))
    writer.redirect("out")
    writer.end()
    source = await writer.source()
    _swap(path, kind)
    assert "unread" in await asyncio.wait_for(notice_of(source.output(JOB)), 30)
    assert await asyncio.wait_for(bytes_of(source.output(JOB)), 30) == b""


@pytest.mark.parametrize("path", ["/proc/self/environ", "/proc/self/mem", "/sys/kernel/notes"])
async def test_files_of_the_kernel_are_not_shown(tmp_path: Path, path: str) -> None:
    writer = Writer(tmp_path, stdout=to_file(path))
    writer.redirect(path)
    source = await writer.source()
    notice = await notice_of(source.output(JOB))
    assert "unread" in notice
    assert await bytes_of(source.output(JOB)) == b""


async def test_files_below_a_link_to_the_kernel_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "d").symlink_to("/proc/self")
    writer = Writer(tmp_path, stdout=to_file("d/environ"))
    writer.redirect("d/environ")
    notice = await notice_of((await writer.source()).output(JOB))
    assert notice["unread"] == "It is on a file system of the kernel (proc)."


@pytest.mark.parametrize(
    "jobspec",
    ["{", "[]", "7", '{"attributes":{"system":{"shell":{"options":{"output":[1]}}}}}', "[" * 9999],
)
async def test_a_jobspec_that_makes_no_sense_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobspec: str
) -> None:
    writer = Writer(tmp_path)
    writer.redirect("out")
    lookup = writer.lookup

    async def odd(known: int, key: str) -> str:
        return jobspec if key == "jobspec" else await lookup(known, key)

    monkeypatch.setattr(writer, "lookup", odd)
    for source in await writer.files.sources(JOB, None, may_read=True) or ():
        assert (await notice_of(source.output(JOB)))["unread"]


async def test_a_name_that_breaks_headers_breaks_none(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'a"b\r\nSet-Cookie: x=y; ü 🥞'
    path.write_text("out\n")
    name = await job_that_writes(service, path, monkeypatch)
    answer = await service.client.get(f"/v1/jobs/{name}/files/stdout")
    assert await answer.text() == "out\n"
    assert "Set-Cookie" not in answer.headers
    disposition: Any = answer.content_disposition
    assert disposition.filename == path.name


@pytest.mark.parametrize("seconds", [-(2**60), -1, 10**12, 2**62])
async def test_a_file_of_any_time_is_read(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    (tmp_path / "out").write_text("out\n")
    name = await job_that_writes(service, tmp_path / "out", monkeypatch)
    read = file_piece.read_piece

    def read_old(wanted: file_piece.Wanted) -> file_piece.Piece:
        # Not every file system keeps such a time.
        return read(wanted)._replace(mtime=seconds * 10**9)

    monkeypatch.setattr("fluxapi.events.output.file_reader.read_piece", read_old)
    answer = await service.client.get(f"/v1/jobs/{name}/files/stdout")
    assert (answer.status, await answer.text()) == (200, "out\n")
    accept = {"Accept": "application/x-ndjson"}
    answer = await service.client.get(f"/v1/jobs/{name}/output", headers=accept)
    entries = [json.loads(line) for line in (await answer.text()).splitlines()]
    assert 0 <= entries[-1]["timestamp"] <= 1e11


async def test_a_file_that_shrinks_breaks_the_download_off(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"x" * (32 << 20))
    name = await job_that_writes(service, path, monkeypatch)
    answer = await service.client.get(f"/v1/jobs/{name}/files/stdout")
    await answer.content.readany()
    path.write_bytes(b"")
    with pytest.raises(Exception, match=r"payload|Connection|closed"):
        await answer.read()


async def test_the_files_of_many_jobs_are_not_kept(tmp_path: Path) -> None:
    # A job can have a thousand files, each with a path of kilobytes.
    writer = Writer(tmp_path, stdout=to_file("{{taskid}}"), stderr={"type": "kvs"})
    writer.redirect(str(tmp_path / "{{taskid}}"), "stdout", ranks="0-1023")
    job = writer.table.job
    writer.table.get = lambda jobid: job  # type: ignore[method-assign] # noqa: ARG005
    for number in range(8):
        found = await writer.files.sources(JOB + number, None, may_read=True)
        assert found is not None
        assert len(found) == 1024
    assert sum(map(len, writer.files._kept.values())) <= 4096
    assert list(writer.files._kept)[-1] == JOB + 7


async def test_a_long_working_directory_is_not_repeated_for_each_file(tmp_path: Path) -> None:
    # The job shell runs a job whose directory does not exist in /tmp.
    writer = Writer(tmp_path, stdout=to_file("{{taskid}}"), stderr={"type": "kvs"})
    writer.jobspec["attributes"]["system"]["cwd"] = "/" + "d" * (1 << 20)
    writer.redirect("{{taskid}}", "stdout", ranks="0-1023")
    found = await writer.files.sources(JOB, None, may_read=True) or []
    assert len(found) == 1024
    assert {len(source.file.path) <= 4096 for source in found} == {True}
    assert "longer than any path" in found[0].file.problem


async def test_other_tasks_run_while_thousands_of_names_are_made(tmp_path: Path) -> None:
    name = "{{taskid}}" * 400
    writer = Writer(tmp_path, stdout=to_file(name), stderr={"type": "kvs"})
    writer.redirect(str(tmp_path / name), "stdout", ranks="0-1048575")
    passes = 0

    async def count() -> None:
        nonlocal passes
        while True:
            await asyncio.sleep(0)
            passes += 1

    counting = asyncio.create_task(count())
    await asyncio.sleep(0)
    before = passes
    assert await writer.files.sources(JOB, None, may_read=True)
    counting.cancel()
    assert passes > before + 1
