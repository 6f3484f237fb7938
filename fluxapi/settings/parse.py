"""Parsers of the texts of settings; each raises ``ValueError`` with what a setting takes."""

from __future__ import annotations

import ipaddress
import math
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from fluxapi.process import account

__all__ = [
    "Peer",
    "boolean",
    "command",
    "count",
    "frame_ancestors",
    "header",
    "is_prefix",
    "mode",
    "names",
    "network_or_host",
    "one_of",
    "option_flags",
    "path",
    "peers",
    "port",
    "positive",
    "prefix",
    "seconds",
    "targets",
    "transports",
]

Peer = ipaddress.IPv4Network | ipaddress.IPv6Network | Literal["unix"]
"""A network whose addresses are trusted, or ``unix`` for all Unix sockets."""

TRANSPORTS = ("local", "parent", "ssh")
"""The ways to a child instance, in the order in which they are tried."""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})
MAX_PORT = 65535
_MAX_HOST_LENGTH = 253
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")
"""One part of the name of a host."""

MAX_PREFIX_BYTES = 255
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+\Z")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_ANCESTOR = re.compile(
    r"(?:https?://)?(?:\*\.)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::(?:[0-9]{1,5}|\*))?\Z"
)
"""A host source of a Content-Security-Policy, without paths."""


def boolean(text: str) -> bool:
    """Parse a word for yes or no."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("must be true, yes, 1 or on, or false, no, 0 or off")


def header(text: str) -> str:
    """Parse the name of a header; empty is none."""
    if text and not _HEADER.match(text):
        raise ValueError("must be the name of a header such as X-Remote-User")
    return text


def port(text: str) -> int:
    """Parse a port number."""
    if not text.isascii() or not text.isdigit() or int(text) > MAX_PORT:
        raise ValueError("must be a port number, 0 (any free one) to 65535")
    return int(text)


def command(text: str) -> tuple[str, ...]:
    """Parse the words of a command, whose program must exist; an empty text is none."""
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        words = ("",)
    if words and shutil.which(words[0]) is None:
        raise ValueError("must be a command whose first word is an executable file")
    return words


def positive(text: str) -> int:
    """Parse a whole number above 0."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ValueError("must be a whole number above 0")
    return int(text)


def count(text: str) -> int:
    """Parse a whole number, 0 or more."""
    if not text.isascii() or not text.isdigit():
        raise ValueError("must be a whole number, 0 or more")
    return int(text)


def transports(text: str) -> tuple[str, ...]:
    """Parse the transports to child instances, separated by commas."""
    found = tuple(dict.fromkeys(filter(None, (word.strip() for word in text.split(",")))))
    if not found or not set(found) <= set(TRANSPORTS):
        raise ValueError(f"must be one or more of {', '.join(TRANSPORTS)}, separated by commas")
    return found


def seconds(text: str) -> float:
    """Parse a duration."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError("must be a number of seconds above 0")
    return value


def one_of(*words: str) -> Callable[[str], str]:
    """Return a parser that takes only *words*."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}")
        return text

    return parse


def mode(text: str) -> int:
    """Parse the permissions of a file in octal, as chmod takes them."""
    if not re.fullmatch(r"0?[0-7]{3}", text, re.ASCII):
        raise ValueError("must be the permissions of a file in octal, such as 0660")
    return int(text, 8)


def names(text: str) -> tuple[str, ...]:
    """Parse names that commas separate."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def option_flags(text: str) -> Mapping[str, str]:
    """Parse shell options such as ``-ompi=spectrum -ocpu-affinity=off``."""
    options: dict[str, str] = {}
    for word in shlex.split(text):
        name, equals, value = word.removeprefix("-o").partition("=")
        if not equals or not name:
            raise ValueError("must be shell options as '-oNAME=VALUE …', separated by blanks")
        options[name] = value
    return options


def path(text: str) -> Path | None:
    """Parse a path; an empty text is none."""
    return account.expand(text) if text else None


def is_prefix(text: str) -> bool:
    """Return whether *text* is a prefix of paths such as ``/flux``, without dot segments."""
    return len(text) <= MAX_PREFIX_BYTES and _PREFIX.match(text) is not None


def prefix(text: str) -> str:
    """Parse a prefix of paths; a slash at its end is dropped, and ``/`` is no prefix."""
    found = text.removesuffix("/")
    if found and not is_prefix(found):
        raise ValueError(
            "must be a path such as /flux, of letters, digits and ._~- between its slashes"
        )
    return found


def peers(text: str) -> tuple[Peer, ...]:
    """Parse addresses and networks, and the word ``unix``, separated by commas."""
    try:
        return tuple(
            "unix" if name == "unix" else ipaddress.ip_network(name) for name in names(text)
        )
    except ValueError:
        raise ValueError(
            "must be addresses and networks such as 10.0.0.7,10.1.0.0/16, and the word unix"
        ) from None


def frame_ancestors(text: str) -> tuple[str, ...]:
    """Parse the origins of pages, and the words ``self`` and ``*``, separated by commas."""
    found = names(text)
    for name in found:
        if name not in {"self", "*"} and _ANCESTOR.match(name) is None:
            raise ValueError(
                "must be origins such as https://lab.example.org, and the words self and *"
            )
    return found


def network_or_host(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | str:
    """Return the network of an address, a network, or the name of a host in small letters.

    Raises:
        ValueError: It is none of these.
    """
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        pass
    name = text.lower().rstrip(".")
    labels = name.split(".")
    # A host whose name ends in a number is an address to some resolvers.
    is_host = len(name) <= _MAX_HOST_LENGTH and all(map(_LABEL.match, labels))
    if not is_host or labels[-1][:1].isdigit():
        raise ValueError(f"is neither a host nor an address nor a network: {text[:64]!r}")
    return name


def targets(text: str) -> tuple[str, ...]:
    """Parse hosts, addresses and networks that commas separate."""
    found = names(text)
    try:
        for name in found:
            network_or_host(name)
    except ValueError:
        raise ValueError(
            "must be hosts, addresses and networks such as hooks.example.org,10.1.0.0/16"
        ) from None
    return found
