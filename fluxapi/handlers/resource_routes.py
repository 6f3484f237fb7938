"""The routes of the nodes, the resources and the queues of the instance."""

from __future__ import annotations

from fluxapi import errors
from fluxapi.contracts.route import Route

from . import nodes, resources

__all__ = ["RESOURCES"]

RESOURCES: tuple[Route, ...] = (
    Route(
        "GET", "/nodes", resources.nodes, "listNodes", "instance", "List the host names.",
        {200: "nodes"}, fails=(errors.InstanceUnavailable, errors.NotSupported), right="view",
    ),
    Route(
        "GET", "/resources", resources.resources, "getResources", "instance",
        "Get nodes, cores and GPUs, and how many are in use.",
        {200: "resources"}, fails=(errors.InstanceUnavailable, errors.NotSupported), right="view",
    ),
    Route(
        "GET", "/resources/use", nodes.use, "getUse", "instance",
        "Get the cores in use over a time: sampled by the history, or else computed from the jobs.",
        {200: "cores-in-use"}, query="use-query", fails=(errors.HistoryUnavailable,), right="view",
    ),
    Route(
        "GET", "/nodes/{node}", nodes.node, "getNode", "instance",
        "Get one host: the state, resources, properties and queues of each broker on it.",
        {200: "host"}, parameters={"node": ("Host name of the node.", "node0")},
        fails=(errors.InstanceUnavailable, errors.NotFound, errors.NotSupported), right="view",
    ),
    Route(
        "GET", "/nodes/{node}/use", nodes.node_use, "getNodeUse", "instance",
        "Get the cores in use on one host over a time, computed from its jobs.",
        {200: "cores-in-use"}, query="node-use-query", right="view",
    ),
    Route(
        "GET", "/queues", resources.queues, "listQueues", "instance",
        "List the queues: their state and limits, their jobs, and their resources.",
        {200: "queues"}, fails=(errors.InstanceUnavailable,), right="view",
    ),
    Route(
        "GET", "/queues/held", resources.held_queues, "listHeldQueues", "instance",
        "List the queues that are stopped or disabled and have pending jobs of the sender.",
        {200: "held-queues"}, fails=(errors.InstanceUnavailable,), right="view",
    ),
)  # fmt: skip
