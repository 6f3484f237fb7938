"""The encoding of messages: WebSocket frames, Server-Sent Events, or JSON lines.

A message is a kind, a cursor (may be empty) and a JSON object without its opening brace. A frame is
made once for all subscribers that share a wire.
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

_LENGTH_16_BIT, _LENGTH_64_BIT = 126, 65536
"""RFC 6455, 5.2: payload lengths from which the header has two or eight more bytes of length."""

_FIN_TEXT, _FIN_DEFLATED, _FIN_CLOSE = 0x81, 0xC1, 0x88

_MIN_DEFLATE_BYTES = 4096
"""Size from which a message is compressed."""

_DEFLATE_LEVEL = 1
"""Level 1 reduces a snapshot to a ninth, at about 100 MB/s."""

_FLUSH_TRAILER = b"\x00\x00\xff\xff"
"""The end of a flush, which is left out (RFC 7692, 7.2.1)."""


class Wire(Protocol):
    """An encoding; equal wires share their bytes, so a wire can be a dict key."""

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:
        """Encode one message."""

    def join(self, frames: Sequence[bytes]) -> bytes:
        """Join frames into one write."""


def frame_text(payload: bytes) -> bytes:
    """Return a WebSocket text frame of a server: final, not masked, not compressed."""
    return _frame(_FIN_TEXT, payload)


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < _LENGTH_16_BIT:
        return bytes((first, size)) + payload
    if size < _LENGTH_64_BIT:
        return bytes((first, _LENGTH_16_BIT)) + size.to_bytes(2, "big") + payload
    return bytes((first, _LENGTH_16_BIT + 1)) + size.to_bytes(8, "big") + payload


def _deflate(payload: bytes) -> bytes:
    """Compress by RFC 7692, 7.2.1, with a window that holds this message only."""
    compressor = zlib.compressobj(_DEFLATE_LEVEL, wbits=-zlib.MAX_WBITS)
    deflated = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return deflated[: -len(_FLUSH_TRAILER)]


def frame_close(code: int, words: str) -> bytes:
    """Return a WebSocket close frame of a server."""
    payload = code.to_bytes(2, "big") + words.encode()[:120]
    return bytes((_FIN_CLOSE, len(payload))) + payload


@lru_cache(maxsize=4096)
def _opening(kind: str, label: str | None) -> bytes:
    members = {"type": kind} if label is None else {"type": kind, "sub": label}
    return msgspec.json.encode(members)[:-1]


class WebSocketText(msgspec.Struct, frozen=True):
    """The frames of one subscription of a socket: ``{"type", "sub", "cursor", …}``.

    With ``deflate`` (RFC 7692 was negotiated) each long message is compressed by itself, so it is
    compressed once for all subscribers, and no connection needs a compressor.
    """

    label: str
    deflate: bool = False

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:
        """Encode one message as a text frame."""
        opening = _opening(kind, self.label)
        if cursor:
            payload = b'%b,"cursor":"%b",%b' % (opening, cursor, body)
        else:
            payload = b"%b,%b" % (opening, body)
        if self.deflate and len(payload) >= _MIN_DEFLATE_BYTES:
            return _frame(_FIN_DEFLATED, _deflate(payload))
        return _frame(_FIN_TEXT, payload)

    def join(self, frames: Sequence[bytes]) -> bytes:
        """Concatenate frames."""
        return frames[0] if len(frames) == 1 else b"".join(frames)


def _chunk(data: bytes, *, chunked: bool) -> bytes:
    """Return a chunk of HTTP/1.1's chunked transfer coding, or the data as it is."""
    # An empty chunk would be the end of the response.
    return b"%x\r\n%b\r\n" % (len(data), data) if chunked and data else data


class Lines(msgspec.Struct, frozen=True):
    """One JSON object per line: ``{"type", "cursor", …}``, with ``sub`` if there is a label."""

    chunked: bool = True
    label: str | None = None

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:
        """Encode one message as a line."""
        opening = _opening(kind, self.label)
        if cursor:
            return b'%b,"cursor":"%b",%b\n' % (opening, cursor, body)
        return b"%b,%b\n" % (opening, body)

    def join(self, frames: Sequence[bytes]) -> bytes:
        """Join lines into one chunk."""
        return _chunk(b"".join(frames), chunked=self.chunked)


class ServerSentEvents(msgspec.Struct, frozen=True):
    """Server-Sent Events: ``id`` is the cursor, ``event`` the kind, ``data`` the object."""

    chunked: bool = True

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:
        """Encode one message as an event."""
        if cursor:
            return b"id: %b\nevent: %b\ndata: {%b\n\n" % (cursor, kind.encode(), body)
        return b"event: %b\ndata: {%b\n\n" % (kind.encode(), body)

    def join(self, frames: Sequence[bytes]) -> bytes:
        """Join events into one chunk."""
        return _chunk(b"".join(frames), chunked=self.chunked)


class _Entry(msgspec.Struct, omit_defaults=True):
    timestamp: float
    name: str
    context: dict[str, Any] | None = None


class EventlogText(msgspec.Struct, frozen=True):
    """The events alone, one RFC 18 entry per line, as Flux stores them."""

    chunked: bool = True

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:  # noqa: ARG002 - a wire
        """Encode an event as an entry, and any other message as nothing."""
        if kind != "event":
            return b""
        return msgspec.json.encode(msgspec.json.decode(b"{" + body, type=_Entry)) + b"\n"

    def join(self, frames: Sequence[bytes]) -> bytes:
        """Join lines into one chunk."""
        return _chunk(b"".join(frames), chunked=self.chunked)


class OutputText(msgspec.Struct):
    """The output of a job and the messages of its shell, as UTF-8 text or as ``exact`` bytes.

    In text, bytes that are not UTF-8 become replacement characters, and the end says how many.
    ``logs`` includes the messages of the job shell, which belong to standard error.
    """

    chunked: bool = True
    exact: bool = False
    logs: bool = True
    text: PlainText = msgspec.field(default_factory=PlainText)

    def frame(self, kind: str, cursor: bytes, body: bytes) -> bytes:  # noqa: ARG002 - a wire
        """Return the text of one entry; for the end, the number of replaced bytes."""
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
        """Join everything into one chunk."""
        return _chunk(b"".join(frames), chunked=self.chunked)
