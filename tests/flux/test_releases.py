"""The oldest supported release and the one on PATH: the same service in front of both.

``FLUX_OLD`` names the ``flux`` command of the oldest one. Each service is a process of its own, so
that it takes the bindings of the release that it is in front of.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fluxapi.instance import release
from tests.running import (
    OLD_FLUX,
    RELEASES,
    Service,
    clean_environment,
    flux_instance,
    needs_old_flux,
    service,
    with_flux,
)

pytestmark = pytest.mark.slow

_PATIENCE_S = 60
_CONTRACT_S = 900


@dataclass
class Site:
    """A Flux instance of one release with a service in front of it."""

    program: str
    uri: str
    service: Service

    def ask(self, path: str, body: Any = None, accept: str = "*/*", **headers: str) -> str:
        """Return the text that answers a GET, or a POST of ``body``."""
        request = urllib.request.Request(  # noqa: S310 - it is ours
            self.service.url.rstrip("/") + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": accept, **headers},
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
            text: str = answer.read().decode()
        return text

    def submit(self, command: list[str], **fields: Any) -> str:
        """Submit a job and return its ID."""
        jobid: str = json.loads(self.ask("/v1/jobs", {"command": command, **fields}))["id"]
        return jobid

    def wait(self, jobid: str) -> Any:
        """Return the record of a job that has ended."""
        return self.service.get(f"/v1/jobs/{jobid}/wait?timeout={_PATIENCE_S}")

    def flux(self, *command: str) -> str:
        """Return the output of a command of the same release."""
        return subprocess.run(
            [self.program, *command],
            env=clean_environment(FLUX_URI=self.uri, **with_flux(self.program)),
            check=True,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        ).stdout


@pytest.fixture(scope="module", params=RELEASES)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    path = with_flux(request.param)
    with flux_instance(2, environ=path) as uri, service(FLUX_URI=uri, **path) as running:
        running.wait_until_ready()
        yield Site(request.param, uri, running)


@needs_old_flux
def test_the_oldest_release_that_is_claimed_is_tested() -> None:
    answer = subprocess.run(
        [OLD_FLUX, "version"], check=True, capture_output=True, text=True, timeout=_PATIENCE_S
    ).stdout
    versions = dict(line.split(":") for line in answer.splitlines() if ":" in line)
    tested = release.parse(versions["libflux-core"])
    assert tested is not None
    assert tested[:2] == release.OLDEST[:2]


@needs_old_flux
def test_the_contract_holds_on_the_oldest_release() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-n", "0"]
    ran = subprocess.run(
        [*command, "-k", "not embedded", "tests/contract"],
        env=clean_environment(**with_flux(OLD_FLUX)),
        check=False,
        capture_output=True,
        text=True,
        timeout=_CONTRACT_S,
    )
    assert ran.returncode == 0, ran.stdout[-8000:]


def test_it_names_the_release_and_the_host(site: Site) -> None:
    told = site.service.get("/v1")
    assert told["instance"] == "flux"
    assert told["version"] == site.flux("getattr", "version").strip()
    assert told["size"] == 2
    assert told["hostname"] == os.uname().nodename


def test_a_job_is_as_flux_says(site: Site) -> None:
    jobid = site.submit(["sh", "-c", "echo out; echo err >&2; exit 3"], num_tasks=2, num_nodes=2)
    record = site.wait(jobid)
    assert (record["state"], record["result"], record["returncode"]) == ("INACTIVE", "FAILED", 3)
    assert (record["name"], record["ntasks"], record["nnodes"]) == ("sh", 2, 2)
    told_name, told_nodes = site.flux("jobs", "-no", "{name} {nodelist}", jobid).split()
    assert (record["name"], record["nodelist"]) == (told_name, told_nodes)
    eventlog = [event["name"] for event in site.service.get(f"/v1/jobs/{jobid}/eventlog")]
    told_events = site.flux("job", "eventlog", jobid).splitlines()
    assert eventlog == [line.split()[1] for line in told_events]
    output = site.service.get(f"/v1/jobs/{jobid}/output")
    assert sorted(output["Output"]) == ["err\n", "err\n", "out\n", "out\n"]


def test_output_is_read_while_a_job_runs(site: Site) -> None:
    jobid = site.submit(["sh", "-c", "echo begun; sleep 600"])
    url = f"{site.service.url.rstrip('/')}/v1/jobs/{jobid}/output/stream"
    with urllib.request.urlopen(url, timeout=_PATIENCE_S) as stream:  # noqa: S310 - it is ours
        assert stream.readline() == b"begun\n"
    assert site.service.get(f"/v1/jobs/{jobid}/output")["Output"] == ["begun\n"]
    site.ask(f"/v1/jobs/{jobid}/cancel", {})
    record = site.wait(jobid)
    assert (record["result"], record["exception"]["type"]) == ("CANCELED", "cancel")


def test_a_key_gives_the_job_that_it_made(site: Site) -> None:
    # It is found in the jobspec, which older releases tell later.
    first, second = (
        json.loads(site.ask("/v1/jobs", {"command": ["true"]}, **{"Idempotency-Key": "one"}))["id"]
        for _ in range(2)
    )
    assert first == second
    with service(FLUX_URI=site.uri, **with_flux(site.program)) as again:
        again.wait_until_ready()
        other = Site(site.program, site.uri, again)
        third = other.ask("/v1/jobs", {"command": ["true"]}, **{"Idempotency-Key": "one"})
        assert json.loads(third)["id"] == first
        assert again.get(f"/v1/jobs/{first}")["name"] == "true"


def test_the_resources_and_the_queues_are_told(site: Site) -> None:
    nodes = site.service.get("/v1/resources")["nodes"]
    assert [(node["rank"], node["state"]) for node in nodes] == [(0, "up"), (1, "up")]
    site.flux("resource", "drain", "1", "bad disk")
    nodes = site.service.get("/v1/resources")["nodes"]
    site.flux("resource", "undrain", "1")
    assert [(node["state"], node.get("reason")) for node in nodes][1] == ("drained", "bad disk")
    (queue,) = site.service.get("/v1/queues")["queues"]
    assert (queue["enabled"], queue["started"]) == (True, True)


@pytest.mark.parametrize("program", RELEASES)
def test_the_instance_ends_with_the_service(program: str) -> None:
    command = [program, "start", sys.executable, "-m", "fluxapi", "serve", "--port=0"]
    with subprocess.Popen(
        command, env=clean_environment(**with_flux(program)), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        url = next(line for line in lines if " answers at " in line).split(" answers at ")[1]
        running = Site(program, "", Service(process, url.strip(), []))
        running.wait(running.submit(["true"]))
        running.ask("/v1/service/stop", {})
        assert process.wait(_PATIENCE_S) == 0
