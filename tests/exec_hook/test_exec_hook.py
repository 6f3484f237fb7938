"""The hook in a service: which events it runs the command for, and what it refuses."""

from __future__ import annotations

import json
import logging
import shlex
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fluxapi.errors import SettingsError
from fluxapi.events.filters import ANY
from fluxapi.exec_hook import exec_hook
from fluxapi.exec_hook.command import Command, Outcome
from fluxapi.exec_hook.exec_hook import ExecHook
from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import parse
from fluxapi.table.backlog import BacklogBuffer
from fluxapi.table.changes import Changes, Posted
from fluxapi.table.index import Facets
from fluxapi.table.table import Table
from tests.handlers.conftest import Service, Start, start
from tests.observability.test_metrics import scrape, value
from tests.waiting import files_show, poll_until

__all__ = ["start"]


def writes(folder: Path, script: str = "") -> tuple[str, ...]:
    """Return a command that writes its input to a file of its own, complete once it is there."""
    place = shlex.quote(str(folder))
    # The number of the process is unique among those that run.
    return ("/bin/sh", "-c", f"cat > {place}/.$$ && mv {place}/.$$ {place}/$$.json; {script}")


async def notices(folder: Path, count: int) -> list[dict[str, Any]]:
    def read() -> list[dict[str, Any]]:
        return [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]

    await files_show(folder, lambda: len(read()) >= count)
    return read()


async def finish(service: Service, jobid: str, status: int = 0) -> None:
    service.instance.finish(parse(jobid), status)


async def test_the_command_gets_the_event_and_the_record(start: Start, tmp_path: Path) -> None:
    service = await start(
        exec_command=writes(tmp_path), exec_filter="event=finish&name=study*&state=active"
    )
    await finish(service, await service.submit(name="other"))
    jobid = await service.submit(name="study-1")
    await finish(service, jobid, 768)
    (notice,) = await notices(tmp_path, 1)
    assert notice["specversion"] == "1.0"
    assert notice["type"] == "fluxapi.job.finish"
    assert notice["subject"] == jobid
    assert notice["data"]["event"]["context"] == {"status": 768}
    assert notice["data"]["job"]["name"] == "study-1"


async def test_the_default_is_the_end_of_each_job(start: Start, tmp_path: Path) -> None:
    service = await start(exec_command=writes(tmp_path))
    jobid = await service.submit()
    await finish(service, jobid)
    (notice,) = await notices(tmp_path, 1)
    assert (notice["type"], notice["subject"]) == ("fluxapi.job.clean", jobid)
    assert notice["data"]["job"]["result"] == "COMPLETED"


async def test_failures_are_counted_and_logged_without_content(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = await start(exec_command=writes(tmp_path, "echo hidden; exit 3"))
    caplog.set_level(logging.WARNING)
    await finish(service, await service.submit(name="hidden"))
    await notices(tmp_path, 1)

    async def is_counted() -> bool:
        return value(await scrape(service), "fluxapi_exec_runs_total", outcome="failed") == 1

    await poll_until(is_counted)
    families = await scrape(service)
    assert value(families, "fluxapi_exec_runs_total", outcome="ok") == 0
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["events without a successful run of --exec since the last line: failed 1"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("event=finish&color=red", "color"),
        ("state=sleeping", "state"),
        ("id=!", "id"),
        ("user=a&user=b", "user"),
    ],
)
async def test_a_wrong_filter_does_not_start(start: Start, text: str, says: str) -> None:
    for command in (("true",), ()):
        with pytest.raises(SettingsError, match=rf"--exec-filter: {says}"):
            await start(exec_command=command, exec_filter=text)


class Held(Command):
    """A command whose runs a test ends by hand."""

    def __init__(self) -> None:
        super().__init__(["true"], {}, 60.0)
        self.begun: list[str] = []
        self.go = threading.Semaphore(0)

    def run(self, document: bytes) -> Outcome:
        self.begun.append(json.loads(document)["subject"])
        self.go.acquire()
        return "ok"


def changes(*ids: int) -> Changes:
    facets = Facets("RUN", None, 1, "", "", "", "")
    return Changes(posted=[Posted(it, 1, Event(1.0, "start", {"x": 1}), facets) for it in ids])


async def until(hook: ExecHook, command: Held, count: int) -> None:
    """Return once *count* runs have begun."""

    async def has_begun() -> bool:
        return len(command.begun) >= count

    await poll_until(has_begun)
    assert len(hook._running) <= 2


async def test_runs_are_bounded_and_those_of_a_job_are_in_order(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(exec_hook, "MAX_QUEUED_EVENTS", 4)
    command = Held()
    hook, table = ExecHook(command, ANY, 2), Table()
    async with hook.attached(table, "x", []):
        hook.observe([], changes(1, 1, 2, 3, 4, 5))
        assert (hook.queued, hook.dropped) == (4, 2)
        await until(hook, command, 2)
        first, second = command.begun
        assert first != second
        command.go.release(4)
        await until(hook, command, 4)
        assert command.begun.count(first) == 2
    assert hook.outcomes["ok"] == 4
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith("dropped 1")


@pytest.mark.slow
async def test_a_large_context_is_left_out() -> None:
    posted = changes(1).posted[0]
    assert exec_hook._queued(posted).context == b'{"x":1}'
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"x": deep}
    for context in {"x": "y" * (1 << 20)}, deep:
        posted.event.context = context
        queued = exec_hook._queued(posted)
        assert queued.event == Event(1.0, "start", truncated=True)
        assert queued.context is None


async def test_a_context_waits_as_text() -> None:
    posted = changes(1).posted[0]
    # Its values take 1.4 MB, and a thousand such events may wait.
    posted.event.context = {"x": [{} for _ in range(20_000)]}
    queued = exec_hook._queued(posted)
    assert queued.event == Event(1.0, "start")
    hook = ExecHook(Held(), ANY, 2)
    told = hook._notice(queued).data["event"]["context"]
    assert msgspec.json.decode(told) == posted.event.context


async def test_the_backlog_runs_nothing() -> None:
    hook, table = ExecHook(Held(), ANY, 2), Table(history=BacklogBuffer(10))
    async with hook.attached(table, "x", []):
        hook.observe([], changes(1))
        assert hook.queued == 0
