"""How a message looks on the wire: WebSocket frames, Server-Sent Events, or lines of JSON.

A message is a kind, a cursor (empty where there is none) and the JSON object that it carries,
without its opening brace. Frames are made once for all subscribers that share a wire.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from fluxapi.model.output import PlainText, log_line, search_note, written

__all__ = [
    "EventlogText",
    "Lines",
    "OutputText",
    "ServerSentEvents",
    "WebSocketText",
    "Wire",
    "frame_close",
    "frame_text",
]

_SHORT, _LONG = 126, 65536
"""RFC 6455, 5.2: payload lengths from which two and eight more bytes hold the length."""

_FIN_TEXT, _FIN_DEFLATED, _FIN_CLOSE = 0x81, 0xC1, 0x88

_WORTH = 4096
"""Bytes from which a message is compressed."""

_FAST = 1
"""The compression level: a snapshot shrinks to a ninth, at some 100 MB/s."""

_SYNC = b"\x00\x00\xff\xff"
"""What ends a flush, and is left out (RFC 7692, 7.2.1)."""


class Wire(Protocol):
    """One way to write messages; equal wires share their bytes, so they can be dict keys."""

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:
        """One message as it is written."""

    def join(self, frames: Sequence[bytes]) -> bytes:
        """Several frames as one write."""


def frame_text(payload: bytes) -> bytes:
    """A WebSocket text frame of a server: final, not masked, not compressed."""
    return _frame(_FIN_TEXT, payload)


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < _SHORT:
        return bytes((first, size)) + payload
    if size < _LONG:
        return bytes((first, _SHORT)) + size.to_bytes(2, "big") + payload
    return bytes((first, _SHORT + 1)) + size.to_bytes(8, "big") + payload


def _deflate(payload: bytes) -> bytes:
    """RFC 7692, 7.2.1, with a window that holds this message only."""
    compressor = zlib.compressobj(_FAST, wbits=-zlib.MAX_WBITS)
    deflated = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return deflated[: -len(_SYNC)]


def frame_close(code: int, words: str) -> bytes:
    """A WebSocket close frame of a server."""
    payload = code.to_bytes(2, "big") + words.encode()[:120]
    return bytes((_FIN_CLOSE, len(payload))) + payload


@lru_cache(maxsize=4096)
def _opening(kind: str, label: str | None) -> bytes:
    members = {"type": kind} if label is None else {"type": kind, "sub": label}
    return msgspec.json.encode(members)[:-1]


class WebSocketText(msgspec.Struct, frozen=True):
    """Frames for one subscription of a socket: ``{"type", "sub", "cursor", …}``.

    With ``deflate`` (RFC 7692 was agreed on) long messages are compressed, each by itself, so that
    it is done once for all who get it and nobody needs a compressor of his own.
    """

    label: str
    deflate: bool = False

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:
        """One text frame."""
        opening = _opening(kind, self.label)
        if cursor:
            payload = b'%b,"cursor":"%b",%b' % (opening, cursor, body)
        else:
            payload = b"%b,%b" % (opening, body)
        if self.deflate and len(payload) >= _WORTH:
            return _frame(_FIN_DEFLATED, _deflate(payload))
        return _frame(_FIN_TEXT, payload)

    def join(self, frames: Sequence[bytes]) -> bytes:
        """Frames one after the other."""
        return frames[0] if len(frames) == 1 else b"".join(frames)


def _chunk(data: bytes, *, chunked: bool) -> bytes:
    """A chunk of HTTP/1.1's chunked transfer coding, for readers that have it."""
    # A chunk of nothing would be the end.
    return b"%x\r\n%b\r\n" % (len(data), data) if chunked and data else data


class Lines(msgspec.Struct, frozen=True):
    """One JSON object a line: ``{"type", "cursor", …}``, with ``sub`` where there is a label."""

    chunked: bool = True
    label: str | None = None

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:
        """One line."""
        opening = _opening(kind, self.label)
        if cursor:
            return b'%b,"cursor":"%b",%b\n' % (opening, cursor, body)
        return b"%b,%b\n" % (opening, body)

    def join(self, frames: Sequence[bytes]) -> bytes:
        """Lines as one chunk."""
        return _chunk(b"".join(frames), chunked=self.chunked)


class ServerSentEvents(msgspec.Struct, frozen=True):
    """``id`` is the cursor, ``event`` the kind, ``data`` the object."""

    chunked: bool = True

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:
        """One event."""
        if cursor:
            return b"id: %b\nevent: %b\ndata: {%b\n\n" % (cursor, kind.encode(), body)
        return b"event: %b\ndata: {%b\n\n" % (kind.encode(), body)

    def join(self, frames: Sequence[bytes]) -> bytes:
        """Events as one chunk."""
        return _chunk(b"".join(frames), chunked=self.chunked)


class _Entry(msgspec.Struct, omit_defaults=True):
    timestamp: float
    name: str
    context: dict[str, Any] | None = None


class EventlogText(msgspec.Struct, frozen=True):
    """The events alone, one RFC 18 entry a line, as Flux keeps them."""

    chunked: bool = True

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:  # noqa: ARG002 - a wire
        """One entry; nothing for any other message."""
        if kind != "event":
            return b""
        return msgspec.json.encode(msgspec.json.decode(b"{" + body, type=_Entry)) + b"\n"

    def join(self, frames: Sequence[bytes]) -> bytes:
        """Lines as one chunk."""
        return _chunk(b"".join(frames), chunked=self.chunked)


class OutputText(msgspec.Struct):
    """What a job wrote, and what its shell says about that: as text in UTF-8, or ``exact`` bytes.

    In text, bytes that are not UTF-8 show as replacement characters, and its end says how many do.
    ``logs``: whether the messages of the job shell are wanted, which belong to standard error.
    """

    chunked: bool = True
    exact: bool = False
    logs: bool = True
    text: PlainText = msgspec.field(default_factory=PlainText)

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:  # noqa: ARG002 - a wire
        """What one entry stands for; at the end, what is left to say."""
        if kind == "progress":
            return b"" if self.exact else search_note(msgspec.json.decode(b"{" + body))
        if kind != "output":
            return b"" if self.exact or kind != "end" else self.text.end()
        entry = msgspec.json.decode(b"{" + body)
        name = entry.pop("name", "data")
        if name == "log":
            return log_line(entry).encode("utf-8", "replace") if self.logs else b""
        if name != "data":
            return b""
        return written(entry) if self.exact else self.text.take(entry)

    def join(self, frames: Sequence[bytes]) -> bytes:
        """All of it as one chunk."""
        return _chunk(b"".join(frames), chunked=self.chunked)
