"""The removal of what jobs leave in their temporary directories."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from fluxapi.instance.embedded import remover as module
from fluxapi.instance.embedded.remover import Remover
from fluxapi.instance.embedded.sweeper import remove_tree
from tests.waiting import block_until, poll_until

from .conftest import Starter
from .harness import shell

DEPTH = 1200
DEEP = f"""python3 -c 'import os
for _ in range({DEPTH}):
    os.mkdir("d"); open("f", "w").close(); os.chdir("d")'"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    return path


def test_an_empty_directory_and_none(folder: Path) -> None:
    remove_tree(str(folder))
    assert not folder.exists()
    remove_tree(str(folder))


@pytest.mark.slow
def test_a_directory_with_everything(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "kept").touch()
    for name in ("a", "a/b", "a/b/c", "x"):
        (folder / name).mkdir()
        (folder / name / "file").touch()
        (folder / name / "link").symlink_to(other)
        os.mkfifo(folder / name / "pipe")
    (folder / "a/b/c").chmod(0o500)
    (folder / "x").chmod(0o500)
    for number in range(2500):
        (folder / "a/b" / str(number)).touch()
    remove_tree(str(folder))
    assert not folder.exists()
    assert (other / "kept").exists()


def test_a_link_in_place_of_the_directory_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "kept").touch()
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(OSError, match="Not a directory"):
        remove_tree(str(link))
    assert (folder / "kept").exists()


def test_a_removal_that_takes_too_long(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(OSError, match="not empty"):
        remove_tree(str(folder), lambda: True)


@pytest.mark.slow
async def test_a_very_deep_directory_of_a_job(start: Starter) -> None:
    site = await start()
    jobid = await site.run(shell(f"cd $FLUX_JOB_TMPDIR && {DEEP}"))
    assert site.journal.context(jobid, "finish") == {"status": 0}
    parts = site.instance._parts
    assert parts is not None
    assert parts._rundir is not None
    rundir = parts._rundir

    async def is_gone() -> bool:
        return not list(rundir.glob("jobtmp*"))

    await poll_until(is_gone)


@pytest.mark.slow
async def test_a_very_deep_directory_is_no_obstacle_for_the_end(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Remover, "remove", lambda *_: None)
    site = await start()
    await site.run(shell(f"cd $FLUX_JOB_TMPDIR && {DEEP}"))
    # The sweeper, which goes on after that, removes it.
    await site.close()


async def test_a_directory_that_stays_is_logged(
    start: Starter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError("it is not yours")

    monkeypatch.setattr(module, "remove_tree", fail)
    site = await start()
    await site.run(shell("true"))

    async def is_logged() -> bool:
        return "of a job is not removed: it is not yours" in caplog.text

    await poll_until(is_logged)


def test_a_lack_of_threads_leaves_a_directory_to_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    remover = Remover()

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        remover.remove(first)
    assert "no thread can be started" in caplog.text
    remover.remove(second)
    block_until(lambda: not first.exists() and not second.exists())
    remover.close()


def test_empty_directories_need_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    empty.mkdir()
    (full / "below").mkdir(parents=True)
    remover = Remover()
    started: list[threading.Thread] = []

    def note(thread: threading.Thread) -> None:
        started.append(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", note)
        for folder in (full, empty, tmp_path / "gone"):
            remover.remove(folder)
    for _ in range(2):
        remover.remove_empty()
        assert (empty.exists(), full.exists()) == (False, True)
    [thread] = started
    thread.start()
    block_until(lambda: not full.exists())
    remover.close()
    thread.join()
