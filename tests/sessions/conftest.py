from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from fluxapi.instance.protocol import Instance
from fluxapi.sessions.children import ChildLimits, Children
from fluxapi.sessions.registry import SessionRegistry
from fluxapi.sessions.session import ROOT, Bounds, InstanceSession
from fluxapi.settings import Settings
from fluxapi.table.capacity import Capacity
from tests.handlers.fake import FakeInstance

from .broker import FakeBroker
from .tree import Plant, Tree


@pytest.fixture
async def plant() -> AsyncIterator[Plant]:
    stack = AsyncExitStack()

    async def planted(
        root: FakeInstance | None = None, capacity: int | None = None, **limits: Any
    ) -> Tree:
        @asynccontextmanager
        async def opened(path: str, instance: Instance) -> AsyncIterator[InstanceSession]:
            bounds = None
            if path != ROOT and capacity is not None:
                bounds = Bounds(capacity, 100, capacity=Capacity(capacity, 1 << 30))
            async with InstanceSession.open(path, instance, Settings(), bounds=bounds) as session:
                yield session

        registry = SessionRegistry(opened)
        children = Children(registry, ChildLimits(**limits))
        root = FakeBroker() if root is None else root
        await (await registry.open(ROOT, root)).journal.caught_up()
        stack.push_async_callback(registry.close_all)
        stack.push_async_callback(children.aclose)
        return Tree(registry, children, root)  # type: ignore[arg-type] # some tests have others

    yield planted
    await stack.aclose()
