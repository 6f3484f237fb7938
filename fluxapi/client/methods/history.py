"""The history of jobs that have ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from fluxapi.client.options import ExportFilter
from fluxapi.client.pieces import pieces
from fluxapi.client.request import Request
from fluxapi.client.signatures import with_options

from .base import Methods, job_path

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["HistoryMethods"]


class HistoryMethods(Methods):
    """The methods that read what the history tells of past jobs."""

    async def history_instances(self, *, limit: int = 10_000) -> list[dict[str, Any]]:
        """Return the instances that have jobs in the history, most recently seen first.

        Args:
            limit: The number of instances at most.

        Raises:
            ProblemError: The service keeps no history.
        """
        query = {"limit": limit}
        return (await self._transport.get("/history/instances", _Instances, query)).instances

    async def comparison(self, id: str | int) -> dict[str, Any]:
        """Return how a job compares with earlier jobs of its name or queue; empty without any.

        Raises:
            NotFound: There is no such job.
            ProblemError: The service keeps no history.
        """
        return await self._transport.get(f"{job_path(id)}/comparison", dict[str, Any])

    async def figures(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        steps: int | None = None,
        by: Literal["name", "user", "queue", "result", "node"] | None = None,
        order: Literal["ended", "failed", "core_hours", "failed_core_hours"] | None = None,
        instance: str | None = None,
    ) -> dict[str, Any]:
        """Return figures of the jobs that have ended in a time, with the fields of the API.

        Args:
            since: Begin of the time, seconds since the epoch; a day before *until* by default.
            until: End of the time; now by default.
            steps: The most steps that the time is cut into, at most 500; 120 by default.
            by: Also group the jobs by this property.
            order: The order of the groups, the highest first; ``ended`` by default.
            instance: ID of an instance in the history, or ``all``; the instance of the client by
                default.

        Raises:
            Unavailable: The service keeps no history, or it cannot be read.
        """
        query = {
            "since": since, "until": until, "steps": steps, "by": by, "order": order,
            "instance": instance,
        }  # fmt: skip
        return await self._transport.get("/history/figures", dict[str, Any], query)

    @with_options(ExportFilter)
    async def export_jobs(
        self,
        format: Literal["ndjson", "csv", "parquet"] = "ndjson",
        **filter: Unpack[ExportFilter],
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of a file with jobs of the history, newest first.

        Args:
            format: ``ndjson`` has the whole records, ``csv`` and ``parquet`` the columns of a
                table.
            **filter: Which jobs.

        Raises:
            ConnectionFailed: It was interrupted, so that the file is incomplete.
            ProblemError: The service keeps no history, or lacks pyarrow for Parquet.
        """
        query = {"format": format, **filter}
        request = Request("GET", "/history/export", query, repeatable=True, stream=True)
        async with aclosing(pieces(self._transport, request)) as found:
            async for piece in found:
                yield piece


class _Instances(msgspec.Struct):
    instances: list[dict[str, Any]]
