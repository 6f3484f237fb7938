"""The log: one line per record, as text or JSON, with the ID of its request.

Of a request only the method and the ID are logged: no path, query, header or body, so no token or
ticket either.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import Any, TextIO

import msgspec

from fluxapi.process.text import encodable

__all__ = ["access", "begin_request", "configure", "request_id"]

_access = logging.getLogger("fluxapi.access")
_request: ContextVar[str] = ContextVar("request", default="")
_encoder = msgspec.json.Encoder()

_READS = frozenset({"GET", "HEAD", "OPTIONS"})

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
"""Characters that end a line or control a terminal."""


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Log records from ``level`` on to ``stream`` (standard error), as ``text`` or ``json``."""
    # Our lines tell none of this, and it costs more than the rest of a record (logging, HOWTO).
    logging._srcfile = None  # noqa: SLF001 - documented there
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False
    handler = _Handler(sys.stderr if stream is None else stream)
    handler.setFormatter(_Json() if form == "json" else _Text())
    handler.addFilter(_stamp)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # markdown_it logs every line of every guide at DEBUG.
    logging.getLogger("markdown_it").setLevel(logging.WARNING)


def begin_request(request_id: str) -> None:
    """Assign later log records of this task to a request."""
    _request.set(request_id)


def request_id() -> str:
    """Return the ID of the request that this task answers."""
    return _request.get()


def access(method: str, route: str, status: int, seconds: float, user: str | None) -> None:
    """Log one answered request: a write at ``info``, a read at ``debug``."""
    level = logging.DEBUG if method in _READS else logging.INFO
    if not _access.isEnabledFor(level):
        return
    fields = {
        "method": method,
        "route": route,
        "status": status,
        "duration": round(seconds, 6),
    }
    if user is not None:
        fields["user"] = user
    _access.log(level, "%s %s %d", method, route, status, extra={"fields": fields})


class _Handler(logging.StreamHandler[TextIO]):
    """A handler that writes the lines of one pass of the event loop together.

    Warnings, and lines outside of an event loop, are written at once.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Add the line of a record."""
        try:
            self._lines.append(self.format(record) + self.terminator)
            if record.levelno >= logging.WARNING:
                self.flush()
            elif len(self._lines) == 1:
                self._flush_after_pass()
        except Exception:  # noqa: BLE001 - as the handlers of the library
            self.handleError(record)

    def flush(self) -> None:
        """Write the lines that wait; also called when the process exits."""
        self.acquire()
        try:
            lines, self._lines = self._lines, []
            if lines:
                self.stream.write("".join(lines))
            super().flush()
        finally:
            self.release()

    def _flush_after_pass(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
        else:
            loop.call_soon(self.flush)


def _stamp(record: logging.LogRecord) -> bool:
    record.request_id = _request.get()
    return True


def _time(record: logging.LogRecord) -> str:
    second, milliseconds = divmod(int(record.created * 1000), 1000)
    return f"{_second(second)}.{milliseconds:03d}Z"


@functools.lru_cache(maxsize=1)
def _second(second: int) -> str:
    """Return a second; that of most records is that of the record before."""
    return datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


class _Text(logging.Formatter):
    """``TIME LEVEL LOGGER: MESSAGE NAME=VALUE …``, followed by the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = getattr(record, "fields", {})
        # The message of an access line already begins with these.
        shown = {k: v for k, v in fields.items() if k not in {"method", "route", "status"}}
        request_id = getattr(record, "request_id", "")
        if request_id:
            shown["request_id"] = request_id
        words = [f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}"]
        words += [f"{name}={value}" for name, value in shown.items()]
        line = " ".join(words)
        if not line.isprintable():
            line = line.translate(_ESCAPES)
        if record.exc_info:
            # Indented and escaped, since the text of an error may come from a stranger.
            traceback = self.formatException(record.exc_info).split("\n")
            line += "".join(f"\n  {part.translate(_ESCAPES)}" for part in traceback)
        return line


class _Json(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = getattr(record, "request_id", "")
        if request_id:
            entry["request_id"] = request_id
        entry.update(getattr(record, "fields", {}))
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return _encoder.encode(encodable(entry)).decode()
