"""Finds the files that a job writes its output to, and returns them as sources of output."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from fluxapi.errors import FluxRefused, NotFound
from fluxapi.instance.protocol import Instance, Last, LookupKey, OutputBatch
from fluxapi.model.eventlog import Event, decode_eventlog
from fluxapi.model.jobid import encode_f58
from fluxapi.model.output_files import (
    OutputFile,
    Placement,
    Redirect,
    output_files,
    redirected,
    tasks,
    templates,
)
from fluxapi.model.path_template import MAX_PATH_LENGTH
from fluxapi.model.resources import Node, nodes
from fluxapi.model.shallow import decode
from fluxapi.table.table import Table

from .file_reader import FileAccess
from .file_source import FileSource

__all__ = ["OutputFiles"]

_HEAD_ENTRIES = 16
"""Entries at the beginning of an output eventlog that contain the redirects."""

_MAX_KEPT = 256
"""Jobs whose files are remembered."""

_MAX_KEPT_FILES = 4096
"""Files of these jobs in all; each has a path of up to 8 KB."""

_MAX_JOBSPEC_BYTES = 16 << 20

_FOREIGN = (
    "The job belongs to another user. The service reads only files of the owner of the instance."
)
_NOT_OWNER = "The service does not run as the owner of the instance, who owns the file."
_FORBIDDEN = (
    "Reading it needs the scope submit: whoever may not run programs as the owner of the instance "
    "may not read the owner's files."
)


class OutputFiles:
    """The output files of the jobs of one instance, whose owner has the user ID *owner*.

    ``own_files``: tasks and nodes can have files of their own.
    """

    def __init__(
        self, instance: Instance, table: Table, owner: int, *, own_files: bool = True
    ) -> None:
        self._instance = instance
        self._table = table
        self._owner = owner
        self._own_files = own_files
        self._access = FileAccess.of(owner, instance)
        self._kept: OrderedDict[int, list[OutputFile]] = OrderedDict()
        self._kept_files = 0

    async def sources(
        self, jobid: int, stream: str | None, *, may_read: bool, head: Sequence[Event] | None = None
    ) -> list[FileSource] | None:
        """Return a source for each file of *stream* (``None``: any), in a fixed order.

        Returns ``None`` while it is not known yet which files the job has. Without *may_read*, the
        sources have only the paths. ``head`` is the beginning of the output eventlog, if it was
        read.
        """
        found = await self._find(jobid, may_read=may_read, head=head)
        if found is None:
            return None
        return [
            FileSource(
                file,
                number,
                file.streams[0] if stream is None else stream,
                self._access,
                self._is_active,
            )
            for number, file in enumerate(found, 1)
            if stream is None or stream in file.streams
        ]

    async def so_far(
        self, jobid: int, stream: str | None, last: Last | None, *, may_read: bool
    ) -> AsyncIterator[OutputBatch]:
        """Yield the present output: the eventlog, then each file; or the tail of each."""
        head: list[Event] = []
        reading = self._instance.output(jobid, last=last)
        async with aclosing(reading) as batches:  # type: ignore[type-var] # an async generator
            async for batch in batches:
                head += map(_head_of, batch.events[: _HEAD_ENTRIES - len(head)])
                yield batch
        known = head if last is None else None
        found = await self.sources(jobid, stream, may_read=may_read, head=known)
        for source in found or ():
            async with aclosing(source.output(jobid, last=last)) as batches:  # type: ignore[type-var]
                async for batch in batches:
                    yield batch

    def _is_active(self, jobid: int) -> bool:
        job = self._table.get(jobid)
        return job is not None and not job.is_inactive

    async def _find(
        self, jobid: int, *, may_read: bool, head: Sequence[Event] | None
    ) -> list[OutputFile] | None:
        kept = self._kept.get(jobid)
        if kept is not None and may_read:
            self._kept.move_to_end(jobid)
            return kept
        is_active = self._is_active(jobid)
        entries = await self._head(jobid) if head is None else head
        redirects = redirected(entries)
        if not redirects:
            # Redirects come right after the header.
            return None if is_active and len(entries) <= 1 else []
        if not may_read:
            return _only_named(redirects, _FORBIDDEN)
        found = await self._named(jobid, redirects, len(entries))
        if found is None:
            return None if is_active else _only_named(redirects, "Its nodes are not known.")
        self._keep(jobid, found)
        return found

    def _keep(self, jobid: int, files: list[OutputFile]) -> None:
        """Remember the files of a job, and forget those of the jobs that were asked for before."""
        self._kept_files += len(files) - len(self._kept.pop(jobid, ()))
        self._kept[jobid] = files
        while len(self._kept) > _MAX_KEPT or self._kept_files > _MAX_KEPT_FILES:
            _, forgotten = self._kept.popitem(last=False)
            self._kept_files -= len(forgotten)

    async def _named(
        self, jobid: int, redirects: dict[str, Redirect], entries: int
    ) -> list[OutputFile] | None:
        """Return the files that the jobspec names; ``None`` if another redirect may follow."""
        try:
            jobspec = await self._document(jobid, "jobspec")
        except NotFound as error:
            return _only_named(redirects, error.detail)
        missing = templates(jobspec).keys() - redirects.keys()
        if missing and entries <= len(redirects) + 1 and self._is_active(jobid):
            return None
        return await self._located(jobid, jobspec, redirects)

    async def _located(
        self, jobid: int, jobspec: dict[str, Any], redirects: dict[str, Redirect]
    ) -> list[OutputFile] | None:
        job = self._table.get(jobid)
        if job is None or job.userid != self._owner:
            return _only_named(redirects, _FOREIGN)
        if os.geteuid() != self._owner:
            return _only_named(redirects, _NOT_OWNER)
        try:
            placed = nodes(await self._document(jobid, "R"))
        except (NotFound, ValueError):
            placed = []
        if not placed:
            return _only_named(redirects, "Its nodes are not known.")
        placement = Placement(placed, own_files=self._own_files)
        # In a thread, since a job may have a thousand files with hundreds of tags in each name.
        found = await asyncio.to_thread(output_files, jobid, jobspec, redirects, placement)
        if found is None:
            on_nodes = await self._tasks(jobid, placed)
            if on_nodes is None:
                return None
            placement = Placement(placed, on_nodes)
            found = await asyncio.to_thread(output_files, jobid, jobspec, redirects, placement)
        return found

    async def _tasks(self, jobid: int, placed: Sequence[Node]) -> list[list[int]] | None:
        """Return the tasks on each node, by the ``shell.start`` event of the job shell."""
        try:
            text = await self._instance.lookup(jobid, "guest.exec.eventlog")
            events = decode_eventlog(text.encode())
        except (NotFound, FluxRefused, ValueError, msgspec.MsgspecError):
            return None
        for event in events:
            if event.name == "shell.start":
                return await asyncio.to_thread(
                    tasks, (event.context or {}).get("taskmap"), len(placed)
                )
        return None

    async def _head(self, jobid: int) -> list[Event]:
        entries: list[Event] = []
        async with aclosing(self._instance.output(jobid)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                entries += map(_head_of, batch.events[: _HEAD_ENTRIES - len(entries)])
                if len(entries) >= _HEAD_ENTRIES:
                    break
        return entries

    async def _document(self, jobid: int, key: LookupKey) -> dict[str, Any]:
        """Return a JSON object of a job; raise ``NotFound`` for any other value."""
        text = await self._instance.lookup(jobid, key)
        if len(text) <= _MAX_JOBSPEC_BYTES:
            try:
                found = decode(msgspec.json.decode, text)
            except msgspec.MsgspecError:
                found = None
            if isinstance(found, dict):
                return found
        raise NotFound(f"The {key} of job {encode_f58(jobid)} is not a JSON object.")


def _head_of(entry: Event) -> Event:
    """Return what an entry says about files, without its data.

    The result is kept while the output is read, and an entry may have megabytes.
    """
    if entry.name != "redirect":
        return Event(entry.timestamp, "")
    context = entry.context or {}
    kept = {
        name: context[name] for name in ("stream", "path") if isinstance(context.get(name), str)
    }
    kept["rank"] = str(context.get("rank", ""))
    texts = {name: text[: MAX_PATH_LENGTH + 1] for name, text in kept.items()}
    return Event(entry.timestamp, entry.name, texts)


def _only_named(redirects: dict[str, Redirect], problem: str) -> list[OutputFile]:
    """Return the files that are not read, each path once."""
    streams: dict[str, tuple[str, ...]] = {}
    for stream, redirect in redirects.items():
        streams[redirect.path] = (*streams.get(redirect.path, ()), stream)
    return [
        OutputFile(
            names,
            redirects[names[0]].ranks,
            path,
            timestamp=redirects[names[0]].timestamp,
            problem=problem,
        )
        for path, names in streams.items()
    ]
