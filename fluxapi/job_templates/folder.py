"""The folder of the state directory that holds one file for each template.

It is private to the owner. A file is replaced as a whole. All functions block.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from fluxapi.process.private_files import open_regular, private_folder

from .template import NAME, Template

__all__ = ["MAX_FILE_BYTES", "TemplateFolder"]

_log = logging.getLogger(__name__)

MAX_FILE_BYTES = 2 << 20
"""Size of the largest file; the body of a request to save a template has at most half of it."""

_MAX_FILES = 10_000
"""Files of the folder that are looked at; a job could put any number there."""

_SUFFIX = ".json"
_NAME = re.compile(NAME)
_decoder = msgspec.json.Decoder(Template)


class TemplateFolder:
    """The folder at *path*."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, limit: int) -> Iterator[tuple[Template, int]]:
        """Yield at most *limit* templates with the sizes of their files; raise ``OSError``.

        A file that is damaged stays where it is, and the log names it.
        """
        private_folder(self.path)
        count = 0
        for name in self._names():
            if count == limit:
                _log.warning("only %d templates in %s are used, not %s", limit, self.path, name)
                return
            try:
                found = self.read(name)
            except (OSError, ValueError) as error:
                _log.warning("the template %s is not used: %s", self._file(name), error)
            else:
                count += 1
                yield found

    def _names(self) -> list[str]:
        with os.scandir(self.path) as found:
            files = sorted(entry.name for entry in islice(found, _MAX_FILES))
        names = ((file, file.removesuffix(_SUFFIX)) for file in files)
        return [name for file, name in names if name != file and _NAME.match(name)]

    def read(self, name: str) -> tuple[Template, int]:
        """Return a template and the size of its file; raise ``OSError`` or ``ValueError``."""
        with os.fdopen(open_regular(self._file(name), os.O_RDONLY), "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise ValueError(f"it has more than {MAX_FILE_BYTES} bytes")
        try:
            template = _decoder.decode(data)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        if template.format != 1 or template.name != name:
            raise ValueError("it was written by another release, or has another name")
        return template, len(data)

    def write(self, name: str, data: bytes, *, is_new: bool) -> None:
        """Write the file of a template; after an ``OSError`` it is as before.

        A file that is there though the template *is_new* could not be used, and is set aside.
        """
        path = self._file(name)
        fresh = path.with_name(f".{path.name}.new")
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(open_regular(fresh, flags), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if is_new and os.path.lexists(path):
                aside = path.with_name(f"{path.name}.broken")
                path.replace(aside)
                _log.warning("the file %s, which was not used, is now %s", path, aside)
            fresh.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise
        self._sync()

    def remove(self, name: str) -> None:
        """Remove the file of a template; raise ``OSError``."""
        self._file(name).unlink(missing_ok=True)
        self._sync()

    def _file(self, name: str) -> Path:
        return self.path / f"{name}{_SUFFIX}"

    def _sync(self) -> None:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
