"""A service that ends, in any way, and the next one: no event is lost."""

from __future__ import annotations

import sqlite3
import stat
import time
from pathlib import Path

import pytest
from aiohttp import web

from fluxapi.instance.protocol import Queue
from fluxapi.model.eventlog import Event, JournalMessage
from fluxapi.model.jobid import JOBID_ANY, encode_f58
from fluxapi.table.changes import Changes, Posted
from fluxapi.table.index import facets
from fluxapi.webhooks import database as database_module
from fluxapi.webhooks.database import FILE_NAME, open_database
from fluxapi.webhooks.lanes import Hook
from fluxapi.webhooks.recall import Recall, Recalled

from .conftest import Lasting, Serve, until
from .receiver import Message, Receiver, receiving


def indexes(messages: list[Message], job: int) -> list[int]:
    """Return the indexes of the events of a job, repeats left out."""
    found = [
        it.document["data"]["event"]["index"]
        for it in messages
        if it.document["subject"] == encode_f58(job)
    ]
    return list(dict.fromkeys(found))


async def test_events_in_the_meantime_are_sent(
    serve: Serve, receiver: Receiver, tmp_path: Path
) -> None:
    first = await serve(statedir=tmp_path)
    await first.hook(receiver)
    job = await first.submit()
    await receiver.wait(4)
    await first.stop()
    instance = first.instance
    instance.finish(job)
    second = await serve(instance, statedir=tmp_path)
    messages = await receiver.until(lambda them: indexes(them, job) == list(range(7)))
    assert len(messages) == 7  # each once
    later = await second.submit()
    await receiver.until(lambda them: indexes(them, later) == list(range(4)))


async def test_events_after_the_first_without_room_are_not_looked_up(
    serve: Serve, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await serve(statedir=tmp_path)
    await first.hook(receiver)
    job = await first.submit()
    await receiver.wait(4)
    await first.stop()
    first.instance.finish(job)
    is_new, looked_up = Recall.is_new, []

    def counted(recall: Recall, hook: Hook, found: Recalled) -> bool:
        looked_up.append(found.index)
        return is_new(recall, hook, found)

    with monkeypatch.context() as full:
        full.setattr(Recall, "is_new", counted)
        full.setattr(Hook, "has_room", False)
        second = await serve(first.instance, statedir=tmp_path)
        await until(lambda: second.webhooks.outbox._recall is None)
    assert looked_up == [0, 1, 2, 3, 4]
    # There is room again, so they are read with the first.
    await receiver.until(lambda them: indexes(them, job) == list(range(7)))


async def test_events_from_before_the_webhook_are_not_sent(
    serve: Serve, receiver: Receiver, tmp_path: Path
) -> None:
    instance = Lasting()
    first = await serve(instance, statedir=tmp_path)
    old = await first.submit()
    for event in instance.eventlogs[old]:
        event.timestamp -= 60
    await first.hook(receiver)
    await first.stop()
    second = await serve(instance, statedir=tmp_path)
    new = await second.submit()
    messages = await receiver.until(lambda them: indexes(them, new) == list(range(4)))
    assert indexes(messages, old) == []


async def test_waiting_messages_survive(serve: Serve, tmp_path: Path) -> None:
    instance = Lasting()
    async with receiving() as down:
        down.answer = _unavailable
        first = await serve(instance, statedir=tmp_path)
        made = await first.hook(down)
        job = await first.submit()
        await down.wait(1)
        await first.stop()
        port = down.port
    async with receiving(port) as up:
        second = await serve(instance, statedir=tmp_path)
        messages = await up.until(lambda them: indexes(them, job) == list(range(4)))
        assert all(it.verify(made["secret"]) for it in messages)
        assert (await second.shown(made["id"]))["delivered"] >= 4


async def _unavailable(_request: web.Request) -> web.Response:
    return web.Response(status=503)


async def test_another_instance_begins_anew(
    serve: Serve, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await serve(statedir=tmp_path)
    await first.hook(receiver)
    await first.submit()
    await receiver.wait(4)
    await first.stop()
    other = Lasting()
    site = await serve(other, statedir=None)
    old = await site.submit()
    await site.stop()

    async def secret() -> bytes:
        return b"another"

    monkeypatch.setattr(other, "secret", secret)
    third = await serve(other, statedir=tmp_path)
    new = await third.submit()
    messages = await receiver.until(lambda them: indexes(them, new) == list(range(4)))
    source = messages[-1].document["source"]
    assert source != messages[0].document["source"]
    of_other = [it.document["subject"] for it in messages if it.document["source"] == source]
    assert encode_f58(old) not in of_other


async def test_the_cursor_stays_until_the_whole_backlog_is_read(
    serve: Serve, receiver: Receiver, tmp_path: Path
) -> None:
    first = await serve(statedir=tmp_path)
    await first.hook(receiver)
    job = await first.submit()
    await receiver.wait(4)
    outbox = first.webhooks.outbox
    await until(lambda: outbox.is_empty)
    cursor = outbox._seen
    table = outbox._table
    assert table is not None
    table.begin_replay()
    later = Event(cursor + 3600, "x")
    outbox.observe([], Changes(posted=[Posted(job, 9, later, facets(table[job]))]))
    await receiver.wait(5)
    assert outbox._seen == cursor
    table.feed([JournalMessage(JOBID_ANY, [])])
    outbox.observe([], Changes())
    assert outbox._seen == later.timestamp


async def test_groups_that_were_done_meanwhile(
    serve: Serve, receiver: Receiver, tmp_path: Path
) -> None:
    first = await serve(statedir=tmp_path)
    await first.hook(receiver, kinds=["group-done", "first-failure"])
    jobs = [await first.submit(group="sweep") for _ in range(2)]
    await first.stop()
    for job in jobs:
        first.instance.finish(job, status=256)
    second = await serve(first.instance, statedir=tmp_path)
    messages = await receiver.wait(2)
    assert {it.document["type"] for it in messages} == {
        "fluxapi.group.done",
        "fluxapi.group.first-failure",
    }
    await second.stop()
    third = await serve(first.instance, statedir=tmp_path)
    assert third.webhooks.outbox.is_empty
    assert len(receiver.messages) == 2


@pytest.mark.usefixtures("short_intervals")
async def test_a_queue_that_was_stopped_meanwhile(
    serve: Serve, receiver: Receiver, tmp_path: Path
) -> None:
    instance = Lasting()
    instance.queue = Queue("batch", enabled=True, started=True)
    first = await serve(instance, statedir=tmp_path)
    made = await first.hook(receiver, kinds=["queue-stopped"])
    hook = first.webhooks.get(made["id"])
    await until(lambda: hook.states)
    await first.stop()
    instance.queue = Queue("batch", enabled=True, started=False)
    second = await serve(instance, statedir=tmp_path)
    await receiver.wait(1)
    await second.stop()
    third = await serve(instance, statedir=tmp_path)
    assert third.webhooks.get(made["id"]).states == {"queues are known", "queue batch"}
    assert len(receiver.messages) == 1


async def test_the_file_is_private(serve: Serve, receiver: Receiver, tmp_path: Path) -> None:
    site = await serve(statedir=tmp_path)
    await site.hook(receiver)
    assert {mode for _, mode in _modes(tmp_path)} == {0o600}


def _modes(folder: Path) -> list[tuple[str, int]]:
    return [(file.name, stat.S_IMODE(file.stat().st_mode)) for file in folder.glob(f"{FILE_NAME}*")]


async def test_a_damaged_file_is_set_aside(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database " * 1000)
    site = await serve(statedir=tmp_path)
    assert (await site.ask("GET", "/webhooks"))["webhooks"] == []
    assert (tmp_path / "webhooks.broken.db").exists()


def test_a_damaged_file_below_a_relative_directory_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("state").mkdir(mode=0o700)
    (Path("state") / FILE_NAME).write_bytes(b"no database " * 1000)
    open_database(Path("state")).close()
    assert Path("state/webhooks.broken.db").exists()


@pytest.mark.parametrize("is_cut_off", [False, True], ids=["bad pages", "cut off"])
async def test_damage_behind_them_costs_no_webhook(
    serve: Serve,
    receiver: Receiver,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    *,
    is_cut_off: bool,
) -> None:
    first = await serve(statedir=tmp_path)
    hooks = [await first.hook(receiver, name=name) for name in ("one", "two")]
    await first.stop()
    path = tmp_path / FILE_NAME
    with sqlite3.connect(path) as database:
        # An old delivery fills pages of its own.
        for _ in range(50):
            database.execute(
                "INSERT INTO deliveries (webhook, lane, notice, type, subject, body, created) "
                "VALUES (?, 'x', 'x', 'x', 'x', zeroblob(4000), 1)",
                (hooks[0]["id"],),
            )
        ((size,),) = database.execute("PRAGMA page_size")
    database.close()
    content = bytearray(path.read_bytes())
    pages = len(content) // size
    for page in range(pages // 2, pages):
        content[page * size : page * size + 8] = b"\xff" * 8
    path.write_bytes(content[: pages * size // 2 + 7] if is_cut_off else content)
    second = await serve(first.instance, statedir=tmp_path)
    shown = (await second.ask("GET", "/webhooks"))["webhooks"]
    assert {it["id"] for it in shown} == {it["id"] for it in hooks}
    assert (tmp_path / "webhooks.broken.db").exists()
    assert "rows of the table deliveries can be read" in caplog.text


def test_many_rows_are_copied_in_a_transaction() -> None:
    old, new = open_database(None), open_database(None)
    old.executemany("INSERT INTO meta VALUES (?, 1)", [(f"{number}",) for number in range(2500)])
    statements: list[str] = []
    new.set_trace_callback(statements.append)
    database_module._copy("meta", old, new)
    assert [statements.count(it) for it in ("BEGIN", "COMMIT")] == [3, 3]
    assert new.execute("SELECT count(*) FROM meta").fetchone() == (2500,)
    old.close()
    new.close()


async def test_webhooks_outlive_a_damaged_version(
    serve: Serve, receiver: Receiver, tmp_path: Path
) -> None:
    first = await serve(statedir=tmp_path)
    hook = await first.hook(receiver)
    await first.stop()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("PRAGMA user_version = -1")
    database.close()
    second = await serve(first.instance, statedir=tmp_path)
    assert [it["id"] for it in (await second.ask("GET", "/webhooks"))["webhooks"]] == [hook["id"]]


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE taken",
        "ALTER TABLE meta DROP COLUMN value",
        "ALTER TABLE webhooks RENAME state TO x",
    ],
)
async def test_webhooks_outlive_tables_of_another_form(
    serve: Serve, receiver: Receiver, tmp_path: Path, change: str
) -> None:
    first = await serve(statedir=tmp_path)
    hook = await first.hook(receiver)
    await first.stop()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute(change)
    database.close()
    second = await serve(first.instance, statedir=tmp_path)
    assert [it["id"] for it in (await second.ask("GET", "/webhooks"))["webhooks"]] == [hook["id"]]
    assert (tmp_path / "webhooks.broken.db").exists()


_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.mark.parametrize("is_cut_off", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        """DROP TABLE taken;
        CREATE VIEW taken AS ENDLESS SELECT i webhook, i key, i upto, i at FROM n""",
        """ALTER TABLE taken ADD COLUMN more AS (zeroblob(400000000));
        INSERT INTO taken VALUES (1, 1, 1, 1)""",
        """CREATE TRIGGER endless AFTER INSERT ON meta BEGIN
        INSERT INTO taken ENDLESS SELECT i, i, i, i FROM n; END""",
    ],
    ids=["view", "computed", "trigger"],
)
def test_a_file_with_content_without_an_end(
    tmp_path: Path, change: str, *, is_cut_off: bool
) -> None:
    open_database(tmp_path).close()
    path = tmp_path / FILE_NAME
    database = sqlite3.connect(path)
    database.execute("INSERT INTO webhooks VALUES ('0123456789', x'00')")
    database.commit()
    database.executescript(change.replace("ENDLESS", _ENDLESS))
    database.close()
    if is_cut_off:
        path.write_bytes(path.read_bytes()[:-1])
    database = open_database(tmp_path)
    # Each look at rows would come from what has no end.
    database.set_progress_handler(lambda: 1, 10_000)
    assert database.execute("SELECT id FROM webhooks").fetchall() == [("0123456789",)]
    assert database.execute("SELECT * FROM taken").fetchall() == []
    database.execute("REPLACE INTO meta VALUES ('instance', 'x')")
    database.close()
    assert (tmp_path / "webhooks.broken.db").exists()


LEVELS = 200_000


@pytest.mark.parametrize(
    "state", [b'{"id":3}', b'{"id":"\xff"}', b'{"x":' + b"[" * LEVELS + b"]" * LEVELS + b"}"]
)
async def test_a_damaged_webhook_is_left_out(
    serve: Serve, receiver: Receiver, tmp_path: Path, state: bytes
) -> None:
    first = await serve(statedir=tmp_path)
    bad, good = [await first.hook(receiver, name=name) for name in ("bad", "good")]
    await first.stop()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("UPDATE webhooks SET state = ? WHERE id = ?", (state, bad["id"]))
    database.close()
    second = await serve(first.instance, statedir=tmp_path)
    shown = (await second.ask("GET", "/webhooks"))["webhooks"]
    assert [it["id"] for it in shown] == [good["id"]]


async def test_old_marks_are_dropped(serve: Serve, receiver: Receiver, tmp_path: Path) -> None:
    site = await serve(statedir=tmp_path)
    made = await site.hook(receiver)
    await site.submit()
    await receiver.wait(4)
    store = site.webhooks._store
    await store.prune({made["id"]: time.time() + 1})
    # Nobody else may open the file while the service has it.
    await site.stop()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        assert database.execute("SELECT count(*) FROM taken").fetchone() == (0,)
    database.close()
