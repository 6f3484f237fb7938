"""One instance that ``fluxapi top`` follows: its client, and the tasks that fill its view."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec

from .outage import NO_OUTAGE, Outage
from .top_lines import TopView

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["Level", "described", "nodes", "queues"]

_NODES_INTERVAL_S = 5.0
"""Interval between requests for the nodes."""


class Level:
    """One instance on the screen, or above the one on the screen.

    Attributes:
        view: Its data, which the tasks keep current.
    """

    def __init__(self, flux: AsyncClient, view: TopView, changed: asyncio.Event) -> None:
        self.view = view
        self._flux = flux
        self._changed = changed
        self._tasks: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def followed(self) -> AsyncIterator[Level]:
        """Keep the view current within the context."""
        works = (self._follow_stats, self._follow_jobs, self._follow_nodes)
        self._tasks = [asyncio.ensure_future(work()) for work in works]
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def check(self, *, is_first: bool) -> None:
        """Show that the instance has ended; the rows stay as they were.

        Raises:
            ClientError: Following the first instance has failed.
        """
        from fluxapi.client import ClientError, Conflict  # noqa: PLC0415 - already imported

        failed = next((task for task in self._tasks if task.done()), None)
        if failed is None:
            return
        try:
            failed.result()
        except ClientError as error:
            if is_first and not isinstance(error, Conflict):
                raise
            if not self.view.ended:
                self.view.ended = str(error)
                self.view.outage = Outage.ended(
                    self.view.path, min(time.time(), self.view.outage.since)
                )

    async def _follow_stats(self) -> None:
        async for stats in self._flux.stats_stream():
            self.view.stats = stats
            self._changed.set()

    async def _follow_jobs(self) -> None:
        async with self._flux.watch(state=["ACTIVE"]) as watch:
            self.view.jobs = watch.jobs
            watch.on_live = lambda: self._tell(watch.lost_since)
            async for _ in watch:
                self._changed.set()

    def _tell(self, lost_since: float | None) -> None:
        """Show that the instance does not answer since then, or answers again."""
        path = self.view.path
        self.view.outage = NO_OUTAGE if lost_since is None else Outage.lost(path, lost_since)
        self._changed.set()

    async def _follow_nodes(self) -> None:
        from fluxapi.client import ConnectionFailed, Unavailable  # noqa: PLC0415 - as above

        while True:
            try:
                self.view.nodes = await nodes(self._flux)
                self.view.queues = await queues(self._flux)
                self.view.connected = True
            except (ConnectionFailed, Unavailable):
                self.view.connected = False
            self._changed.set()
            await asyncio.sleep(_NODES_INTERVAL_S)


async def described(flux: AsyncClient, path: str) -> TopView:
    """Return the view of an instance with what does not change; raise ``ClientError``."""
    from .answers import info  # noqa: PLC0415 - imports the client

    found: dict[str, Any] = msgspec.to_builtins(await info(flux))
    return TopView(flux.url, found, path=path)


async def nodes(flux: AsyncClient) -> list[dict[str, Any]]:
    """Return the nodes of an instance; raise ``ClientError``."""
    from .answers import resources  # noqa: PLC0415 - imports the client

    found: list[dict[str, Any]] = msgspec.to_builtins((await resources(flux)).nodes)
    return found


async def queues(flux: AsyncClient) -> dict[str, list[str]]:
    """Return the properties that each queue with a name requires; raise ``ClientError``."""
    from . import answers  # noqa: PLC0415 - imports the client

    return {queue.name: queue.requires for queue in await answers.queues(flux) if queue.name}
