"""``minicluster.yaml``: held to the facts of the Flux Operator, and run by its start sequence."""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.container import operator
from tests.running import may_run, needs_flux

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "container" / "minicluster.yaml"
TOKEN = "of-the-cluster"


def documents() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the MiniCluster and the Service."""
    cluster, service = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    return cluster, service


def spec() -> dict[str, Any]:
    return documents()[0]["spec"]  # type: ignore[no-any-return]


def main_container() -> dict[str, Any]:
    (container,) = spec()["containers"]
    return container  # type: ignore[no-any-return]


def test_the_operator_knows_every_field() -> None:
    cluster, _ = documents()
    assert cluster["apiVersion"] == "flux-framework.org/v1alpha2"
    assert cluster["kind"] == "MiniCluster"
    assert operator.unknown_fields(cluster["spec"], operator.FIELDS) == []
    assert operator.unknown_fields({"flux": {"none": 1}}, operator.FIELDS) == ["spec.flux.none"]
    environment = main_container()["environment"]
    assert all(isinstance(value, str) for value in environment.values())


def test_both_containers_of_a_pod_are_the_user_of_the_image() -> None:
    dockerfile = (ROOT / "container" / "Dockerfile").read_text(encoding="utf-8")
    (user,) = re.findall(r"^ARG uid=(\d+)$", dockerfile, re.MULTILINE)
    init = spec()["flux"]["container"]
    assert init["securityContext"]["runAsUser"] == int(user)
    assert main_container()["securityContext"]["runAsUser"] == int(user)
    # The same image, so that no other is pulled for a script.
    assert init["image"] == main_container()["image"]


def test_the_token_is_a_file_of_a_secret() -> None:
    container = main_container()
    folder = str(Path(container["environment"]["FLUX_TOKEN_FILE"]).parent)
    (volume,) = container["volumes"].values()
    assert volume["path"] == folder
    assert volume["readOnly"] is True
    assert "FLUX_TOKEN" not in container["environment"]
    assert container["command"].split() == ["fluxapi-entrypoint", "serve"]


def test_the_stop_hook_is_a_program_of_the_image() -> None:
    hook = main_container()["lifeCycle"]["preStopExec"]
    # The operator makes it one word of an exec action, so it takes no arguments.
    assert " " not in hook
    assert f"container/prestop.sh {hook}\n" in (ROOT / "container/Dockerfile").read_text("utf-8")


def test_the_service_leads_to_the_lead_broker() -> None:
    cluster, service = documents()
    assert (service["apiVersion"], service["kind"]) == ("v1", "Service")
    # Labels that Kubernetes and the operator put on the Pods.
    assert service["spec"]["selector"] == {
        "job-name": cluster["metadata"]["name"],
        "job-index": "0",
    }
    (port,) = service["spec"]["ports"]
    assert port["port"] == port["targetPort"] == main_container()["ports"][0]
    # The operator makes a headless Service of this name, which would be in the way.
    assert service["metadata"]["name"] != cluster["spec"]["network"]["headlessName"]
    assert service["metadata"]["name"] in main_container()["environment"]["FLUXAPI_ALLOWED_HOSTS"]


def call(url: str, body: Any = None) -> Any:
    word = base64.b64encode(f"fluxuser:{TOKEN}".encode()).decode()
    headers = {"Authorization": f"Basic {word}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - it is ours
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def address_of(cluster: operator.Cluster) -> str:
    """Return where the service of the lead broker answers."""
    output = cluster.pods[0].process.stdout
    assert output is not None
    seen = []
    for line in output:
        seen.append(line)
        if " answers at " in line:
            return line.split(" answers at ")[1].strip()
    return pytest.fail(f"the service did not start: {seen}")


def as_others_can_read_this() -> None:
    """Skip where the user of the image may not run the Python of these tests."""
    if os.geteuid() == 0:
        user = main_container()["securityContext"]["runAsUser"]
        if not may_run(user):
            pytest.skip(f"user {user} cannot run {sys.executable}")


@needs_flux
def test_two_pods_start_take_a_job_and_end_when_the_service_is_stopped() -> None:
    as_others_can_read_this()
    with operator.cluster(spec(), TOKEN) as cluster:
        url = address_of(cluster)
        job = call(f"{url}/v1/jobs", {"command": "id -u", "num_nodes": 2, "num_tasks": 2})["id"]
        assert call(f"{url}/v1/jobs/{job}/wait?timeout=60")["returncode"] == 0
        assert call(url)["size"] == 2
        call(f"{url}/v1/service/stop", {})
        assert cluster.wait() == [0, 0]


@needs_flux
def test_the_stop_hook_of_each_pod_ends_them_all() -> None:
    as_others_can_read_this()
    hook = main_container()["lifeCycle"]["preStopExec"]
    with operator.cluster(spec(), TOKEN) as cluster:
        address_of(cluster)
        for pod in reversed(cluster.pods):
            pod.stop_hook(hook)
        assert cluster.wait() == [0, 0]


@needs_flux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a container as another user")
def test_an_init_container_of_another_user_starts_no_cluster() -> None:
    as_others_can_read_this()
    wrong = spec()
    del wrong["flux"]["container"]["securityContext"]
    with operator.cluster(wrong, TOKEN, size=1) as cluster:
        assert cluster.wait() != [0]
