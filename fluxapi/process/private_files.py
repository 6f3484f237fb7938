"""Folders and files that only the user of the service can read."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

__all__ = [
    "PRIVATE_FILE",
    "PRIVATE_FOLDER",
    "REPLACED",
    "file_of",
    "open_regular",
    "own_folder",
    "private_file",
    "private_folder",
    "restrict_file",
]

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700

REPLACED = "it was removed or replaced while the service ran: put it back, or restart the service"


def file_of(path: Path) -> tuple[int, int] | None:
    """Return what tells the file at *path* from others; ``None`` if there is none.

    SQLite keeps using its file when that is removed or replaced, and what it writes then is lost.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def private_folder(path: Path) -> None:
    """Create the folder *path* if it is missing, and take the rights of others from it.

    Raises:
        PermissionError: It belongs to another user.
        OSError: It cannot be created or changed.
    """
    path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    owner = path.stat().st_uid
    if owner != os.geteuid():
        raise PermissionError(errno.EPERM, f"it belongs to user {owner}; name your own", str(path))
    path.chmod(PRIVATE_FOLDER)


def own_folder(path: Path) -> None:
    """Create the folder *path*, in a directory that others can write, too, if it is missing.

    Raises:
        FileExistsError: Another user has put something there, or it is not a folder.
        OSError: It cannot be created.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=PRIVATE_FOLDER)
        found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise FileExistsError(errno.EEXIST, "it is not a folder of this user", str(path))


def private_file(path: Path) -> None:
    """Create the regular file *path* if it is missing, and take the rights of others from it.

    A file that exists is not opened: closing it would end the locks of this process on it
    (fcntl(2)), such as those of SQLite.

    Raises:
        OSError: It cannot be created, or is not a regular file of this user.
    """
    with contextlib.suppress(FileExistsError):
        os.close(open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    restrict_file(path)


def restrict_file(path: Path) -> None:
    """Take the rights of others from the file *path*, without opening it.

    Raises:
        FileNotFoundError: It is missing.
        OSError: It is not a regular file of this user, or cannot be changed.
    """
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        raise OSError(errno.EINVAL, "it is not a regular file of this user", str(path))
    if stat.S_IMODE(found.st_mode) != PRIVATE_FILE:
        path.chmod(PRIVATE_FILE)


def open_regular(path: Path, flags: int) -> int:
    """Open a regular file of the service without blocking; raise ``OSError`` for other kinds."""
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return fd
