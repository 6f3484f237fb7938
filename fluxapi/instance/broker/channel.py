"""One connection to the broker of a child, carried by the messages of its parent.

The parent runs ``flux relay`` on the node of the child (``rexec.exec``, RFC 42). Bytes from the
client go to the relay as ``rexec.write`` requests, as many as the server has given credit for, and
the output of the relay goes to the client.
"""

from __future__ import annotations

import base64
import errno
import select
import signal
import socket
from collections.abc import Callable
from typing import Any

import msgspec

from fluxapi.model.shallow import BAD_JSON

from .child_uri import Address

__all__ = ["Channel", "Send"]

_MAX_CHUNK_BYTES = 1 << 16
_PAUSE_BYTES, _RESUME_BYTES = 4 << 20, 1 << 20
"""The relay is stopped while more than the first wait for the client, until the second is left."""

_MAX_PENDING_BYTES = 64 << 20
"""Bytes for the client at which the channel is given up, since the relay did not stop."""

_MAX_PROBLEM_LENGTH = 300

_FLAGS = 1 | 2 | 8
"""SUBPROCESS_REXEC_STDOUT, _STDERR and _WRITE_CREDIT (src/common/libsubprocess/client.h)."""

_GREETING = b"\0"
"""A broker sends one byte to each new client (src/common/librouter/usock.c)."""

Send = Callable[..., None]
"""``send(topic, payload, tag, *, streaming)`` queues a request to the node of the child."""


class _Io(msgspec.Struct):
    stream: str = ""
    data: str = ""
    encoding: str = ""


class _Answer(msgspec.Struct):
    type: str = ""
    pid: int = 0
    io: _Io = msgspec.field(default_factory=_Io)
    channels: dict[str, int] = {}


_answers = msgspec.json.Decoder(_Answer)
_encode = msgspec.json.Encoder().encode


class Channel:
    """One client of a door, and the relay that serves it.

    The client is greeted at once, and the relay starts with the first bytes of the client, so that
    a connection that is not used costs nothing.

    Attributes:
        ended: True once nothing more can be carried.
        problem: The last words of the relay, or of Flux, if it failed.
    """

    def __init__(self, client: socket.socket, address: Address, tag: int, send: Send) -> None:
        client.setblocking(False)
        self.client = client
        self.tag = tag
        self.ended = False
        self.problem = ""
        self._address = address
        self._send = send
        self._pid = 0
        self._has_relay = False
        self._is_greeted = False
        self._credit = 0
        self._has_credit = False
        self._is_stopped = False
        self._pending = bytearray(_GREETING)
        self._flush()

    @property
    def events(self) -> int:
        """Return the events of the client's socket to wait for."""
        wanted = select.POLLOUT if self._pending else 0
        if not self._has_relay or self._credit > 0:
            wanted |= select.POLLIN
        return wanted

    def serve(self, events: int) -> None:
        """Carry bytes after *events* of the client's socket."""
        if events & select.POLLOUT:
            self._flush()
        if self.ended:
            return
        if events & select.POLLIN and self.events & select.POLLIN:
            self._read()
        elif events & (select.POLLHUP | select.POLLERR):
            self.ended = True

    def answer(self, error: int, payload: bytes, reason: str) -> None:
        """Take a response of the server; *reason* is the sentence of an *error*."""
        if error:
            if error != errno.ENODATA:  # which ends every stream
                self.problem = self.problem or reason
            self.ended = True
            return
        try:
            self._obey(_answers.decode(payload))
        except BAD_JSON as problem:
            # The parent may be a child itself.
            self.problem = f"the answer of the parent is invalid: {problem}"
            self.ended = True

    def _obey(self, answer: _Answer) -> None:
        if answer.type == "started":
            self._pid = answer.pid
        elif answer.type == "add-credit":
            self._has_credit = True
            self._credit += max(answer.channels.get("stdin", 0), 0)
        elif answer.type == "output":
            self._take(answer.io)

    def close(self) -> None:
        """Close the socket of the client, and end the relay."""
        self.ended = True
        self.client.close()
        if not self._has_relay:
            return
        self._write({"eof": True})
        if self._pid:
            self._kill(signal.SIGTERM)
            if self._is_stopped:
                self._kill(signal.SIGCONT)

    def _read(self) -> None:
        if not self._has_relay:
            self._has_relay = True
            self._start_relay()
            return
        try:
            data = self.client.recv(min(self._credit, _MAX_CHUNK_BYTES))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return
        if self._has_credit:
            self._credit -= len(data)
        self._write({"encoding": "base64", "data": base64.b64encode(data).decode()})

    def _take(self, io: _Io) -> None:
        data = base64.b64decode(io.data) if io.encoding == "base64" else io.data.encode()
        if io.stream == "stderr" and data:
            self.problem = data.decode("utf-8", "replace").strip()[-_MAX_PROBLEM_LENGTH:]
        if io.stream != "stdout" or not data:
            return
        if not self._is_greeted:
            self._is_greeted = True
            data = data[len(_GREETING) :]
            if not self._has_credit:
                # Before 0.68 the server gives no credit.
                self._credit = _MAX_CHUNK_BYTES
        self._pending += data
        self._flush()
        if len(self._pending) > _MAX_PENDING_BYTES:
            self.problem = "it sends faster than the service can read"
            self.ended = True
        elif len(self._pending) > _PAUSE_BYTES and not self._is_stopped:
            # Flux would queue without bound, in the parent, for a slow reader.
            self._is_stopped = True
            self._kill(signal.SIGSTOP)

    def _flush(self) -> None:
        try:
            while self._pending:
                sent = self.client.send(self._pending[:_MAX_CHUNK_BYTES])
                del self._pending[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True
        if self._is_stopped and len(self._pending) < _RESUME_BYTES:
            self._is_stopped = False
            self._kill(signal.SIGCONT)

    def _start_relay(self) -> None:
        command = {
            "cmdline": ["flux", "relay", self._address.path],
            "env": {},  # the one of the broker
            "opts": {"stdout_LINE_BUFFER": "false"},
            "channels": [],
        }
        body = {"cmd": command, "flags": _FLAGS, "local_flags": 0}
        self._send(b"rexec.exec", _encode(body), self.tag, streaming=True)

    def _write(self, io: dict[str, Any]) -> None:
        # Older releases find the process by its ID, newer ones by the request that started it.
        place = {"pid": self._pid, "matchtag": self.tag}
        body = {**place, "io": {"stream": "stdin", "rank": "0", **io}}
        self._send(b"rexec.write", _encode(body), 0)

    def _kill(self, signum: int) -> None:
        if self._pid:
            self._send(b"rexec.kill", _encode({"pid": self._pid, "signum": signum}), 0)
