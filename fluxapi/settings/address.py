"""An address to listen on: a host and a port, or the path of a Unix socket."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from fluxapi.process import account

from . import parse

__all__ = ["Address", "addresses", "is_loopback"]

_UNIX = "unix:"
_FORM = "must be HOST:PORT, [IPV6]:PORT or unix:PATH"
_TCP = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\[\]:/\s]+):([0-9]+)\Z")


@dataclass(frozen=True)
class Address:
    """One address; ``path`` is that of a Unix socket, and the others are empty then."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return f"{_UNIX}{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def addresses(text: str) -> tuple[Address, ...]:
    """Parse addresses that commas separate."""
    return tuple(_address(name) for name in parse.names(text))


def _address(text: str) -> Address:
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX)
        if not path or "\0" in path:
            raise ValueError(_FORM)
        return Address(path=account.expand(path).absolute())
    found = _TCP.match(text)
    if found is None:
        raise ValueError(_FORM)
    return Address(found[1].strip("[]"), parse.port(found[2]))


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
