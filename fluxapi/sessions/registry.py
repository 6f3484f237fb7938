"""The open sessions of the service, by their path in the tree of instances."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from fluxapi.errors import InstanceNotFound
from fluxapi.instance.protocol import Instance
from fluxapi.model.message import problem

from .session import ROOT, InstanceSession

__all__ = ["OpenSession", "SessionRegistry"]

OpenSession = Callable[[str, Instance], AbstractAsyncContextManager[InstanceSession]]
"""Opens the session of an instance at a path, and closes it when the context ends."""


class SessionRegistry:
    """The open sessions by path; iteration starts with the root."""

    def __init__(self, open_session: OpenSession) -> None:
        self._open_session = open_session
        self._sessions: dict[str, InstanceSession] = {}
        self._contexts: dict[str, AsyncExitStack] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[InstanceSession]:
        return iter(list(self._sessions.values()))

    @property
    def root(self) -> InstanceSession:
        """Return the session of the instance that the service was started for."""
        return self._sessions[ROOT]

    def find(self, path: str) -> InstanceSession | None:
        """Return the session at *path*, or ``None`` where none is open."""
        return self._sessions.get(path)

    def get(self, path: str) -> InstanceSession:
        """Return the session at *path*.

        Raises:
            InstanceNotFound: None is open.
        """
        session = self.find(path)
        if session is None:
            raise InstanceNotFound(problem("no_instance", path=path[:255]))
        return session

    async def open(self, path: str, instance: Instance) -> InstanceSession:
        """Open the session of *instance*, which is not started yet, at a *path* that is free.

        Raises:
            InstanceUnavailable: The instance did not start.
        """
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(self._open_session(path, instance))
            self._sessions[path] = session
            self._contexts[path] = stack.pop_all()
        return session

    async def close(self, path: str, closed: Callable[[], None] = lambda: None) -> None:
        """Close the session at *path*, if one is open, and call *closed* then.

        A caller that is canceled does not wait for it, and it is closed all the same.
        """
        self._sessions.pop(path, None)
        context = self._contexts.pop(path, None)
        if context is None:
            closed()
            return
        closing = asyncio.create_task(_close(context, closed), name="close session")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        await asyncio.shield(closing)

    async def close_all(self) -> None:
        """Close every session, the root last."""
        children = [path for path in self._sessions if path != ROOT]
        try:
            await asyncio.gather(*map(self.close, children))
            if self._closing:
                await asyncio.wait(self._closing)
        finally:
            await self.close(ROOT)


async def _close(context: AsyncExitStack, closed: Callable[[], None]) -> None:
    try:
        await context.aclose()
    finally:
        closed()
