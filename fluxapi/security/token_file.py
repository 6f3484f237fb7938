"""The file in the state directory that keeps the tokens of a service.

It is private to the owner, replaced as a whole, and locked by the service that uses it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fluxapi.errors import SettingsError

__all__ = ["TokenFile"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

_MAX_FILE_BYTES = 4 << 20
"""Size of the largest file that is read; a thousand tokens take a tenth of it."""

_UNIQUE = ("id", "name", "hash")
"""Members in which no two tokens are equal."""

_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700

_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class _Content(msgspec.Struct):
    """The format of the file; a release that changes it counts up."""

    tokens: list[msgspec.Raw]
    format: int = 1


def _decode(data: bytes, kind: type[T]) -> list[T]:
    """Return the tokens in a file; raise ``ValueError`` if it is damaged."""
    if len(data) > _MAX_FILE_BYTES:
        raise ValueError(f"it has more than {_MAX_FILE_BYTES} bytes")
    content = msgspec.json.decode(data, type=_Content)
    if content.format != 1:
        raise ValueError("it was written by another release")
    tokens = [msgspec.json.decode(raw, type=kind) for raw in content.tokens]
    for name in _UNIQUE:
        if len({getattr(token, name) for token in tokens}) < len(tokens):
            # One that is revoked would leave another one valid.
            raise ValueError(f"two tokens have the same {name}")
    return tokens


class TokenFile:
    """The file at *path*; its methods block, and one at a time may run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1

    def open(self, kind: type[T]) -> list[T]:
        """Lock the file and return the tokens in it.

        A file that cannot be understood is set aside, so that the service starts without tokens.

        Raises:
            SettingsError: The directory or the file cannot be used.
        """
        try:
            return self._open(kind)
        except OSError as error:
            self.close()
            raise SettingsError(
                f"The tokens in {self.path} cannot be used: {error.strerror or error}. "
                "Name another directory with --statedir."
            ) from None

    def _open(self, kind: type[T]) -> list[T]:
        folder = self.path.parent
        try:
            folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"The state directory {folder} cannot be created: {error.strerror or error}. "
                "Name another directory with --statedir."
            ) from None
        if folder.stat().st_uid != os.geteuid():
            raise SettingsError(
                f"The state directory {folder} belongs to another user; name your own."
            )
        folder.chmod(_PRIVATE_FOLDER)
        self._lock = os.open(self.path.with_suffix(".lock"), _LOCK_FLAGS, _PRIVATE_FILE)
        if not stat.S_ISREG(os.fstat(self._lock).st_mode):
            raise OSError(errno.EINVAL, f"{self.path.with_suffix('.lock')} is not a regular file")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise SettingsError(
                f"Another service uses the state directory {folder}; stop it first, or give "
                "another directory."
            ) from None
        try:
            data = self._read()
        except FileNotFoundError:
            return []
        try:
            return _decode(data, kind)
        except (ValueError, RecursionError) as error:
            aside = self.path.with_suffix(".broken.json")
            self.path.replace(aside)
            _log.error(
                "the token file is damaged and no token in it is valid; it is now %s: %s",
                aside,
                error,
            )
            return []

    def _read(self) -> bytes:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                raise SettingsError(f"{self.path} is not a file of this user; remove it.")
            os.fchmod(descriptor, _PRIVATE_FILE)
            return file.read(_MAX_FILE_BYTES + 1)

    def write(self, tokens: Sequence[Any]) -> None:
        """Replace the file; after an ``OSError`` it is as before."""
        data = msgspec.json.encode({"format": 1, "tokens": tokens})
        fresh = self.path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(fresh, flags, _PRIVATE_FILE), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Release the lock of the file."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
