"""Instances with very many queues and nodes; a job may start one with any number of both."""

from __future__ import annotations

import asyncio
import tracemalloc
from itertools import combinations
from typing import Any

import pytest

from fluxapi.instance.protocol import Queue, QueuePolicy
from fluxapi.sessions import queue_shares
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]


def node(rank: int, *properties: str, allocated: bool = False, state: str = "up") -> dict[str, Any]:
    use = {"total": 4, "allocated": 2 if allocated else 0}
    return {
        "rank": rank,
        "state": state,
        "allocated": allocated,
        "properties": list(properties),
        "cores": use,
        "gpus": {"total": 0, "allocated": 0},
    }


async def test_readers_share_the_nodes_of_queues(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    shares_of = queue_shares.shares_of

    def counted(*args: Any) -> Any:
        calls.append(1)
        return shares_of(*args)

    monkeypatch.setattr("fluxapi.sessions.queue_board.shares_of", counted)
    readers = [service.client.get("/v1/queues") for _ in range(20)]
    answers = await asyncio.gather(*readers)
    for answer in answers:
        (queue,) = (await answer.json())["queues"]
        assert queue["nodes"]["total"] > 0
    assert len(calls) < len(answers)


def test_nodes_are_compared_with_no_single_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that the steps are those of the nodes and of the queues, not those of both."""
    steps: list[int] = []
    figures = queue_shares._figures

    def counted(one: Any) -> list[int]:
        steps.append(1)
        return figures(one)

    monkeypatch.setattr(queue_shares, "_figures", counted)
    nodes = [node(rank, "a", f"b{rank % 3}", allocated=rank < 5) for rank in range(300)]
    queues = [
        Queue(f"q{number}", enabled=True, started=True, policy=QueuePolicy(requires=("a",)))
        for number in range(200)
    ]
    shares = queue_shares.shares_of(queues, nodes, {f"q{number}" for number in range(50)})
    assert len(steps) == len(nodes)
    use = {"total": 300, "allocated": 5, "free": 295, "up": 300, "drained": 0}
    assert shares["q7"]["nodes"] == use
    assert len(shares["q7"]["shared_with"]) == 19


def test_a_queue_gets_the_nodes_that_have_all_of_its_properties() -> None:
    nodes = [node(0, "a", "b", allocated=True), node(1, "a", state="down"), node(2)]
    requires: dict[str, tuple[str, ...]] = {"both": ("b", "a"), "a": ("a",), "c": ("a", "c")}
    queues = [
        Queue(name, enabled=True, started=True, policy=QueuePolicy(requires=some))
        for name, some in {**requires, "all": ()}.items()
    ]
    shares = queue_shares.shares_of(queues, nodes, {"all", "c"})
    assert {name: share["nodes"]["total"] for name, share in shares.items()} == {
        "both": 1,
        "a": 2,
        "c": 0,
        "all": 3,
    }
    assert shares["a"]["cores"] == {"total": 8, "allocated": 2, "free": 2, "up": 4}
    assert [share.get("shared_with") for share in shares.values()] == [["all"], ["all"], None, None]


def test_nodes_with_properties_of_their_own_take_little_memory() -> None:
    """Check nodes of which none is like another, and queues with any choice of properties."""
    common = [f"p{number}" for number in range(9)]
    nodes = [node(rank, *common, f"n{rank}", allocated=not rank) for rank in range(4000)]
    choices = [some for size in (3, 4) for some in combinations(common, size)]
    queues = [
        Queue(str(number), enabled=True, started=True, policy=QueuePolicy(requires=some))
        for number, some in enumerate(choices)
    ]
    tracemalloc.start()
    try:
        shares = queue_shares.shares_of(queues, nodes, {queue.name for queue in queues})
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert shares["7"]["nodes"]["total"] == 4000
    assert shares["7"]["shared_with"]
    assert most < 16 << 20
