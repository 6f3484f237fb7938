"""A local file that is replaced only once all of its content has arrived."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO

from .exit_codes import Failure

__all__ = ["write_whole"]

_TAKES_NO_OTHER = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG})
"""Errors of a directory in which a file may be written, but no other one created."""


async def write_whole(place: str, pieces: AsyncIterator[bytes]) -> None:
    """Write a file, which keeps its content until all pieces have arrived, and its permissions.

    A named pipe or a device is written to as it is, and so is a file in a directory that takes no
    other one.

    Raises:
        Failure: The file cannot be written.
    """
    path = Path(place)
    # Nothing is changed before the service has answered.
    first = await anext(pieces, b"")
    try:
        with _opened(path) as file:
            file.write(first)
            async for piece in pieces:
                file.write(piece)
    except OSError as error:
        raise Failure(f"{place}: {error.strerror or error}") from None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, or another one that takes its place at the end of the context."""
    part = _beside(path)
    if part is None:
        with path.open("wb") as file:
            yield file
        return
    try:
        with part.open("r+b") as file:
            yield file
        # A link stays, and leads to the new file.
        part.replace(os.path.realpath(path))
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _beside(path: Path) -> Path | None:
    """Return a new empty file that can take the place of *path*; ``None`` if there can be none.

    Raises:
        OSError: There is no room for one, so that writing to *path* would only end its content.
    """
    try:
        old = path.stat()
    except FileNotFoundError:
        old = None
    if old is not None and not stat.S_ISREG(old.st_mode):
        return None
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with part.open("xb") as file:
            if old is not None:
                # Some file systems have no permissions, and only root may give a file away.
                with contextlib.suppress(OSError):
                    os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
                    os.fchown(file.fileno(), old.st_uid, old.st_gid)
    except OSError as error:
        if old is None or error.errno in _TAKES_NO_OTHER:
            return None
        raise
    return part
