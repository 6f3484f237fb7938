"""Events as lines of text or JSON, as ``flux job eventlog`` prints them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from .arguments import add_color
from .json_text import json_text
from .terminal import colors
from .text import safe

__all__ = ["EventLines", "LogEvent", "add_line_options"]

_RESET = "\x1b[0m"
_NAME, _EXCEPTION = "\x1b[33m", "\x1b[1m\x1b[31m"
_TIME, _NEW_MINUTE = "\x1b[32m", "\x1b[1m\x1b[32m"
_KEY, _VALUE, _NUMBER = "\x1b[34m", "\x1b[35m", "\x1b[37m"


class LogEvent(NamedTuple):
    """One event of an eventlog (RFC 18)."""

    timestamp: float
    name: str
    context: Mapping[str, Any] | None = None


def add_line_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the form of the lines."""
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text", help="format")
    parser.add_argument(
        "-T",
        "--time-format",
        choices=("raw", "iso", "offset", "human", "reltime"),
        default="raw",
        help="format of times",
    )
    parser.add_argument(
        "-H", "--human", action="store_true", help="text, with times relative to the minute"
    )
    add_color(parser, "the text", "-L")


class EventLines:
    """A formatter of the events of one eventlog, in order."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._json = arguments.format == "json" and not arguments.human
        self._times = "human" if arguments.human else arguments.time_format
        self._color = colors(arguments.color, sys.stdout)
        self._first = 0.0
        self._minute: tuple[int, ...] = ()
        self._minute_begin = 0.0

    def note_time(self, event: LogEvent) -> None:
        """Take the first event as the begin of offsets, whether it is printed or not."""
        self._first = self._first or event.timestamp

    def line(self, event: LogEvent) -> str:
        """Return the line of an event, without control characters."""
        self.note_time(event)
        if self._json:
            rest: dict[str, Any] = {"name": event.name}
            if event.context:
                rest["context"] = event.context
            document = {"timestamp": float(event.timestamp), **rest}
            return safe(json_text(document, compact=True))
        name = self._painted(_EXCEPTION if event.name == "exception" else _NAME, safe(event.name))
        pairs = "".join(
            f" {self._painted(_KEY, safe(key))}={self._painted(_paint(value), _text(value))}"
            for key, value in (event.context or {}).items()
        )
        return f"{self._time(event.timestamp)} {name}{pairs}"

    def _time(self, timestamp: float) -> str:
        if self._times == "raw":
            return self._painted(_TIME, f"{timestamp:.6f}")
        if self._times == "offset":
            return self._painted(_TIME, f"{timestamp - self._first:.6f}")
        moment = datetime.fromtimestamp(int(timestamp)).astimezone()
        if self._times == "iso":
            micro = int((timestamp - int(timestamp)) * 1e6)
            zone = f"{moment:%z}"
            zone = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
            return self._painted(_TIME, f"{moment:%Y-%m-%dT%H:%M:%S}.{micro:06d}{zone}")
        minute = (moment.year, moment.month, moment.day, moment.hour, moment.minute)
        if minute == self._minute:
            return self._painted(_TIME, f"[{timestamp - self._minute_begin:+11.6f}]")
        self._minute, self._minute_begin = minute, timestamp
        return self._painted(_NEW_MINUTE, f"[{_MONTHS[moment.month - 1]}{moment:%d %H:%M}]")

    def _painted(self, paint: str, text: str) -> str:
        return f"{paint}{text}{_RESET}" if self._color else text


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""In English whatever the locale is, as Flux has them."""


def _text(value: Any) -> str:
    return safe(json_text(value, compact=True))


def _paint(value: Any) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return _NUMBER if is_number else _VALUE
