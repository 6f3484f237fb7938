"""Nodes with properties and queues with limits, as a real Flux has them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import Service, flux, flux_instance, needs_flux, service
from tests.waiting import block_until

pytestmark = needs_flux

CONFIG = """
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-1]"
cores = "0-3"
properties = ["fast"]
[[resource.config]]
hosts = "node2"
cores = "0-7"
gpus = "0-1"
properties = ["slow", "big"]
[[resource.config]]
hosts = "node1"
properties = ["ssd"]
[queues.batch]
requires = ["fast"]
[queues.batch.policy.limits]
duration = "2h"
job-size.max.nnodes = 2
[queues.large]
requires = ["slow", "big"]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("nodes")
    with flux_instance(3, CONFIG, folder, hosts="node[0-2]") as uri:
        yield uri


@pytest.fixture(scope="module")
def server(cluster: str) -> Iterator[Service]:
    with service(FLUX_URI=cluster) as running:
        yield running


def broker(server: Service, name: str) -> dict[str, Any]:
    (found,) = server.get(f"/v1/nodes/{name}")["nodes"]
    return dict(found)


def test_a_node_has_its_properties_and_queues(server: Service) -> None:
    node = broker(server, "node2")
    assert sorted(node["properties"]) == ["big", "slow"]
    assert node["queues"] == ["large"]
    assert (node["cores"]["total"], node["gpus"]["total"]) == (8, 2)
    assert broker(server, "node1")["queues"] == ["batch"]


def test_a_drained_node_is_draining_while_a_job_runs_on_it(cluster: str, server: Service) -> None:
    jobid = flux(cluster, "submit", "-q", "large", "-n1", "sleep", "600").strip()
    flux(cluster, "job", "wait-event", jobid, "start")
    flux(cluster, "resource", "drain", "node2", "bad fan")
    node = broker(server, "node2")
    assert (node["state"], node["reason"]) == ("draining", "bad fan")
    assert node["drained_at"] > 1e9
    text = server.read("/ui/nodes/node2").decode()
    assert "bad fan" in text
    assert ">Draining</span>" in text
    flux(cluster, "cancel", jobid)
    flux(cluster, "queue", "idle", "--quiet")
    assert broker(server, "node2")["state"] == "drained"
    flux(cluster, "resource", "undrain", "node2")
    assert broker(server, "node2")["state"] == "up"
    steps = server.get(f"/v1/nodes/node2/use?since={time.time() - 60}")["steps"]
    assert max(step.get("allocated", 0) for step in steps) > 0


def test_a_job_waits_for_the_only_node_with_a_property_which_is_drained(
    cluster: str, server: Service
) -> None:
    flux(cluster, "resource", "drain", "node1", "bad disk")
    jobid = flux(cluster, "submit", "-q", "batch", "-t1", "--requires=ssd", "true").strip()
    jobid = jobid.replace("ƒ", "f")
    flux(cluster, "job", "wait-event", jobid, "priority")
    why = "the only node with the property ssd is drained; needs 1 core"
    block_until(lambda: server.get(f"/v1/jobs/{jobid}").get("reason") == why)
    assert "Drained: node1 (bad disk)." in server.read(f"/ui/jobs/{jobid}").decode()
    flux(cluster, "cancel", jobid)
    assert server.get(f"/v1/jobs/{jobid}/wait")["result"] == "CANCELED"
    flux(cluster, "resource", "undrain", "node1")


def test_a_stopped_queue_tells_what_it_holds_up(cluster: str, server: Service) -> None:
    flux(cluster, "queue", "stop", "-q", "batch", "-m", "maintenance")
    jobids = [flux(cluster, "submit", "-q", "batch", "-t1", "true").strip() for _ in range(3)]
    for jobid in jobids:
        flux(cluster, "job", "wait-event", jobid, "priority")
    block_until(
        lambda: [it["jobs"]["waiting"] for it in server.get("/v1/queues/held")["queues"]] == [3]
    )
    queues = {queue["name"]: queue for queue in server.get("/v1/queues")["queues"]}
    batch = queues["batch"]
    assert (batch["started"], batch["stop_reason"]) == (False, "maintenance")
    assert (batch["max_duration"], batch["max_size"]) == (7200.0, {"nodes": 2})
    assert (batch["nodes"]["total"], batch["cores"]["total"]) == (2, 8)
    assert (batch["jobs"]["waiting"], batch["jobs"]["mine"]) == (3, 3)
    assert queues["large"]["jobs"]["pending"] == 0
    (held,) = server.get("/v1/queues/held")["queues"]
    assert (held["name"], held["jobs"]["mine"]) == ("batch", 3)
    flux(cluster, "queue", "start", "-q", "batch")
    flux(cluster, "queue", "idle", "--quiet")
    block_until(lambda: server.get("/v1/queues/held")["queues"] == [])
