"""The nodes of one instance: single hosts, their jobs, and the cores in use over time."""

from __future__ import annotations

from typing import Any

from fluxapi.errors import NotFound
from fluxapi.instance.nodes import nodes_and_totals
from fluxapi.instance.protocol import Queue, ResourceInfo
from fluxapi.model.message import problem
from fluxapi.process.joined_call import JoinedCall
from fluxapi.table.table import Table

from .node_jobs import NodeJobs
from .past_jobs import PastJobs
from .use import UseReader

__all__ = ["NodeReader", "queue_names"]

_MAX_NAME_CHARS = 64
"""Characters of an unknown name that an error repeats."""


class NodeReader:
    """Reads the nodes of one instance.

    Attributes:
        jobs: The jobs of single nodes.
        use: The cores in use over time.
    """

    def __init__(
        self, instance: ResourceInfo, table: Table, past: PastJobs, starttime: float
    ) -> None:
        self._instance = instance
        # Those of a large instance take a tenth of a second.
        self._all = JoinedCall(lambda: nodes_and_totals(instance))
        self.jobs = NodeJobs(table, past)
        self.use = UseReader(table, self.jobs, starttime)

    async def read(self) -> dict[str, Any]:
        """Return all nodes and their totals; callers share the value.

        Raises:
            InstanceUnavailable: The instance does not answer.
            NotSupported: It does not report its nodes.
        """
        return await self._all.get()

    async def find(self, name: str) -> dict[str, Any]:
        """Return a host with its brokers, as the API describes it.

        Brokers of a test instance share a host, so each has its rank, too.

        Raises:
            NotFound: No broker runs on such a host.
            InstanceUnavailable: The instance does not answer.
            NotSupported: It does not report its nodes.
        """
        nodes = (await self.read())["nodes"]
        mine = [node for node in nodes if node["name"] == name]
        if not mine:
            raise NotFound(problem("no_node", node=name[:_MAX_NAME_CHARS]))
        queues = await self._instance.queues()
        return {
            "name": name,
            "nodes": [{**node, "queues": queue_names(node, queues)} for node in mine],
        }

    async def aclose(self) -> None:
        """Cancel the requests in progress."""
        await self._all.aclose()
        await self.use.aclose()


def queue_names(node: dict[str, Any], queues: list[Queue]) -> list[str]:
    """Return the names of the queues that a node belongs to."""
    has = frozenset(node.get("properties", ()))
    return [queue.name for queue in queues if queue.name and has.issuperset(queue.policy.requires)]
