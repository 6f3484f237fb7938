"""An idle instance; each benchmark adds the journal that it needs."""

from __future__ import annotations

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.protocol import CLOSE_TIMEOUT_S, InstanceInfo, Queue, Resources

__all__ = ["StillInstance"]


class StillInstance:
    """An instance that answers the calls of the service and runs no jobs."""

    async def start(self) -> InstanceInfo:
        return InstanceInfo("flux", "0", None, 1, "localhost", 0, 0.0)

    async def close(self, timeout: float = CLOSE_TIMEOUT_S) -> None:  # noqa: ARG002
        return

    async def secret(self) -> bytes:
        return b"shared"

    async def settle(self) -> None:
        return

    async def ping(self) -> None:
        return

    async def queues(self) -> list[Queue]:
        return []

    async def resources(self) -> Resources:
        raise InstanceUnavailable("It has no nodes.")
