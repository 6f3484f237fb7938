"""The store of templates: what it keeps, its limits, and files that others have changed."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import threading
from pathlib import Path

import pytest

from fluxapi.errors import Conflict, NotFound, NotStored, NotSupported, SettingsError
from fluxapi.job_templates import store as store_module
from fluxapi.job_templates.folder import TemplateFolder
from fluxapi.job_templates.store import TemplateStore

JOB = {"job": {"command": ["true"], "environment": {"KEY": "value"}}}


def _names(folder: Path) -> list[str]:
    return [it.name for it in folder.iterdir()]


async def opened(folder: Path) -> TemplateStore:
    store = TemplateStore(folder)
    await store.open()
    return store


async def test_a_template_outlives_the_service_in_a_private_file(tmp_path: Path) -> None:
    store = await opened(tmp_path / "templates")
    entry, is_new = await store.save("train 1", "for one node", JOB)
    assert is_new
    again = await opened(tmp_path / "templates")
    assert again.all() == [entry]
    found = await again.get("train 1")
    assert found.description == "for one node"
    file = tmp_path / "templates" / "train 1.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_a_template_is_replaced_and_keeps_its_first_time(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    first, _ = await store.save("a", "", JOB)
    second, is_new = await store.save("a", "other", JOB)
    assert not is_new
    assert (second.created, second.description) == (first.created, "other")
    assert second.modified >= first.modified
    assert store.all() == [second]


async def test_a_deleted_template_is_gone(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.save("a", "", JOB)
    await store.delete("a")
    assert store.all() == []
    assert _names(tmp_path) == []
    with pytest.raises(NotFound, match="GET /v1/templates"):
        await store.get("a")


async def test_one_that_is_being_deleted_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, remove = await opened(tmp_path), TemplateFolder.remove
    is_gone, may_end = threading.Event(), threading.Event()

    def remove_slowly(folder: TemplateFolder, name: str) -> None:
        remove(folder, name)
        is_gone.set()
        may_end.wait()

    monkeypatch.setattr(TemplateFolder, "remove", remove_slowly)
    await store.save("a", "", JOB)
    deleted = asyncio.create_task(store.delete("a"))
    await asyncio.to_thread(is_gone.wait)
    read = asyncio.create_task(store.get("a"))
    asyncio.get_running_loop().call_later(0.05, may_end.set)
    with pytest.raises(NotFound):
        await read
    await deleted


async def test_without_a_state_directory_none_is_kept() -> None:
    store = TemplateStore(None)
    await store.open()
    assert (store.is_kept, store.all()) == (False, [])
    with pytest.raises(NotSupported, match="--statedir"):
        await store.save("a", "", JOB)


async def test_the_number_and_the_size_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_TEMPLATES", 2)
    store = await opened(tmp_path)
    await store.save("a", "", JOB)
    await store.save("b", "", JOB)
    with pytest.raises(Conflict, match="2 templates"):
        await store.save("c", "", JOB)
    await store.save("b", "replaced", JOB)
    monkeypatch.setattr(store_module, "MAX_TEMPLATES_BYTES", store.all()[0].bytes * 2 + 100)
    with pytest.raises(Conflict, match="are left"):
        await store.save("b", "", {"job": {"command": ["x" * 500]}})
    assert store.all()[1].description == "replaced"


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"name":"other","created":0,"modified":0,"request":{}}', b"[" * 100_000],
)
async def test_a_damaged_file_is_named_in_the_log_and_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        store = await opened(tmp_path)
    assert store.all() == []
    assert "bad.json is not used" in caplog.text
    assert file.read_bytes() == content
    await store.save("bad", "", JOB)
    assert (tmp_path / "bad.json.broken").read_bytes() == content
    await store.save("bad", "again", JOB)
    assert (tmp_path / "bad.json.broken").read_bytes() == content
    assert len((await opened(tmp_path)).all()) == 1


async def test_the_log_names_the_first_template_beyond_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = await opened(tmp_path)
    for name in "abc":
        await store.save(name, "", JOB)
    monkeypatch.setattr(store_module, "MAX_TEMPLATES", 2)
    assert len((await opened(tmp_path)).all()) == 2
    assert "only 2 templates" in caplog.text
    assert "not c" in caplog.text


async def test_a_link_or_a_pipe_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"name":"link","created":0,"modified":0,"request":{}}', encoding="utf-8")
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "link.json").symlink_to(secret)
    os.mkfifo(folder / "pipe.json")
    assert (await opened(folder)).all() == []


async def test_a_file_that_is_damaged_later_is_told(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.save("a", "", JOB)
    (tmp_path / "a.json").write_bytes(b"{")
    with pytest.raises(NotStored, match="Save it again"):
        await store.get("a")


async def test_a_full_disk_leaves_the_old_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await opened(tmp_path)
    await store.save("a", "old", JOB)

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotStored, match="No space left"):
        await store.save("a", "new", JOB)
    assert store.all()[0].description == "old"
    assert (await store.get("a")).description == "old"
    assert _names(tmp_path) == ["a.json"]


async def test_a_folder_that_cannot_be_used_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("a file", encoding="utf-8")
    with pytest.raises(SettingsError, match="--statedir"):
        await opened(tmp_path / "templates")
