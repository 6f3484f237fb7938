"""The state directory is full for a while: no job that was taken in is lost, none runs twice."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import queue
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.embedded import journal, spool
from fluxapi.instance.embedded.store import Row, Store
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import JournalMessage
from tests.instance.embedded.conftest import Starter, start
from tests.instance.embedded.harness import TIMEOUT, Site, shell, spec
from tests.running import Service, service
from tests.waiting import block_until

pytestmark = pytest.mark.slow

__all__ = ["start"]


class Disk:
    """Has the stores of all instances fail while it is ``full``."""

    def __init__(self, save: Callable[..., None]) -> None:
        self.full = False
        self._save = save
        self._failed: queue.SimpleQueue[None] = queue.SimpleQueue()

    def save(self, store: Store, *arguments: Any) -> None:
        if self.full:
            self._failed.put(None)
            raise sqlite3.OperationalError("database or disk is full")
        self._save(store, *arguments)

    async def fails(self) -> None:
        """Return when a save that has begun after this has failed."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._failed.get_nowait()
        await asyncio.to_thread(self._failed.get, timeout=TIMEOUT)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(Store._save)
    # A function, which becomes a method, as a bound method would not.
    monkeypatch.setattr(Store, "_save", lambda *arguments: disk.save(*arguments))  # noqa: PLW0108
    monkeypatch.setattr(journal, "RETRY_INTERVAL_S", 0.01)
    return disk


@pytest.fixture
async def site(start: Starter, tmp_path: Path) -> Site:
    return await start(statedir=tmp_path / "state", cores=1)


async def ready_again(site: Site) -> None:
    """Return when the instance has stored what it could not store before."""
    assert site.instance._parts is not None
    stored = asyncio.get_running_loop().create_future()
    site.instance._parts.journal.then(lambda: stored.set_result(None))
    await asyncio.wait_for(stored, TIMEOUT)
    await site.instance.ping()


def shown(site: Site) -> set[int]:
    messages = site.journal.messages
    return {m.id for m in messages if isinstance(m, JournalMessage) and not m.is_sentinel}


async def test_a_job_that_is_not_stored_is_not_submitted(
    site: Site, disk: Disk, tmp_path: Path
) -> None:
    disk.full = True
    for _ in range(2):
        with pytest.raises(InstanceUnavailable, match=r"disk is full\. Free space"):
            await site.submit(shell(f"touch {tmp_path}/ran"))
    with pytest.raises(InstanceUnavailable, match="disk is full"):
        await site.instance.ping()
    disk.full = False
    await ready_again(site)
    jobid = await site.run(spec("true"))
    assert shown(site) == {jobid}
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "job",
    [
        shell("echo x >>{folder}/ran"),
        shell("echo x >>{folder}/ran", tasks=64),
        spec("true", exec={"test": {"run_duration": "0.001s"}}),
        spec("true", dependencies=[{"scheme": "begin-time", "value": "4000000000"}]),
    ],
    ids=["runs", "never fits", "has no process", "waits"],
)
async def test_each_job_of_a_request_is_refused_and_none_runs(
    site: Site, disk: Disk, tmp_path: Path, job: bytes
) -> None:
    disk.full = True
    jobspec = job.replace(b"{folder}", os.fsencode(tmp_path))
    results = await site.instance.submit([Submission(jobspec, 16)] * 3)
    assert all(isinstance(result, InstanceUnavailable) for result in results)
    disk.full = False
    await ready_again(site)
    # The one core is free again.
    jobid = await site.run(shell(f"echo y >>{tmp_path}/ran"))
    assert (tmp_path / "ran").read_text() == "y\n"
    assert shown(site) == {jobid}


async def test_a_job_starts_only_when_its_allocation_is_stored(
    site: Site, disk: Disk, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    first = await site.submit(shell(f"until test -e {release}; do sleep 0.01; done"))
    second = await site.submit(shell(f"echo x >>{tmp_path}/ran"))
    await site.journal.wait(first, "start")
    disk.full = True
    release.touch()
    await disk.fails()
    await disk.fails()
    # The first job has ended and the second has its core, but none of that is stored.
    assert "finish" not in site.journal.names(first)
    assert "alloc" not in site.journal.names(second)
    assert not (tmp_path / "ran").exists()
    disk.full = False
    await site.journal.wait(second)
    assert (tmp_path / "ran").read_text() == "x\n"
    assert site.journal.names(first)[-1] == "clean"


async def test_a_job_that_waits_for_the_disk_can_be_canceled(
    site: Site, disk: Disk, tmp_path: Path
) -> None:
    jobid = await site.submit(shell(f"touch {tmp_path}/ran"), urgency=0)
    disk.full = True
    await site.instance.set_urgency(jobid, 16)
    await disk.fails()
    await site.instance.raise_exception(jobid, "cancel", 0)
    disk.full = False
    await site.journal.wait(jobid)
    assert not (tmp_path / "ran").exists()


async def test_published_jobs_exist_after_a_kill(start: Starter, tmp_path: Path) -> None:
    """Kill the service while its disk is full: the jobs that it acknowledged run once."""
    script = """
import asyncio, sqlite3, sys
from pathlib import Path
from fluxapi.instance.embedded import EmbeddedInstance
from fluxapi.instance.embedded.store import Store
from fluxapi.instance.protocol import Submission
from tests.instance.embedded.harness import shell

def full(*_):
    print("full", flush=True)
    raise sqlite3.OperationalError("database or disk is full")

async def main():
    folder = sys.argv[1]
    instance = EmbeddedInstance(statedir=Path(folder) / "state", cores=1)
    await instance.start()
    wait = shell(f"until test -e {folder}/release; do sleep 0.01; done")
    jobs = [wait] + [shell(f"echo {n} >>{folder}/ran") for n in range(3)]
    print(await instance.submit([Submission(job, 16) for job in jobs]), flush=True)
    Store._save = full
    Path(folder, "release").touch()
    await asyncio.Event().wait()  # until it is killed

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    jobids = [int(word) for word in (await process.stdout.readline()).strip(b"[]\n").split(b",")]
    for _ in range(2):
        assert await process.stdout.readline() == b"full\n"
    process.kill()
    await process.wait()
    assert not (tmp_path / "ran").exists()

    site = await start(statedir=tmp_path / "state", cores=1)
    for jobid in jobids:
        await site.journal.wait(jobid)
    assert sorted((tmp_path / "ran").read_text().split()) == ["0", "1", "2"]


async def test_the_end_does_not_wait_for_a_disk_that_stays_full(
    site: Site, disk: Disk, start: Starter, tmp_path: Path
) -> None:
    held = await site.submit(spec("true"), urgency=0)
    disk.full = True
    with pytest.raises(InstanceUnavailable):
        await site.submit(spec("true"))
    await site.instance.close()
    disk.full = False
    second = await start(statedir=tmp_path / "state")
    assert [message.id for message in second.journal.backlog] == [held]


async def test_an_error_that_nobody_foresaw_is_tried_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(journal, "RETRY_INTERVAL_S", 0.01)
        patch.setattr(Store, "_save", lambda *_: int("x"))
        with pytest.raises(InstanceUnavailable, match="Jobs cannot be stored"):
            await site.submit(spec("true"))
    await ready_again(site)
    await site.run(spec("true"))


async def test_output_that_is_lost_says_so(
    start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await start(statedir=tmp_path, output_tail=1024)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(spool, "_append_one", full)
    jobid = await site.run(shell("seq 1 5000; sleep 0.1; seq 1 5000"))
    last = (await site.output(jobid))[-1]
    assert last.name == "log"
    assert last.context is not None
    assert last.context["message"] == "output is lost from here on: No space left on device"
    await site.close()
    # The row says as much of the output as there is.
    second = await start(statedir=tmp_path)
    assert await second.output(jobid) == []


def row(number: int) -> Row:
    return Row(number, False, 1.0, b"x" * 10_000, b"{}", None, None, 0)


async def test_a_database_without_room_is_usable_again(tmp_path: Path) -> None:
    """Use a limit of SQLite in place of a full disk; the error is SQLite's own."""
    store = Store(tmp_path)
    await store.open()
    database = store._database
    assert database is not None
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    rows = [row(number) for number in range(1, 51)]
    for _ in range(2):
        with pytest.raises(InstanceUnavailable, match="full"):
            await store.save(rows)
    assert await store.load() == []
    database.execute("PRAGMA max_page_count = 1000000")
    await store.save(rows)
    assert len(await store.load()) == len(rows)
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        pytest.skip("only root can mount a small file system: not run on a disk that is full")
    command = [mount, "-t", "tmpfs", "-o", "size=1m,mode=700", "none", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small file system, not run on a disk that is full: {mounted.stderr}")
    try:
        yield folder
    finally:
        subprocess.run([umount, "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def post(running: Service, command: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310 - it is ours
        f"{running.url.rstrip('/')}/v1/jobs",
        data=json.dumps({"command": ["sh", "-c", command]}).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    return ask(request)


def ask(request: urllib.request.Request | str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_disk_that_is_full_for_a_while(small_disk: Path, tmp_path: Path) -> None:
    flags = ["--instance=embedded", f"--statedir={small_disk}/state"]
    taken: dict[str, int] = {}
    with service(*flags) as running:
        ready = f"{running.url.rstrip('/')}/ready"
        running.wait_until_ready()
        fill(small_disk / "filler")
        # The log of the database may have room for some.
        for number in range(1000):
            status, answer = post(running, f"echo {number} >>{tmp_path}/ran; : {'x' * 4000}")
            if status != 201:
                break
            taken[answer["id"]] = number
        assert status == 503
        assert answer["type"].endswith("instance-unavailable")
        assert "Free space" in answer["detail"]
        block_until(lambda: ask(ready)[0] == 503)
        assert "Free space" in ask(ready)[1]["detail"]
        (small_disk / "filler").unlink()
        running.wait_until_ready()
        status, answer = post(running, f"echo last >>{tmp_path}/ran")
        assert status == 201
        for jobid in [*taken, answer["id"]]:
            running.get(f"/v1/jobs/{jobid}/wait?timeout=30")
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    with service(*flags) as running:
        running.wait_until_ready()
        for jobid in [*taken, answer["id"]]:
            assert running.get(f"/v1/jobs/{jobid}")["result"] == "COMPLETED"
    ran = (tmp_path / "ran").read_text().split()
    assert sorted(ran) == sorted([*map(str, taken.values()), "last"])
