"""One connection to a broker, and the messages on it; the only use of libflux.

Futures and the reactor of libflux are not used. A thread sends requests and receives responses
itself, and matches them by tag (RFC 6), because a message costs four calls into C, and a future
with a continuation costs six and a callback, and because an error is then a return value of the
failing call. C never calls back into Python, and the garbage collector releases nothing: one thread
opens, uses and closes a connection.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from typing import Any, NamedTuple
from urllib.parse import unquote

__all__ = ["ANY_NODE", "Connection", "Message", "Wakeup"]

ANY_NODE = -1
_NO_TAG = 0
_ROLE_OWNER = 1
"""FLUX_ROLE_OWNER (src/common/libflux/message.h)."""


class Message(NamedTuple):
    """A response or an event.

    ``tag`` is that of the request (0 for an event); ``error`` is 0 or an errno, and then
    ``payload`` is Flux's sentence, which may be empty; otherwise ``payload`` is JSON or empty, or
    the bytes that answer a raw request.
    """

    tag: int
    error: int
    payload: bytes


class Wakeup:
    """A descriptor that another thread makes readable to end a wait."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._open = True

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self._reader

    def wait(self, timeout: float) -> None:
        """Wait until it is set, or for *timeout* seconds."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.poll(timeout * 1000)

    def set(self) -> None:
        """End the wait, now or when it begins. Only the thread that closes it may call this."""
        if not self._open:
            return
        try:
            os.write(self._writer, b"\0")
        except BlockingIOError:
            return  # It is already readable.

    def clear(self) -> None:
        """Undo all earlier calls of :meth:`set`."""
        try:
            os.read(self._reader, 4096)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Close the descriptors; the waiting thread must have ended. May be called twice."""
        if self._open:
            self._open = False
            os.close(self._reader)
            os.close(self._writer)


class Connection:
    """An open handle (``flux_open``). Every method but :meth:`close` raises ``OSError`` when it
    is lost.

    ``bindings`` is ``_flux._core``: cffi's ``ffi`` and ``lib``.
    """

    def __init__(self, bindings: Any, uri: str | None, timeout: float) -> None:
        """Connect to *uri* (default: FLUX_URI); raise ``OSError`` within *timeout* seconds."""
        self._ffi: Any = bindings.ffi
        self._lib: Any = bindings.lib
        _probe(uri or os.environ.get("FLUX_URI", ""), timeout)
        ffi, lib = self._ffi, self._lib
        error = ffi.new("flux_error_t *")
        name = uri.encode() if uri else ffi.NULL
        self._handle: Any = lib.flux_open_ex(name, 0, error)
        if self._handle == ffi.NULL:
            text = ffi.string(error.text).decode("utf-8", "replace")
            raise OSError(ffi.errno, text or os.strerror(ffi.errno))
        self._any = ffi.new(
            "struct flux_match *",
            {"typemask": lib.FLUX_MSGTYPE_ANY, "matchtag": _NO_TAG, "topic_glob": ffi.NULL},
        )[0]
        self._nonblock = lib.FLUX_O_NONBLOCK
        self._tag = ffi.new("uint32_t *")
        self._text = ffi.new("char *[1]")
        self._data = ffi.new("void *[1]")
        # An int or a size_t, depending on the release.
        self._size = ffi.new(ffi.typeof(lib.flux_response_decode_raw).args[3])
        self._raw: set[int] = set()
        self._type = ffi.new("int *")
        self._roles = ffi.new("uint32_t *")
        self._unsent: Any = None
        self.descriptor = self._check(lib.flux_pollfd(self._handle))
        """It becomes readable when something happens; see :meth:`wait`."""
        self._poll = select.poll()
        self._poll.register(self.descriptor, select.POLLIN)

    def close(self) -> None:
        """Close the handle; the broker cancels its open requests. May be called twice."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._drop_unsent()
            self._lib.flux_close(handle)

    def wake_by(self, wakeup: Wakeup) -> None:
        """Set the *wakeup* that ends :meth:`wait`."""
        self._poll.register(wakeup.fileno(), select.POLLIN)

    def watch(self, descriptor: int, events: int) -> None:
        """Have *events* of another descriptor (poll(2)) end :meth:`wait`, too."""
        self._poll.register(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Undo :meth:`watch`; call this before the descriptor is closed."""
        self._poll.unregister(descriptor)

    @property
    def clogged(self) -> bool:
        """True if the broker accepts no more now: call :meth:`flush` before the next request."""
        return self._unsent is not None

    def request(
        self,
        topic: bytes,
        payload: bytes,
        tag: int,
        *,
        streaming: bool = False,
        node: int = ANY_NODE,
        raw: bool = False,
    ) -> None:
        """Send a request without blocking; a *tag* of 0 means that no response is expected.

        *payload* is JSON or, if *raw*, any bytes, and then the response is bytes, too. If the
        request cannot be sent completely, the connection is ``clogged``.
        """
        lib = self._lib
        if raw:
            message = lib.flux_request_encode_raw(topic, payload, len(payload))
            self._raw.add(tag)
        else:
            message = lib.flux_request_encode(topic, payload)
        if message == self._ffi.NULL:
            self._fail()
        if tag:
            lib.flux_msg_set_matchtag(message, tag)
            if streaming:
                lib.flux_msg_set_streaming(message)
        else:
            lib.flux_msg_set_noresponse(message)
        if node != ANY_NODE:
            lib.flux_msg_set_nodeid(message, node)
        self._unsent = message
        self.flush()

    def flush(self) -> bool:
        """Send the rest of an incomplete request; return whether all is sent."""
        if self._unsent is not None:
            if self._lib.flux_send(self._handle, self._unsent, self._nonblock) < 0:
                if self._ffi.errno in {errno.EAGAIN, errno.EWOULDBLOCK}:
                    return False
                self._fail()
            self._drop_unsent()
        return True

    def receive(self) -> Message | None:
        """Return the next response or event, or ``None`` if there is none yet.

        Events of guests are left out: a guest may publish any event, also one that looks like an
        event of the job manager.
        """
        ffi, lib = self._ffi, self._lib
        while True:
            message = lib.flux_recv(self._handle, self._any, self._nonblock)
            if message == ffi.NULL:
                if ffi.errno in {errno.EAGAIN, errno.EWOULDBLOCK}:
                    return None
                self._fail()
            try:
                found = self._decode(message)
            finally:
                lib.flux_msg_decref(message)
            if found is not None:
                return found

    def wait(self, timeout: float) -> list[tuple[int, int]]:
        """Wait until the connection is readable or writable, for a wake-up, or for *timeout* s.

        The descriptor of a handle is edge-triggered (flux_pollfd(3)), so receive all available
        messages first.

        Returns:
            The descriptors that are ready, with their events, as poll(2) tells them.
        """
        return self._poll.poll(0 if self.is_ready() else max(timeout, 0) * 1000)

    def is_ready(self) -> bool:
        """Return whether there is something to receive or to flush.

        If not, :attr:`descriptor` becomes readable when there is; until this is called, it stays
        readable (flux_pollevents(3)).
        """
        lib = self._lib
        events = self._check(lib.flux_pollevents(self._handle))
        if events & lib.FLUX_POLLERR:
            raise OSError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        return bool(events & lib.FLUX_POLLIN or (self.clogged and events & lib.FLUX_POLLOUT))

    def _decode(self, message: Any) -> Message | None:
        ffi, lib = self._ffi, self._lib
        text = self._text
        lib.flux_msg_get_matchtag(message, self._tag)
        tag: int = self._tag[0]
        if tag in self._raw:
            self._raw.discard(tag)
            data, size = self._data, self._size
            if lib.flux_response_decode_raw(message, ffi.NULL, data, size) == 0:
                return Message(tag, 0, ffi.buffer(data[0], size[0])[:] if size[0] else b"")
        elif lib.flux_response_decode(message, ffi.NULL, text) == 0:
            return Message(tag, 0, self._string(text[0]))
        error: int = ffi.errno
        lib.flux_msg_get_type(message, self._type)
        if self._type[0] == lib.FLUX_MSGTYPE_EVENT:
            return self._decode_event(message) if self._is_of_owner(message) else None
        if lib.flux_response_decode_error(message, text) < 0:
            return Message(tag, error, b"")
        return Message(tag, error, self._string(text[0]))

    def _decode_event(self, message: Any) -> Message:
        if self._lib.flux_event_decode(message, self._ffi.NULL, self._text) < 0:
            return Message(0, self._ffi.errno, b"")
        return Message(0, 0, self._string(self._text[0]))

    def _is_of_owner(self, message: Any) -> bool:
        """Return whether the owner of the instance, or a part of Flux, has sent a message."""
        roles = self._roles
        return self._lib.flux_msg_get_rolemask(message, roles) == 0 and bool(roles[0] & _ROLE_OWNER)

    def _string(self, text: Any) -> bytes:
        string: bytes = b"" if text == self._ffi.NULL else self._ffi.string(text)
        return string

    def _drop_unsent(self) -> None:
        message, self._unsent = self._unsent, None
        if message is not None:
            self._lib.flux_msg_decref(message)

    def _check(self, result: int) -> int:
        if result < 0:
            self._fail()
        return result

    def _fail(self) -> None:
        number = self._ffi.errno
        raise OSError(number, os.strerror(number))


def _probe(uri: str, timeout: float) -> None:
    """Ensure that a broker on this machine answers; ``flux_open`` would wait for it forever.

    A broker sends one zero byte on each new connection
    (flux-core, src/common/librouter/usock.c).
    """
    if not uri.startswith("local://"):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        sock.connect(unquote(uri.removeprefix("local://").partition("?")[0]))
        if sock.recv(1) != b"\0":
            raise ConnectionRefusedError(errno.ECONNREFUSED, "the broker refuses connections")
