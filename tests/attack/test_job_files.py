"""Files that a job names: they make no other job wait, and show nothing of the service."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from fluxapi.instance.embedded import files, launcher, opener
from fluxapi.instance.embedded import spool as spool_module
from fluxapi.instance.embedded.execution import Execution, _Pipe
from fluxapi.instance.embedded.files import LabeledFile, OpenError, open_for_job
from fluxapi.instance.embedded.running import INTERRUPTED, Running
from fluxapi.process.private_files import open_regular
from tests.instance.embedded.conftest import Starter, start
from tests.instance.embedded.harness import TIMEOUT, Site, shell, spec

__all__ = ["start"]


@pytest.fixture
async def site(start: Starter) -> Site:
    return await start()


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def labeled(path: Path | str) -> dict[str, object]:
    return {"output": {"stdout": {"type": "file", "path": str(path), "label": True}}}


async def test_a_named_pipe_takes_no_lines_with_labels(site: Site, pipe: Path) -> None:
    # Somebody holds it open and reads nothing: a write would wait once the pipe is full.
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    jobid = await site.run(shell("seq 1 100000", options=labeled(pipe)))
    os.close(reader)
    note = site.journal.context(jobid, "exception")["note"]
    assert note == (
        f"error opening output file '{pipe}': lines with labels go into regular files only"
    )
    assert await site.text(await site.run(shell("seq 1 5000")))


async def test_a_file_with_labels_that_becomes_a_named_pipe(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "out"
    script = f"rm {path}; mkfifo {path}; seq 1 100000"
    await site.run(shell(script, options=labeled(path)))
    # More than is held in memory: the job ends when its output is written.
    await site.run(shell("seq 1 500000"))


async def test_lines_with_labels_wait_for_a_slow_disk(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, written, paused = tmp_path / "out", threading.Event(), asyncio.Event()
    append, pause = LabeledFile.append, Execution.pause
    waiting: list[int] = []

    def append_late(file: LabeledFile, data: bytes) -> None:
        written.wait(TIMEOUT)
        append(file, data)

    def note(execution: Execution, pipe: Any) -> None:
        waiting.append(pipe._file.unwritten)
        pause(execution, pipe)
        paused.set()

    monkeypatch.setattr(LabeledFile, "append", append_late)
    monkeypatch.setattr(Execution, "pause", note)
    script = "head -c 5000000 /dev/zero | tr '\\0' x | fold -w 1000"
    jobid = await site.submit(shell(script, options=labeled(path)))
    try:
        await asyncio.wait_for(paused.wait(), TIMEOUT)
    finally:
        written.set()
    await site.journal.wait(jobid)
    await site.written()
    assert max(waiting) < 2 * spool_module.HIGH_WATER_BYTES
    assert path.read_text().count("0: ") == 5000


async def test_a_job_with_labels_ends_when_its_file_is_written(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, done = tmp_path / "out", threading.Event()
    append, on_done, finish = LabeledFile.append, Running._done, Running._finish
    at_end: list[str] = []

    def append_late(file: LabeledFile, data: bytes) -> None:
        done.wait(TIMEOUT)
        append(file, data)

    def note_done(engine: Running, job: Any) -> None:
        on_done(engine, job)
        done.set()

    def note_end(engine: Running, job: Any, status: int) -> None:
        at_end.append(path.read_text())
        finish(engine, job, status)

    monkeypatch.setattr(LabeledFile, "append", append_late)
    monkeypatch.setattr(Running, "_done", note_done)
    monkeypatch.setattr(Running, "_finish", note_end)
    jobid = await site.run(shell("echo x; exit 3", options=labeled(path)))
    assert at_end == ["0: x\n"]
    assert site.journal.context(jobid, "finish") == {"status": 3 << 8}


async def test_a_file_that_does_not_answer_stops_no_other_job(
    start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, append = threading.Event(), LabeledFile.append

    def append_late(file: LabeledFile, data: bytes) -> None:
        if file.path.endswith("hung"):
            answered.wait(TIMEOUT)
        append(file, data)

    monkeypatch.setattr(LabeledFile, "append", append_late)
    site = await start(statedir=tmp_path / "state")
    hung = await site.submit(shell("echo x", options=labeled(tmp_path / "hung")))
    try:
        await site.journal.wait(hung, "start")
        # The row of a job with much output is stored once its log is written.
        large = await site.run(shell("seq 1 5000"))
        assert (await site.text(large)).endswith("5000\n")
        await site.run(shell("echo y", options=labeled(tmp_path / "other")))
        assert (tmp_path / "other").read_text() == "0: y\n"
        assert "finish" not in site.journal.names(hung)
    finally:
        answered.set()
    await site.journal.wait(hung)
    assert (tmp_path / "hung").read_text() == "0: x\n"


async def test_a_job_that_waits_for_its_file_can_be_canceled(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, done, on_done = threading.Event(), asyncio.Event(), Running._done

    def note_done(engine: Running, job: Any) -> None:
        on_done(engine, job)
        done.set()

    monkeypatch.setattr(Running, "_done", note_done)
    monkeypatch.setattr(LabeledFile, "append", lambda *_: answered.wait(TIMEOUT))
    jobid = await site.submit(shell("echo x", options=labeled(tmp_path / "hung")))
    try:
        await asyncio.wait_for(done.wait(), TIMEOUT)
        await site.instance.raise_exception(jobid, "cancel", 0)
        await site.journal.wait(jobid)
    finally:
        answered.set()
    await site.written()
    names = site.journal.names(jobid)
    assert names[names.index("exception") :] == [
        "exception",
        "finish",
        "release",
        "free",
        "clean",
    ]


async def test_a_job_that_was_canceled_does_not_wait_for_its_file(
    start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = threading.Event(), threading.Event()

    def append(*_: Any) -> None:
        asked.set()
        answered.wait(TIMEOUT)

    monkeypatch.setattr(LabeledFile, "append", append)
    site = await start(kill_timeout=0.1)
    jobid = await site.submit(shell("echo x; exec sleep 100", options=labeled(tmp_path / "hung")))
    try:
        await asyncio.to_thread(asked.wait, TIMEOUT)
        await site.instance.raise_exception(jobid, "cancel", 0)
        await asyncio.wait_for(site.journal.wait(jobid), TIMEOUT / 2)
    finally:
        answered.set()
    await site.written()


async def test_a_file_that_does_not_answer_is_not_waited_for_at_the_end(
    start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(LabeledFile, "append", lambda *_: answered.wait(TIMEOUT))
    site = await start(statedir=tmp_path / "state")
    hung = await site.submit(shell("echo x", options=labeled(tmp_path / "hung")))
    try:
        await site.journal.wait(hung, "start")
        await site.close()
    finally:
        answered.set()
    again = await start(statedir=tmp_path / "state")
    assert [message.id for message in again.journal.backlog] == [hung]
    assert again.journal.context(hung, "exception")["note"] == INTERRUPTED


class Endless:
    """The execution of a job whose pipe another process fills again after each read."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.has_ended = False
        self.taken = 0
        self.flooded = False
        self._poller = self

    def remove(self, _fd: int) -> None:
        pass

    def data(self, _stream: str, _rank: int, data: bytes) -> None:
        self.taken += len(data)
        assert self.taken < 4 << 20, "it is read without an end"
        os.write(self.writer, data)

    def eof(self, _stream: str, _rank: int) -> None:
        self.has_ended = True

    def closed(self, _pipe: _Pipe) -> None:
        os.close(self.writer)


def test_no_more_is_read_after_the_end_of_a_job_than_its_pipe_can_hold() -> None:
    execution = Endless()
    os.write(execution.writer, b"x" * 1000)
    _Pipe(execution, execution.reader, "stdout", 0, None).drain()  # type: ignore[arg-type]
    assert execution.has_ended
    assert 1000 <= execution.taken < 1 << 20


async def test_a_log_that_becomes_a_named_pipe(start: Starter, tmp_path: Path) -> None:
    site = await start(statedir=tmp_path)
    script = f"mkfifo {tmp_path}/output/{{{{jobid.dec}}}}.jsonl; seq 1 100000"
    bad = await site.run(shell(script))
    good = await site.run(shell("seq 1 5000"))
    assert (await site.text(good)).endswith("5000\n")
    assert isinstance(await site.text(bad), str)


async def test_null_takes_lines_with_labels(site: Site) -> None:
    jobid = await site.run(shell("echo x", options=labeled(os.devnull)))
    assert site.journal.context(jobid, "finish") == {"status": 0}


async def test_lines_with_labels_are_whole_and_the_file_is_closed(
    site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    before = descriptors()
    await site.run(shell("seq 1 50000", tasks=2, options=labeled(path)))
    await site.written()
    assert len(path.read_text().splitlines()) == 100_000
    assert descriptors() <= before


@pytest.mark.parametrize("what", ["mem", "environ", "maps", "fd/0"])
async def test_the_input_of_a_job_is_nothing_of_the_service(site: Site, what: str) -> None:
    options = {"input": {"stdin": {"type": "file", "path": f"/proc/self/{what}"}}}
    jobid = await site.run(shell("readlink /proc/self/fd/0", options=options))
    if "exception" in site.journal.names(jobid):
        assert "error opening input file" in site.journal.context(jobid, "exception")["note"]
    else:
        assert f"/proc/{os.getpid()}/" not in await site.text(jobid)


def test_a_separate_process_opens_files() -> None:
    [fd] = open_for_job([("/proc/self/stat", os.O_RDONLY)], {})
    opened = Path(f"/proc/self/fd/{fd}").readlink()
    assert opened.parent != Path(f"/proc/{os.getpid()}")
    os.close(fd)


def test_the_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    before = descriptors()
    wanted = [(str(tmp_path / "a"), os.O_CREAT | os.O_WRONLY), ("/no/such/file", os.O_RDONLY)]
    with pytest.raises(OpenError, match="No such file") as caught:
        open_for_job(wanted, {})
    assert caught.value.place == 1
    with pytest.raises(OpenError, match="File name too long"):
        open_for_job([("/" * 200_000, os.O_RDONLY)], {})
    assert descriptors() == before


def test_a_file_that_does_not_open_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "opener.py"
    program.write_text("import signal\nsignal.pause()\n")
    monkeypatch.setattr(opener, "__file__", str(program))
    monkeypatch.setattr(files, "OPEN_TIMEOUT_S", 0.1)
    before = descriptors()
    with pytest.raises(OpenError, match=r"was not open after 0\.1 seconds"):
        open_for_job([("/dev/null", os.O_RDONLY)], {})
    assert descriptors() == before


@pytest.mark.parametrize("answer", ["", "x", "0", "99 2", "1 0", "99999999999999999999 1"])
def test_an_answer_that_a_job_made_up_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str
) -> None:
    program = tmp_path / "opener.py"
    program.write_text(f"print({answer!r}, end='')\n")
    monkeypatch.setattr(opener, "__file__", str(program))
    with pytest.raises(OpenError) as caught:
        open_for_job([("/dev/null", os.O_RDONLY)], {})
    assert caught.value.place == 0


async def test_a_file_that_takes_long_to_open_makes_no_other_job_wait(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def slow(*_: object) -> list[int]:
        release.wait()
        raise OpenError(0, "it took long")

    monkeypatch.setattr(launcher, "open_for_job", slow)
    options = {"input": {"stdin": {"type": "file", "path": "/dev/null"}}}
    late = await site.submit(spec("true", options=options))
    await site.journal.wait(late, "alloc")
    try:
        await site.run(spec("true"))
        assert "start" not in site.journal.names(late)
    finally:
        release.set()
    await site.journal.wait(late)
    assert "it took long" in site.journal.context(late, "exception")["note"]


def test_only_regular_files_are_our_own(pipe: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/proc/self/mem")
    for path in (pipe, link, tmp_path):
        with pytest.raises(OSError, match=r"regular|symbolic"):
            open_regular(path, os.O_RDONLY)


async def test_a_file_of_a_jobspec_does_not_follow_what_a_job_put_there(
    site: Site,
) -> None:
    files = {"x": "one", "./x": "two"}
    jobid = await site.run(spec("true", files=files))
    assert "File exists" in site.journal.context(jobid, "exception")["note"]


def test_a_process_that_is_stuck_is_reaped_by_a_later_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(files, "_END_TIMEOUT_S", 0)
    path = tmp_path / "in"
    path.touch()
    while not files._stuck:
        for fd in open_for_job([(str(path), os.O_RDONLY)], {}):
            os.close(fd)
    monkeypatch.undo()
    [stuck, *_] = files._stuck
    os.waitid(os.P_PID, stuck.pid, os.WEXITED | os.WNOWAIT)
    for fd in open_for_job([(str(path), os.O_RDONLY)], {}):
        os.close(fd)
    assert stuck.returncode is not None
    assert stuck not in files._stuck
