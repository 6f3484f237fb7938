"""The service and its Flux instance."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import msgspec

from fluxapi.client.errors import Unauthorized, Unavailable
from fluxapi.client.request import Request, instance_place
from fluxapi.client.results import AccessToken
from fluxapi.client.retry import Failure

from .base import Ignored, Methods

__all__ = ["ServiceMethods"]

_NEEDS_BOTH = "An access token needs user and token."


class ServiceMethods(Methods):
    """The methods that describe the service and its Flux instance, or stop them."""

    async def info(self) -> dict[str, Any]:
        """Return information about the service and its Flux instance."""
        return await self._transport.get("/", dict[str, Any])

    async def stats(self) -> dict[str, Any]:
        """Return the number of jobs by state and by result, and those of each queue."""
        return await self._transport.get("/stats", dict[str, Any])

    async def nodes(self) -> list[str]:
        """Return the host names of the nodes."""
        return (await self._transport.get("/nodes", _Nodes)).nodes

    async def node(self, name: str) -> dict[str, Any]:
        """Return one host with the state, resources and queues of its brokers; raise ``NotFound``.

        Only instances for tests have several brokers on a host.
        """
        return await self._transport.get(f"/nodes/{quote(name, safe='')}", dict[str, Any])

    async def use(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        steps: int | None = None,
        node: str | None = None,
        rank: int | None = None,
    ) -> dict[str, Any]:
        """Return the cores in use over a time, by default the last day, in at most *steps* steps.

        Args:
            since: The begin, in seconds since the epoch.
            until: The end.
            steps: The number of steps at most.
            node: Only this host, as its jobs tell.
            rank: Only this broker of the host.
        """
        query = {"since": since, "until": until, "steps": steps}
        if node is None:
            return await self._transport.get("/resources/use", dict[str, Any], query)
        path = f"/nodes/{quote(node, safe='')}/use"
        return await self._transport.get(path, dict[str, Any], {**query, "rank": rank})

    async def resources(self) -> dict[str, Any]:
        """Return nodes by rank, with their state, cores and GPUs, and the totals."""
        return await self._transport.get("/resources", dict[str, Any])

    async def queues(self) -> list[dict[str, Any]]:
        """Return the queues: their state, limits, resources, and the jobs that wait and run there.

        ``jobs["mine"]`` are the pending jobs of the sender.
        """
        return (await self._transport.get("/queues", _Queues)).queues

    async def held_queues(self) -> list[dict[str, Any]]:
        """Return the queues that are stopped or disabled and have pending jobs of the sender."""
        return (await self._transport.get("/queues/held", _Queues)).queues

    async def instances(self, *, counts: bool = False, limit: int = 10_000) -> list[dict[str, Any]]:
        """Return the tree of instances, each before those below it.

        Instances below a closed one are not known. Pass the ``path`` of one as ``instance`` to a
        new client to work with its jobs.

        Args:
            counts: Count the jobs of closed instances, too.
            limit: The number of instances at most; the first one is the root.
        """
        query = {"counts": True if counts else None, "limit": limit}
        return (await self._transport.get("/instances", _Instances, query)).instances

    async def instance(self, path: str) -> dict[str, Any]:
        """Return what is known of the instance at *path*; raise ``NotFound``."""
        return await self._transport.get(instance_place(path), dict[str, Any])

    async def stop(self, *, instance: bool = False) -> None:
        """Stop the service; with ``instance``, stop the Flux instance too."""
        await self._transport.post("/service/stop", {"instance": instance}, Ignored)

    async def create_token(self) -> AccessToken:
        """Exchange user and token for a bearer token that expires; raise ``Unauthorized``."""
        basic = self._transport.credentials.basic
        if basic is None:
            error = Unauthorized(401, title="Unauthorized", detail=_NEEDS_BOTH)
            raise self._transport.with_advice(error)
        asked = time.time()
        made = await self._transport.exchange(basic)
        return AccessToken(made.access_token, asked + made.expires_in)

    async def health(self) -> None:
        """Check that the service runs; raise ``ConnectionFailed`` if it does not."""
        await self._transport.get("/health", Ignored)

    async def ready(self) -> bool:
        """Return whether the service has caught up with its Flux instance, without retries."""
        async with self._transport.attempt(Request("GET", "/ready")) as response:
            if not isinstance(response, Failure):
                return True
        if isinstance(response.error, Unavailable):
            return False
        raise response.error


class _Nodes(msgspec.Struct):
    nodes: list[str]


class _Instances(msgspec.Struct):
    instances: list[dict[str, Any]]


class _Queues(msgspec.Struct):
    queues: list[dict[str, Any]]
