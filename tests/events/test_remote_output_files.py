"""Output files of a job on another host."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluxapi.events.output import file_reader
from fluxapi.events.output.file_reader import is_here

from .output_files import HARD, JOB, RemoteWriter, Writer, bytes_of, notice_of, to_file

pytestmark = pytest.mark.usefixtures("quick_files")


@pytest.fixture
def remote(tmp_path: Path) -> RemoteWriter:
    writer = RemoteWriter(tmp_path, stdout=to_file("out"))
    writer.redirect("out")
    (tmp_path / "out").write_bytes(HARD)
    return writer


async def test_a_file_of_another_host_is_read_there(remote: RemoteWriter) -> None:
    source = await remote.source()
    assert (await notice_of(source.output(JOB)))["read"] == "node"
    assert await bytes_of(source.output(JOB)) == HARD
    assert {rank for rank, _ in remote.asked} == {0}


async def test_a_file_on_a_shared_file_system_is_read_here(
    remote: RemoteWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = (await remote.source()).reader()
    system = (await kind.piece(0)).system
    remote.asked.clear()
    monkeypatch.setattr(file_reader, "SHARED_TYPES", {system})
    source = await remote.source()
    assert (await notice_of(source.output(JOB)))["read"] == "shared"
    assert await bytes_of(source.output(JOB)) == HARD
    assert not remote.asked


async def test_a_file_of_another_host_that_nothing_reads(writer: Writer) -> None:
    (writer.folder / "out").write_bytes(b"another file of the same name\n")
    writer.host = "elsewhere"
    notice = await notice_of((await writer.source()).output(JOB))
    assert notice["host"] == "elsewhere"
    assert notice["unread"].startswith("It is on the host elsewhere, and the service runs on ")


async def test_a_node_that_cannot_read_says_why(remote: RemoteWriter) -> None:
    (remote.folder / "out").unlink()
    notice = await notice_of((await remote.source()).output(JOB))
    assert notice["unread"].endswith("On elsewhere: It does not exist.")


@pytest.mark.parametrize(
    ("host", "own", "here"),
    [
        ("n1", "n1", True),
        ("n1.site", "n1", True),
        ("n1", "n1.site", True),
        ("n1.site", "n1.other", False),
        ("n2", "n1", False),
    ],
)
def test_hosts_may_have_full_names(
    monkeypatch: pytest.MonkeyPatch, host: str, own: str, here: bool
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: own)
    assert is_here(host) is here
