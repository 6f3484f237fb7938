"""The jobs of a service for the tools of MCP, by the client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from fluxapi.client import ClientError
from fluxapi.mcp.port import Found, JobOutput, Refused, Submitted

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["ClientJobs"]

_MAX_CALLS = 4
"""Requests that are under way at a time. A response may have 128 MiB, and a program hundreds of
calls.
"""

_FILE_MEMBERS = ("path", "host", "read", "unread")


class ClientJobs:
    """The jobs of the service that a client is connected to."""

    def __init__(self, flux: AsyncClient) -> None:
        self._flux = flux
        self._turns = asyncio.Semaphore(_MAX_CALLS)

    async def submit(self, fields: Mapping[str, Any], key: str | None) -> Submitted:
        """Submit one job by the fields of ``schemas/submit.json``, once per *key*."""
        options = dict(fields)
        warnings: list[str] = []
        async with self._turn():
            if "script" not in options:
                command = options.pop("command", None)
                return Submitted(await self._flux.submit(command, idempotency_key=key, **options))
            if "command" in options:
                raise Refused("Give either command or script.")
            name = await self._flux.batch(
                options.pop("script"),
                options.pop("script_args", ()),
                idempotency_key=key,
                on_warning=warnings.append,
                **options,
            )
            return Submitted(name, warnings)

    async def find(self, query: Mapping[str, Any]) -> Found:
        """Return the jobs that match the fields of ``schemas/jobs-query.json``."""
        async with self._turn():
            found = await self._flux.list_jobs(**query)
            return Found([job.to_dict() for job in found], found.more)

    async def record(self, id: str) -> Mapping[str, Any]:
        """Return the record of a job, as in ``schemas/job.json``."""
        async with self._turn():
            return (await self._flux.get(id)).to_dict()

    async def output(self, id: str, lines: int, stream: str | None) -> JobOutput:
        """Return the last lines of the output of a job; *stream* limits it to one stream."""
        async with self._turn():
            found = await self._flux.output(id, tail=lines, stream=stream)
        files = [
            {name: entry.context[name] for name in _FILE_MEMBERS if name in entry.context}
            for entry in found.entries
            if entry.name == "file"
        ]
        text = b"".join(entry.raw for entry in found.entries).decode("utf-8", "replace")
        return JobOutput(text, files)

    async def cancel(self, id: str, note: str | None) -> None:
        """Ask Flux to cancel a job."""
        async with self._turn():
            await self._flux.cancel(id, note=note)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for the turn of a request; raise its error as :class:`Refused`."""
        try:
            async with self._turns:
                yield
        except ClientError as error:
            sentence = str(error)
        else:
            return
        raise Refused(sentence)
