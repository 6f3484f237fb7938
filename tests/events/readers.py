"""Readers of the event channel: they parse the bytes that they get, and keep what these say."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from fluxapi.events.transport.wire import Lines, Wire

__all__ = ["EventsReader", "Frame", "JobsReader", "parse"]


class Frame(NamedTuple):
    kind: str
    cursor: str
    body: dict[str, Any]


def parse(wire: Wire, data: bytes) -> list[Frame]:
    """Return the messages in the bytes that a reader got."""
    return list((_lines if isinstance(wire, Lines) else _server_sent)(data))


def _lines(data: bytes) -> Iterator[Frame]:
    assert data.endswith(b"\n") or not data
    for line in data.split(b"\n")[:-1]:
        body = json.loads(line)
        yield Frame(body.pop("type"), body.pop("cursor", ""), body)


def _server_sent(data: bytes) -> Iterator[Frame]:
    assert data.endswith(b"\n\n") or not data
    for text in data.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in text.split("\n"))
        yield Frame(fields["event"], fields.get("id", ""), json.loads(fields["data"]))


class Reader:
    """The state that a client of one stream builds from its frames."""

    def __init__(self) -> None:
        self.cursor: str | None = None
        self.mark: dict[str, Any] | None = None
        self.resets: list[str] = []

    def take(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self.fold(frame)
            if frame.cursor:
                self.cursor = frame.cursor
            if frame.kind == "bookmark":
                self.mark = frame.body
            if frame.kind == "reset":
                self.resets.append(frame.body["reason"])

    def fold(self, frame: Frame) -> None:
        raise NotImplementedError


class EventsReader(Reader):
    """``told``: (id, index, name) of every event, (id, ``None``, ``gone``) of every removal.

    ``runs`` are their cursors, a list for each stretch between two resets.
    """

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, int | None, str]] = []
        self.runs: list[list[str]] = [[]]

    def fold(self, frame: Frame) -> None:
        if frame.kind == "event":
            self.told.append((frame.body["id"], frame.body.get("index"), frame.body["name"]))
        elif frame.kind == "gone":
            self.told.append((frame.body["id"], None, "gone"))
        if frame.kind == "reset":
            self.runs.append([])
        elif frame.kind in {"event", "gone"}:
            self.runs[-1].append(frame.cursor)


class JobsReader(Reader):
    """``rows``: the records by id. Every mark must say what they are at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, Any]] = {}

    def fold(self, frame: Frame) -> None:
        body = frame.body
        if frame.kind == "snapshot":
            if body["first"]:
                self.rows.clear()
            self.rows |= {row["id"]: row for row in body["jobs"]}
        elif frame.kind == "job":
            self.rows[body["id"]] = body
        elif frame.kind == "gone":
            self.rows.pop(body["id"], None)
        elif frame.kind == "bookmark":
            assert {key: body[key] for key in ("count", "digest")} == self.proof

    @property
    def proof(self) -> dict[str, Any]:
        """Return the digest that a bookmark must have for these rows."""
        marks = (
            zlib.crc32(f"{row['id']} {row['revision']}".encode()) for row in self.rows.values()
        )
        return {"count": len(self.rows), "digest": f"{sum(marks) % (1 << 32):08x}"}
