"""The templates of a service: save, list, read and delete them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from fluxapi.errors import Conflict, NotFound, NotStored, NotSupported, SettingsError
from fluxapi.model.message import problem
from fluxapi.process.daemon_threads import DaemonThreads
from fluxapi.process.sender_check import check_sender

from .folder import MAX_FILE_BYTES, TemplateFolder
from .template import Entry, Template

__all__ = ["MAX_TEMPLATES", "MAX_TEMPLATES_BYTES", "TemplateStore"]

MAX_TEMPLATES = 500
MAX_TEMPLATES_BYTES = 64 << 20
"""The number of templates, and the size of all together."""

_MAX_READS = 4
"""Templates that are read at the same time."""

_READ_TIMEOUT_S = 10.0
_HANGS = "its file system does not answer"

_NOT_KEPT = (
    "This service has no state directory, so it keeps no templates; start it with --statedir DIR."
)


class TemplateStore:
    """The templates in the folder *path*; ``None``: the service keeps none.

    The lock of the tokens holds for the whole state directory, so no other service writes there.
    Only the entries are in memory; a request is read from its file.
    """

    def __init__(self, path: Path | None) -> None:
        self._folder = None if path is None else TemplateFolder(path)
        self._entries: dict[str, Entry] = {}
        self._lock = asyncio.Lock()
        # The disk may not answer, and the other threads are needed for pages and metrics.
        self._reads = DaemonThreads("template", _MAX_READS)
        self._writes = DaemonThreads("template", 1)

    @property
    def is_kept(self) -> bool:
        """Return whether templates can be saved."""
        return self._folder is not None

    async def open(self) -> None:
        """Read the templates of an earlier service; raise ``SettingsError``."""
        if self._folder is None:
            return
        try:
            found = await asyncio.to_thread(self._load, self._folder)
        except OSError as error:
            raise SettingsError(
                f"The templates in {self._folder.path} cannot be used: {error.strerror or error}. "
                "Name another directory with --statedir."
            ) from None
        self._entries = {entry.name: entry for entry in found}

    @staticmethod
    def _load(folder: TemplateFolder) -> list[Entry]:
        return [_entry(template, size) for template, size in folder.load(MAX_TEMPLATES)]

    def all(self) -> list[Entry]:
        """Return the entries of all templates, by name."""
        return sorted(self._entries.values(), key=lambda entry: entry.name.casefold())

    async def get(self, name: str) -> Template:
        """Return a template.

        Raises:
            NotFound: There is none of this name.
            NotStored: Its file cannot be read, or is damaged.
        """
        folder = self._kept()
        self._entry(name)
        try:
            template, _ = await self._reads.run(_READ_TIMEOUT_S, folder.read, name)
        except asyncio.TimeoutError:
            raise NotStored(problem("template_unreadable", name=name, reason=_HANGS)) from None
        except (OSError, ValueError) as error:
            async with self._lock:
                self._entry(name)  # It may just have been deleted.
            raise NotStored(problem("template_unreadable", name=name, reason=str(error))) from None
        return template

    async def save(
        self, name: str, description: str, request: Mapping[str, Any]
    ) -> tuple[Entry, bool]:
        """Save a template, or replace one; return its entry, and whether it is new.

        Raises:
            Conflict: There are too many templates, or they are too large.
            NotStored: It cannot be written; one that it would replace stays.
        """
        folder = self._kept()
        async with self._lock:
            check_sender()
            now, known = time.time(), self._entries.get(name)
            template = Template(
                name=name,
                created=now if known is None else known.created,
                modified=now,
                request={key: msgspec.Raw(msgspec.json.encode(it)) for key, it in request.items()},
                description=description,
            )
            data = msgspec.json.encode(template)
            self._check_room(known, len(data))
            try:
                await self._writes.run(
                    None, partial(folder.write, is_new=known is None), name, data
                )
            except OSError as error:
                raise NotStored(
                    problem(
                        "template_not_saved",
                        folder=str(folder.path),
                        reason=error.strerror or str(error),
                    )
                ) from None
            entry = self._entries[name] = _entry(template, len(data))
            return entry, known is None

    async def delete(self, name: str) -> Entry:
        """Delete a template, and return its entry.

        Raises:
            NotFound: There is none of this name.
            NotStored: Its file cannot be removed.
        """
        folder = self._kept()
        async with self._lock:
            check_sender()
            entry = self._entry(name)
            try:
                await self._writes.run(None, folder.remove, name)
            except OSError as error:
                raise NotStored(
                    problem("template_not_deleted", name=name, reason=error.strerror or str(error))
                ) from None
            del self._entries[name]
            return entry

    def _kept(self) -> TemplateFolder:
        if self._folder is None:
            raise NotSupported(_NOT_KEPT)
        return self._folder

    def _entry(self, name: str) -> Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise NotFound(problem("no_template", name=name[:64])) from None

    def _check_room(self, known: Entry | None, size: int) -> None:
        if known is None and len(self._entries) >= MAX_TEMPLATES:
            raise Conflict(problem("too_many_templates", limit=MAX_TEMPLATES))
        used = sum(entry.bytes for entry in self._entries.values())
        left = MAX_TEMPLATES_BYTES - used + (0 if known is None else known.bytes)
        if size > min(left, MAX_FILE_BYTES):
            raise Conflict(problem("template_too_large", size=size, left=min(left, MAX_FILE_BYTES)))


def _entry(template: Template, size: int) -> Entry:
    return Entry(
        template.name, template.created, template.modified, template.description, bytes=size
    )
