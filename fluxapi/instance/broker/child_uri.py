"""The address of a child instance, read from the memo of its job.

Any program of the job's owner can write any memo, so an address is made of parts that are checked
one by one, and never used as it is: the path must name a socket, the host must be one of the job's
own nodes, and options, user names and ports have no place in it.
"""

from __future__ import annotations

import os
import re
import socket
import stat
from pathlib import Path
from typing import NamedTuple

from fluxapi.instance.protocol import ChildPlace
from fluxapi.model.hostlist import decode_hostlist
from fluxapi.model.idset import IdSet

__all__ = ["Address", "is_here", "local_problem", "read_address"]

_URI = re.compile(r"(?:ssh://(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,252})|local://)(?P<path>/.+)\Z")
"""The form that a broker posts (flux-core, src/broker/bootstrap.c), and that of its local URI."""

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}\Z")
"""A name that is no option of ssh. The R of a job of a nested instance may name any node."""

_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._+@=,~-]+)+\Z")
"""A path that means the same to a shell as to the kernel."""

_MAX_PATH_BYTES = 107
"""Size of ``sun_path`` of unix(7), without the zero at its end."""


class Address(NamedTuple):
    """The socket of a child instance.

    Attributes:
        host: The node of the job that its leader runs on.
        rank: The rank of that node in the parent.
        path: The path of the socket on that node.
    """

    host: str
    rank: int
    path: str


def read_address(place: ChildPlace) -> Address:
    """Return the address of the leader of a child instance.

    The leader of an instance runs on the first node of its job.

    Raises:
        ValueError: The memo is not the address of a socket on that node; the message says why.
    """
    match = _URI.match(place.uri)
    if match is None:
        raise ValueError("the job has not posted the address of a broker")
    path = match["path"]
    if len(path) > _MAX_PATH_BYTES or not _PATH.match(path):
        raise ValueError("the address that the job has posted is not the path of a socket")
    hosts, ranks = decode_hostlist(place.nodelist), IdSet.parse(place.ranks)
    if not hosts or not ranks:
        raise ValueError("the nodes of the job are not known")
    if not _HOST.match(hosts[0]):
        raise ValueError("the node of the job does not have the name of a host")
    host = match["host"]
    if host is not None and not _is_same_host(host, hosts[0]):
        raise ValueError(f"the address that the job has posted is not on its node {hosts[0]}")
    return Address(hosts[0], next(iter(ranks)), path)


def is_here(address: Address) -> bool:
    """Return whether the node of an address is this machine."""
    return _is_same_host(address.host, socket.gethostname())


def local_problem(path: str) -> str | None:
    """Return why the socket at *path* cannot be that of an own instance, or ``None`` if it can.

    The socket and its directory must belong to this user, and nobody else may write the directory,
    so that another user can neither offer a socket nor replace it later. The function reads the
    file system.
    """
    try:
        found, folder = Path(path).lstat(), Path(path).parent.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    if not stat.S_ISSOCK(found.st_mode):
        return f"{path} is not a socket"
    own = os.getuid()
    if found.st_uid != own or folder.st_uid != own:
        return f"{path} belongs to another user"
    if folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others may write the directory of {path}"
    return None


def _is_same_host(one: str, other: str) -> bool:
    """Return whether two names are of one host; one of them may lack the domain."""
    if one == other:
        return True
    short, rest = one.partition(".")[::2]
    other_short, other_rest = other.partition(".")[::2]
    return short == other_short and not (rest and other_rest)
