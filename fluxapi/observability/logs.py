"""The log: one line per record, as text or JSON, with the ID of its request.

Of a request only the method and the ID are logged: no path, query, header or body, so no token or
ticket either.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
import time
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import msgspec

from fluxapi.process.text import encodable

__all__ = ["access", "begin_request", "configure", "request_id"]

_access = logging.getLogger("fluxapi.access")
_request: ContextVar[str] = ContextVar("request", default="")
_encoder = msgspec.json.Encoder()

_READS = frozenset({"GET", "HEAD", "OPTIONS"})

_IN_MESSAGE = frozenset({"method", "route", "status"})
"""The fields that the message of an access line tells."""

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
"""Characters that end a line or control a terminal."""


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Log records from ``level`` on to ``stream`` (standard error), as ``text`` or ``json``."""
    # Our lines tell none of this, and it costs more than the rest of a record (logging, HOWTO).
    logging._srcfile = None  # noqa: SLF001 - documented there
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False
    handler = _Handler(
        sys.stderr if stream is None else stream, _Json() if form == "json" else _Text()
    )
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
    handlers = logging.root.handlers
    if len(handlers) == 1 and isinstance(handlers[0], _Handler):
        # The library takes ten times as long as this to pass a record to the only handler.
        handlers[0].write_access(level, f"{method} {route} {status}", fields)
    else:
        _access.log(level, "%s %s %d", method, route, status, extra={"fields": fields})


if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[TextIO]
else:
    # It has a parameter since Python 3.11 only.
    _StreamHandler = logging.StreamHandler


class _Handler(_StreamHandler):
    """A handler that writes the lines of one pass of the event loop together.

    Warnings, and lines outside of an event loop, are written at once.
    """

    def __init__(self, stream: TextIO, form: _Form) -> None:
        super().__init__(stream)
        self.setFormatter(form)
        self._form = form
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Add the line of a record."""
        try:
            self._add(self.format(record))
            if record.levelno >= logging.WARNING:
                self.flush()
        except Exception:  # noqa: BLE001 - as the handlers of the library
            self.handleError(record)

    def write_access(self, level: int, message: str, fields: dict[str, Any]) -> None:
        """Add the line of an answered request."""
        name = logging.getLevelName(level)
        entry = _Entry(time.time(), name, _access.name, message, _request.get(), fields)
        self._add(self._form.line(entry))

    def _add(self, line: str) -> None:
        self._lines.append(line + self.terminator)
        if len(self._lines) == 1:
            self._flush_after_pass()

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


def _time(created: float) -> str:
    second, milliseconds = divmod(int(created * 1000), 1000)
    return f"{_second(second)}.{milliseconds:03d}Z"


@functools.lru_cache(maxsize=1)
def _second(second: int) -> str:
    """Return a second; that of most records is that of the record before."""
    return datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


class _Entry(NamedTuple):
    """The parts of a line."""

    created: float
    level: str
    logger: str
    message: str
    request_id: str
    fields: dict[str, Any]
    exception: str = ""


class _Form(logging.Formatter):
    """The form of a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = _Entry(
            record.created,
            record.levelname,
            record.name,
            record.getMessage(),
            getattr(record, "request_id", ""),
            getattr(record, "fields", {}),
            self.formatException(record.exc_info) if record.exc_info else "",
        )
        return self.line(entry)

    def line(self, entry: _Entry) -> str:
        """Return a line, without its end."""
        raise NotImplementedError


class _Text(_Form):
    """``TIME LEVEL LOGGER: MESSAGE NAME=VALUE …``, followed by the traceback if there is one."""

    def line(self, entry: _Entry) -> str:
        line = f"{_time(entry.created)} {entry.level} {entry.logger}: {entry.message}"
        for name, value in entry.fields.items():
            # The message of an access line already begins with the others.
            if name not in _IN_MESSAGE:
                line += f" {name}={value}"
        if entry.request_id:
            line += f" request_id={entry.request_id}"
        if not line.isprintable():
            line = line.translate(_ESCAPES)
        if entry.exception:
            # Indented and escaped, since the text of an error may come from a stranger.
            traceback = entry.exception.split("\n")
            line += "".join(f"\n  {part.translate(_ESCAPES)}" for part in traceback)
        return line


class _Json(_Form):
    """One JSON object per line."""

    def line(self, entry: _Entry) -> str:
        document: dict[str, Any] = {
            "time": _time(entry.created),
            "level": entry.level.lower(),
            "logger": entry.logger,
            "message": entry.message,
        }
        if entry.request_id:
            document["request_id"] = entry.request_id
        document.update(entry.fields)
        if entry.exception:
            document["exception"] = entry.exception
        return _encoder.encode(encodable(document)).decode()
