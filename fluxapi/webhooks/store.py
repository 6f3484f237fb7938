"""The store of webhooks in SQLite; one thread does all of its work."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fluxapi.errors import NotStored
from fluxapi.model.shallow import BAD_JSON
from fluxapi.notices.notice import MAX_NOTICE_BYTES
from fluxapi.process.private_files import REPLACED, file_of
from fluxapi.process.transaction import transaction

from .database import FILE_NAME, open_database
from .port import FOREVER, Changeset, Found, NewDelivery, Pending
from .webhook import MAX_NUMBER, Webhook

__all__ = ["MAX_DEAD", "SqliteStore"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_DEAD = 1000
"""Dead letters of one webhook; the oldest are dropped."""

_MAX_RECENT_BYTES = 8 << 20
"""Size of the bodies that are kept in memory until they are sent for the first time."""

_MAX_TEXT_CHARS = 4096
"""Length of a text that is shown."""

_COLUMNS = "seq, webhook, lane, notice, attempts, due, created, length(body)"
_COLUMN_TYPES = (int, str, str, str, int, float, float, int)

_MAX_TIME_S = 1e11
"""A later time is damage; no date can show it."""

_LETTERS = (
    f"SELECT seq, substr(notice, 1, {_MAX_TEXT_CHARS}), substr(type, 1, {_MAX_TEXT_CHARS}), "  # noqa: S608 - constants
    f"substr(subject, 1, {_MAX_TEXT_CHARS}), created, dead, attempts, "
    f"substr(reason, 1, {_MAX_TEXT_CHARS}) FROM deliveries "
    "WHERE webhook = ? AND dead IS NOT NULL AND seq < ? "
    "AND typeof(notice) = 'text' AND typeof(type) = 'text' AND typeof(subject) = 'text' "
    f"AND typeof(reason) = 'text' AND attempts BETWEEN 0 AND {MAX_NUMBER} "
    f"AND created BETWEEN 0 AND {_MAX_TIME_S} AND dead BETWEEN 0 AND {_MAX_TIME_S} "
    "ORDER BY seq DESC LIMIT ?"
)
"""The dead letters that are shown: without those with a value of another type."""

_NOTICE_ID = re.compile(r"[A-Za-z0-9-]{1,512}")
"""An ID as notices have it, which is in a header of the message."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Webhook)


class SqliteStore:
    """The store in a state directory, or in memory without one."""

    def __init__(self, statedir: Path | None) -> None:
        self._statedir = statedir
        self._executor = ThreadPoolExecutor(1, "webhooks")
        self._database: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._recent: dict[int, bytes] = {}
        """The bodies that were stored last, most of which are sent at once."""
        self._recent_bytes = 0

    @property
    def is_kept(self) -> bool:
        """Return whether the content outlives the service."""
        return self._statedir is not None

    async def open(self) -> Found:
        """Open the database and return its content."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._open)

    async def close(self) -> None:
        """Close the database."""
        if self._database is not None:
            database, self._database = self._database, None
            await asyncio.get_running_loop().run_in_executor(self._executor, database.close)
        self._executor.shutdown(wait=False)

    async def begin(self, instance: str) -> None:
        """Note the identity of the instance; drop the cursor and the marks of another one."""
        await self._write(lambda database: _begin(database, instance))

    async def commit(self, changes: Changeset) -> tuple[list[Pending], Mapping[str, int]]:
        """Write *changes*; return the added deliveries, and how many dead letters were dropped."""
        added, dropped = await self._write(lambda database: _commit(database, changes))
        for item, body in added:
            self._remember(item.seq, body)
        return [item for item, _ in added], dropped

    async def remove(self, webhook: str) -> None:
        """Remove a webhook with all of its deliveries."""

        def run(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM webhooks WHERE id = ?", (webhook,))
            database.execute("DELETE FROM deliveries WHERE webhook = ?", (webhook,))
            database.execute("DELETE FROM taken WHERE webhook = ?", (webhook,))

        await self._write(run)

    async def bodies(self, seqs: Sequence[int]) -> Mapping[int, bytes]:
        """Return the bodies of those of these deliveries that exist."""
        recent = {seq: self._recent[seq] for seq in seqs if seq in self._recent}
        if len(recent) == len(seqs):
            for seq, body in recent.items():
                del self._recent[seq]
                self._recent_bytes -= len(body)
            return recent

        def run(database: sqlite3.Connection) -> dict[int, bytes]:
            found = {}
            for seq in seqs:
                row = database.execute(
                    "SELECT body FROM deliveries WHERE seq = ?", (seq,)
                ).fetchone()
                if row is not None and isinstance(row[0], bytes):
                    found[seq] = row[0]
            return found

        return await self._run(run)

    async def prune(self, before: Mapping[str, float]) -> None:
        """Drop marks older than a time, by webhook."""

        def run(database: sqlite3.Connection) -> None:
            database.executemany(
                "DELETE FROM taken WHERE webhook = ? AND at < ?", list(before.items())
            )

        await self._write(run)

    async def dead(
        self, webhook: str, limit: int, before: int | None
    ) -> Sequence[Mapping[str, Any]]:
        """Return dead letters below a number, the newest first."""
        names = ("seq", "id", "type", "subject", "created", "dead", "attempts", "reason")

        def run(database: sqlite3.Connection) -> list[dict[str, Any]]:
            rows = database.execute(
                _LETTERS, (webhook, MAX_NUMBER + 1 if before is None else before, limit)
            )
            return [dict(zip(names, row, strict=True)) for row in rows]

        return await self._run(run)

    async def counts(self) -> Mapping[str, int]:
        """Return the number of dead letters by webhook."""
        return await self._run(
            lambda database: dict(
                database.execute(
                    "SELECT webhook, count(*) FROM deliveries WHERE dead IS NOT NULL "
                    "GROUP BY webhook"
                ).fetchall()
            )
        )

    async def revive(
        self, webhook: str, seqs: Sequence[int] | None, limit: int
    ) -> Sequence[Pending]:
        """Make dead letters pending again: these, or all; at most *limit*."""
        return await self._write(lambda database: _revive(database, webhook, seqs, limit))

    def _remember(self, seq: int, body: bytes) -> None:
        self._recent[seq] = body
        self._recent_bytes += len(body)
        while self._recent_bytes > _MAX_RECENT_BYTES:
            self._recent_bytes -= len(self._recent.pop(next(iter(self._recent))))

    def _open(self) -> Found:
        self._database = open_database(self._statedir)
        if self._statedir is not None:
            self._file = file_of(self._statedir / FILE_NAME)
        return _read(self._database)

    async def _write(self, function: Callable[[sqlite3.Connection], T]) -> T:
        def run(database: sqlite3.Connection) -> T:
            if self._statedir is not None and file_of(self._statedir / FILE_NAME) != self._file:
                raise sqlite3.OperationalError(REPLACED)
            with transaction(database):
                return function(database)

        return await self._run(run)

    async def _run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        database = self._database
        if database is None:
            raise NotStored("The store of webhooks is closed.")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, function, database)
        except (sqlite3.Error, OverflowError) as error:
            where = "" if self._statedir is None else f" {self._statedir / FILE_NAME}"
            raise NotStored(f"The file{where} cannot be used: {error}.") from None


def _read(database: sqlite3.Connection) -> Found:
    rows = database.execute("SELECT id, state FROM webhooks").fetchall()
    webhooks = [_decoded(name, state) for name, state in rows]
    meta = dict(database.execute("SELECT key, value FROM meta"))
    taken: dict[tuple[str, str], int] = {}
    states: dict[str, set[str]] = {}
    for webhook, key, upto, at in database.execute("SELECT webhook, key, upto, at FROM taken"):
        if not (isinstance(webhook, str) and isinstance(key, str) and isinstance(upto, int)):
            _log.error("a mark of the webhook %.20s is damaged and is not used", webhook)
        elif at == FOREVER:
            states.setdefault(webhook, set()).add(key)
        else:
            taken[webhook, key] = upto
    cursor, instance = meta.get("cursor"), meta.get("instance")
    return Found(
        webhooks=[webhook for webhook in webhooks if webhook is not None],
        pending=_sound(
            database.execute(
                f"SELECT {_COLUMNS}, typeof(body) FROM deliveries WHERE dead IS NULL ORDER BY seq"  # noqa: S608 - constants
            )
        ),
        taken=taken,
        states=states,
        cursor=cursor if isinstance(cursor, float) and cursor <= _MAX_TIME_S else None,
        instance=instance if isinstance(instance, str) else None,
    )


def _sound(rows: Iterable[Sequence[Any]]) -> list[Pending]:
    """Return the deliveries of rows; one with a value that no service has stored is left out."""
    found: list[Pending] = []
    for *row, type_of_body in rows:
        kinds = zip(row, _COLUMN_TYPES, strict=True)
        if type_of_body == "blob" and all(isinstance(value, kind) for value, kind in kinds):
            pending = Pending(*row)
            if _is_sound(pending):
                found.append(pending)
                continue
        _log.error("the delivery %d of a webhook is damaged and is not sent", row[0])
    return found


def _is_sound(pending: Pending) -> bool:
    return (
        0 <= min(pending.due, pending.created) <= max(pending.due, pending.created) <= _MAX_TIME_S
        and 0 <= pending.attempts <= MAX_NUMBER
        and pending.size <= 4 * MAX_NOTICE_BYTES
        and _NOTICE_ID.fullmatch(pending.notice) is not None
    )


def _decoded(name: str, state: bytes) -> Webhook | None:
    try:
        return _decoder.decode(state)
    except (*BAD_JSON, TypeError) as error:
        _log.error("the webhook %.20s is damaged and is not used: %s", name, error)
        return None


def _begin(database: sqlite3.Connection, instance: str) -> None:
    row = database.execute("SELECT value FROM meta WHERE key = 'instance'").fetchone()
    if row is None or row[0] != instance:
        database.execute("DELETE FROM taken")
        database.execute("DELETE FROM meta WHERE key = 'cursor'")
    database.execute("REPLACE INTO meta VALUES ('instance', ?)", (instance,))


def _commit(
    database: sqlite3.Connection, changes: Changeset
) -> tuple[list[tuple[Pending, bytes]], dict[str, int]]:
    now = time.time()
    bodies: dict[int, bytes] = {}
    added = [_add(database, item, bodies, now) for item in changes.added]
    database.executemany(
        "DELETE FROM deliveries WHERE seq = ?", [(seq,) for seq in changes.delivered]
    )
    database.executemany(
        "UPDATE deliveries SET attempts = ?, due = ?, reason = ? WHERE seq = ?",
        [(it.attempts, it.due, it.reason, it.seq) for it in changes.retried],
    )
    database.executemany(
        "UPDATE deliveries SET dead = ?, attempts = ?, reason = ? WHERE seq = ?",
        [(now, attempts, reason, seq) for seq, attempts, reason in changes.dead],
    )
    dropped = _drop_old(database) if changes.dead else {}
    database.executemany(
        "REPLACE INTO webhooks VALUES (?, ?)",
        [(name, _encoder.encode(webhook)) for name, webhook in changes.webhooks.items()],
    )
    database.executemany(
        "REPLACE INTO taken VALUES (?, ?, 1, ?)",
        [(webhook, key, at) for webhook, key, at in changes.marks],
    )
    database.executemany("DELETE FROM taken WHERE webhook = ? AND key = ?", changes.unmarks)
    if changes.cursor is not None:
        database.execute("REPLACE INTO meta VALUES ('cursor', ?)", (changes.cursor,))
    return added, dropped


def _add(
    database: sqlite3.Connection, item: NewDelivery, bodies: dict[int, bytes], now: float
) -> tuple[Pending, bytes]:
    """Add one delivery; *bodies* has those of this batch, since many webhooks get the same."""
    notice = item.notice
    body = bodies.get(id(notice))
    if body is None:
        body = bodies[id(notice)] = notice.encode()
    cursor = database.execute(
        "INSERT INTO deliveries (webhook, lane, notice, type, subject, body, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (item.webhook, item.lane, notice.id, notice.type, notice.subject, body, now),
    )
    database.execute(
        "INSERT INTO taken VALUES (?, ?, ?, ?) ON CONFLICT (webhook, key) DO UPDATE "
        "SET upto = max(upto, excluded.upto), at = max(at, excluded.at)",
        (item.webhook, item.key, item.upto, item.at),
    )
    seq = cursor.lastrowid or 0
    return Pending(seq, item.webhook, item.lane, notice.id, 0, 0.0, now, len(body)), body


def _drop_old(database: sqlite3.Connection) -> dict[str, int]:
    """Drop the oldest dead letters beyond the limit, and return how many of each webhook."""
    dropped: dict[str, int] = {}
    counts = database.execute(
        "SELECT webhook, count(*) FROM deliveries WHERE dead IS NOT NULL GROUP BY webhook"
    ).fetchall()
    for webhook, count in counts:
        excess = count - MAX_DEAD
        if excess > 0:
            database.execute(
                "DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries "
                "WHERE webhook = ? AND dead IS NOT NULL ORDER BY dead, seq LIMIT ?)",
                (webhook, excess),
            )
            dropped[webhook] = excess
    return dropped


def _revive(
    database: sqlite3.Connection, webhook: str, seqs: Sequence[int] | None, limit: int
) -> list[Pending]:
    if seqs is None:
        rows = database.execute(
            "SELECT seq FROM deliveries WHERE webhook = ? AND dead IS NOT NULL "
            "ORDER BY seq LIMIT ?",
            (webhook, limit),
        ).fetchall()
        seqs = [row[0] for row in rows]
    found = []
    for seq in list(seqs)[:limit]:
        # Not RETURNING, which SQLite has since 3.35 only.
        changed = database.execute(
            "UPDATE deliveries SET dead = NULL, reason = NULL, attempts = 0, due = 0, created = ? "
            "WHERE seq = ? AND webhook = ? AND dead IS NOT NULL",
            (time.time(), seq, webhook),
        )
        if changed.rowcount:
            revived = database.execute(
                f"SELECT {_COLUMNS}, typeof(body) FROM deliveries WHERE seq = ?",  # noqa: S608 - constants
                (seq,),
            )
            found += _sound(revived)
    return found
