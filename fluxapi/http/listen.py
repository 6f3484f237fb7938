"""The sockets that the service listens on: TCP, Unix, and those that systemd passes."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from fluxapi.errors import SettingsError
from fluxapi.settings import Address, Settings

from .unix_socket import bind

__all__ = ["Listener", "open_all"]

_BACKLOG = 1024
_FIRST_INHERITED = 3
"""The descriptor of the first socket that is passed, see sd_listen_fds(3)."""


@dataclass(frozen=True)
class Listener:
    """One socket, its address for clients, and a function that removes what it leaves behind."""

    socket: socket.socket
    url: str
    remove: Callable[[], None]

    @property
    def is_encrypted(self) -> bool:
        """Return whether clients use TLS, as they do on TCP with a certificate."""
        return self.url.startswith("https:")


def open_all(settings: Settings, environ: MutableMapping[str, str] = os.environ) -> list[Listener]:
    """Return all sockets, ready for clients: those of the settings, and those that were passed.

    The default address is for a service that has no other. Raises ``SettingsError``.
    """
    with contextlib.ExitStack() as opened:
        found: list[Listener] = []

        def keep(listener: Listener) -> None:
            opened.callback(listener.remove)
            opened.callback(listener.socket.close)
            found.append(listener)

        for sock in _inherited(environ):
            opened.callback(sock.close)
            keep(_checked(sock, settings))
        for address in settings.addresses if settings.listen or not found else ():
            keep(_listen(address, settings))
        opened.pop_all()
        return found


def _inherited(environ: MutableMapping[str, str]) -> Iterator[socket.socket]:
    """Yield the listening sockets that systemd has passed to this process."""
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdigit():
        return
    for descriptor in range(_FIRST_INHERITED, _FIRST_INHERITED + int(count)):
        yield _taken(descriptor)


def _taken(descriptor: int) -> socket.socket:
    """Return the socket of a descriptor, which no child process inherits."""
    try:
        os.set_inheritable(descriptor, False)
        return socket.socket(fileno=descriptor)
    except OSError as error:
        raise SettingsError(
            f"The descriptor {descriptor} of LISTEN_FDS is not a socket: {error.strerror}."
        ) from None


def _checked(sock: socket.socket, settings: Settings) -> Listener:
    """Return a socket that was passed; raise ``SettingsError`` if it cannot be served."""
    name, mode = sock.getsockname(), 0
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(
        socket.SOL_SOCKET, socket.SO_ACCEPTCONN
    ):
        raise SettingsError(
            f"The socket {name!r} of LISTEN_FDS does not listen: use ListenStream= and Accept=no."
        )
    if sock.family == socket.AF_UNIX:
        if not isinstance(name, str) or not name.startswith("/"):
            raise SettingsError(
                "An abstract socket admits every user: use a path in ListenStream=."
            )
        mode = stat.S_IMODE(Path(name).stat().st_mode)
        settings.check_exposure(Address(path=Path(name)), mode)
    else:
        settings.check_exposure(Address(name[0], name[1]), mode)
    return Listener(sock, _url(sock, settings), _leave)


def _listen(address: Address, settings: Settings) -> Listener:
    if address.path is None:
        sock = _tcp(address)
        return Listener(sock, _url(sock, settings), _leave)
    sock, remove = bind(address.path, settings.socket_mode, settings.socket_group)
    return Listener(sock, str(address), remove)


def _leave() -> None:
    """Remove nothing."""


def _tcp(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # The IPv6 wildcard accepts IPv4 as well, as is common for servers.
    both = address.host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            (address.host, address.port), family=family, backlog=_BACKLOG, dualstack_ipv6=both
        )
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {address.host} port {address.port}: {_reason(error)}. "
            "Choose another with --listen, or --host and --port; port 0 takes any free one."
        ) from None


def _reason(error: OSError) -> str:
    """Return the reason without the address, which Python adds; keep that of a failed lookup."""
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def _url(sock: socket.socket, settings: Settings) -> str:
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix:{name}"
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{Address(name[0], name[1])}{settings.base_path}"
