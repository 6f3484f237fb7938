"""A Unix socket that is never open to more users than it should be, and never taken from another.

The socket has the permissions of its owner alone from its first moment, and listens only after it
has its group and its mode.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from fluxapi.errors import SettingsError

__all__ = ["bind"]

_BACKLOG = 1024
_MAX_PATH_BYTES = 107
"""Size of the longest path of a Unix socket, see unix(7)."""

_OWNER_ONLY = 0o600
_WRITABLE_BY_OTHERS = 0o022


def bind(path: Path, mode: int, group: str | None) -> tuple[socket.socket, Callable[[], None]]:
    """Return a socket that listens at *path*, and a function that removes the path at the end.

    A stale socket at the path is replaced. Raises ``SettingsError`` if anything else is there, or
    if another user could replace the socket.
    """
    if len(os.fsencode(path)) > _MAX_PATH_BYTES:
        raise SettingsError(f"The path {path} is too long for a Unix socket: choose a shorter one.")
    try:
        gid = -1 if group is None else _gid(group)
        with _only_starter(path):
            _make_free(path)
            sock = _made(path, mode, gid)
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on unix:{path}: {os.strerror(error.errno or errno.EIO)}."
        ) from None
    own = _identity(path)
    return sock, lambda: _remove(path, own)


def _gid(group: str) -> int:
    if group.isdigit():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise SettingsError(f"--socket-group: there is no group {group!r}.") from None


@contextlib.contextmanager
def _only_starter(path: Path) -> Iterator[None]:
    """Let no other service look at the path meanwhile, if the directory can be locked."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            # Another user can lock a shared directory, and must not keep the service from a start.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _make_free(path: Path) -> None:
    """Remove a stale socket of this user; raise ``SettingsError`` if anything else is there."""
    folder = path.parent.stat()
    is_shared = bool(folder.st_mode & _WRITABLE_BY_OTHERS)
    if folder.st_uid not in {0, os.geteuid()} or (is_shared and not folder.st_mode & stat.S_ISVTX):
        raise SettingsError(
            f"Other users could replace a socket in {path.parent}: choose a directory that only "
            "you can write, such as $XDG_RUNTIME_DIR."
        )
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SettingsError(f"{path} is not a socket, so the service does not replace it.")
    if found.st_uid != os.geteuid():
        raise SettingsError(f"The socket {path} belongs to another user: choose another path.")
    if _is_live(path):
        raise SettingsError(
            f"Another service listens on unix:{path}: stop it, or choose another path."
        )
    path.unlink()


def _is_live(path: Path) -> bool:
    """Return whether a process listens at the path."""
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)  # a full backlog is an answer, too
        return client.connect_ex(str(path)) not in {errno.ECONNREFUSED, errno.ENOENT}


def _made(path: Path, mode: int, gid: int) -> socket.socket:
    """Return a socket that listens at *path*, with its permissions and group."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        # The file gets the permissions of the descriptor; a umask can only take some away.
        os.fchmod(sock.fileno(), _OWNER_ONLY)
        sock.bind(str(path))
    except OSError:
        sock.close()
        raise
    try:
        if gid >= 0:
            os.chown(path, -1, gid, follow_symlinks=False)
        path.chmod(mode)
        sock.listen(_BACKLOG)
    except OSError:
        path.unlink()
        sock.close()
        raise
    return sock


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _remove(path: Path, own: tuple[int, int]) -> None:
    """Remove the path, unless it is the socket of another service by now."""
    with contextlib.suppress(OSError):
        if _identity(path) == own:
            path.unlink()
