"""The stream of the tree of instances: each instance in its latest state, in the order of changes.

The tree has numbers of its own, since it changes by more than the jobs of one table. Each change of
an instance gets the next number, and only the last change of each is kept. So a client that was
away, or is slow, gets each changed instance once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from fluxapi.table.table import Table

from .buffer import CursorError
from .cursor import new_epoch, parse
from .digest import ViewDigest
from .event_log import Batch
from .filters import ANY, Selection

if TYPE_CHECKING:
    from .views import Message

__all__ = ["MAX_INSTANCES", "TreeView"]

MAX_INSTANCES = 1000
"""Instances of the stream, and instances that have gone and are remembered for other cursors."""

_PIECE_BYTES = 60_000
"""Size at which a piece of a replay is full."""

_INSTANCE_TAG_CHARACTERS = 8

_MAX_CHANGES = 1 << 40
"""More changes than there ever are: the position of a new client holds two numbers."""

_encoder = msgspec.json.Encoder()


class TreeView:
    """An instance and those below it.

    Attributes:
        head: The number of the last change.
        is_known: True while the tree is current; until then, subscribers wait.
    """

    has_digest = False
    ids: frozenset[int] | None = frozenset()

    def __init__(self, table: Table, epoch: str) -> None:
        self.digest = ViewDigest(table, Selection(ANY))
        self.head = 0
        self.is_known = False
        self._epoch = new_epoch(epoch[:_INSTANCE_TAG_CHARACTERS])
        self._changes: dict[str, tuple[int, bytes | None]] = {}
        """The number and the record of each instance, by path; no record if it has gone."""
        self._floor = 0
        """The number of the last instance that has gone and is not remembered."""

    @property
    def cursor(self) -> bytes:
        """Return the cursor of a client that has received everything."""
        return self._cursor_at(self.head)

    def update(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the records of all instances, by path."""
        for path, record in records.items():
            body = b'"instance":%b}' % _encoder.encode(record)
            if self._changes.get(path, (0, None))[1] != body:
                self._change(path, body)
        for path, (_, known) in list(self._changes.items()):
            if known is not None and path not in records:
                self._change(path, None)
        gone = [path for path, (_, known) in self._changes.items() if known is None]
        for path in gone[: max(len(gone) - MAX_INSTANCES, 0)]:
            self._floor, _ = self._changes.pop(path)
        self.is_known = True

    def after(self, number: int) -> list[Message]:
        """Return the messages of all changes after *number*."""
        return [message for _, message in self._since(number)]

    def live(self, batch: Batch) -> list[Message]:  # noqa: ARG002 - a view
        """Return nothing: the hub publishes the tree by itself."""
        return []

    def replay(self, seq: int) -> tuple[list[Message], int]:
        """Return a piece of the changes after *seq*; raises ``CursorError``.

        The position of a client that began without a cursor is negative, and holds the number at
        which it began: it does not need the instances that had gone before.
        """
        began, reached = divmod(-1 - seq, _MAX_CHANGES) if seq < 0 else (0, seq)
        if (began if seq < 0 else reached) < self._floor:
            raise CursorError("overflow")
        messages: list[Message] = []
        size = 0
        for number, message in self._since(reached):
            if size >= _PIECE_BYTES:
                return messages, _new(began, reached) if seq < 0 else reached
            reached = number
            if message[0] == "instance" or number > began:
                messages.append(message)
                size += len(message[1]) + len(message[2])
        return messages, self.head

    def begin(self, since: str | None) -> int:
        """Return the position of a cursor, or of a client without one; raises ``CursorError``."""
        if since is None or since == "0":
            return self.restart()
        cursor = parse(since)
        if cursor is None:
            raise CursorError("unknown")
        if cursor.instance != self._epoch[:_INSTANCE_TAG_CHARACTERS]:
            raise CursorError("instance")
        if cursor.process != self._epoch[_INSTANCE_TAG_CHARACTERS:]:
            raise CursorError("epoch")
        if cursor.seq > self.head:
            raise CursorError("future")
        if cursor.seq < self._floor:
            raise CursorError("expired")
        return cursor.seq

    def restart(self) -> int:
        """Return the position of a client without a cursor."""
        return _new(self.head, 0)

    def _change(self, path: str, body: bytes | None) -> None:
        self.head += 1
        self._changes.pop(path, None)
        self._changes[path] = (self.head, body)

    def _since(self, number: int) -> Iterator[tuple[int, Message]]:
        """Yield the changes after *number*, oldest first, each with its number."""
        found: list[tuple[str, int, bytes | None]] = []
        for path, (at, body) in reversed(self._changes.items()):
            if at <= number:
                break
            found.append((path, at, body))
        for path, at, body in reversed(found):
            cursor = self._cursor_at(at)
            if body is None:
                yield at, ("instance-gone", cursor, _encoder.encode({"path": path})[1:])
            else:
                yield at, ("instance", cursor, body)

    def _cursor_at(self, number: int) -> bytes:
        return b"%b.%d.0" % (self._epoch.encode(), number)


def _new(began: int, reached: int) -> int:
    """Return the position of a client that began without a cursor at the number *began*."""
    return -1 - began * _MAX_CHANGES - reached
