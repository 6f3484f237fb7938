"""Sessions of the SDK's own client with a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import anyio
import pytest

__all__ = ["called", "in_memory", "mcp", "needs_sdk", "refusal"]

needs_sdk = pytest.mark.skipif(
    find_spec("mcp") is None, reason="the MCP SDK is not installed: no client to test with"
)


class _Sdk:
    """The MCP SDK, imported by the first test that uses it: its import takes a second."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # pytest looks at the names of each module
            raise AttributeError(name)
        return getattr(import_module("mcp"), name)


mcp: Any = _Sdk()


@asynccontextmanager
async def in_memory(server: Any) -> AsyncIterator[Any]:
    """Run *server* in this task's loop and yield a session with it."""
    memory = import_module("mcp.shared.memory")
    async with (
        memory.create_client_server_memory_streams() as (ours, theirs),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(server.run, *theirs, server.create_initialization_options())
        async with mcp.ClientSession(*ours) as session:
            await session.initialize()
            yield session
        tasks.cancel_scope.cancel()


async def called(session: Any, tool: str, /, **arguments: Any) -> dict[str, Any]:
    """Return the structured result of a tool; it must have succeeded."""
    result = await session.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    found: dict[str, Any] = result.structured_content
    return found


async def refusal(session: Any, tool: str, /, **arguments: Any) -> str:
    """Return the text of the error of a tool; it must have failed."""
    result = await session.call_tool(tool, arguments)
    assert result.is_error, result
    assert result.structured_content is None
    text: str = result.content[0].text
    return text
