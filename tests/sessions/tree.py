"""A tree of instances whose brokers a test plays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fluxapi.sessions.child import canonical_path
from fluxapi.sessions.children import Children
from fluxapi.sessions.registry import SessionRegistry
from fluxapi.sessions.session import InstanceSession

from .broker import FakeBroker


class Tree:
    """A root, its children, and what opens them."""

    def __init__(self, registry: SessionRegistry, children: Children, root: FakeBroker) -> None:
        self.registry = registry
        self.children = children
        self.root = root
        self.job_of: dict[str, int] = {}

    async def launch(self, jobid: int, broker: FakeBroker | None = None, **how: Any) -> str:
        """Run a job that is an instance, and return its path."""
        broker = self.root if broker is None else broker
        broker.launch(jobid, **how)
        session = next(s for s in self.registry if s.instance is broker)
        uri = how.get("uri", "x")
        await session.journal.waiters.wait(
            jobid, lambda job: job is not None and (uri is None or bool(job.annotations)), 30
        )
        prefix = f"{session.path}/" if session.path else ""
        return f"{prefix}{canonical_path(str(jobid))}"

    async def open(self, path: str) -> InstanceSession:
        """Open and release an instance."""
        async with self.children.using(path) as session:
            return session


Plant = Callable[..., Awaitable[Tree]]
