"""Requests that a real Flux must run as they say."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import Service, needs_flux, service

pytestmark = needs_flux


@pytest.fixture(scope="module")
def server(flux_uri: str) -> Iterator[Service]:
    with service(FLUX_URI=flux_uri, FLUXAPI_LAUNCHERS="workflow") as running:
        yield running


def submit(server: Service, **fields: Any) -> str:
    request = urllib.request.Request(  # noqa: S310 - it is ours
        f"{server.url.rstrip('/')}/v1/jobs",
        data=json.dumps(fields).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - it is ours
        jobid: str = json.load(answer)["id"]
    return jobid


def output(server: Service, jobid: str) -> list[str]:
    record = server.get(f"/v1/jobs/{jobid}/wait?timeout=60")
    assert record["result"] == "COMPLETED", record
    lines: list[str] = server.get(f"/v1/jobs/{jobid}/output")["Output"]
    return lines


def test_every_task_reads_stdin(server: Service) -> None:
    jobid = submit(server, command="cat", stdin="pancakes 🥞\n", num_tasks=2, num_nodes=2)
    assert output(server, jobid) == ["pancakes 🥞\n"] * 2
    assert server.get(f"/v1/jobs/{jobid}")["name"] == "cat"


def test_stdin_may_be_any_bytes(server: Service) -> None:
    data = base64.b64encode(b"\0\xff\n").decode()
    jobid = submit(server, command="od -An -tx1", stdin={"encoding": "base64", "data": data})
    assert output(server, jobid) == [" 00 ff 0a\n"]


def test_the_environment_is_what_was_asked_for(server: Service) -> None:
    jobid = submit(server, command="env", environment={"MINE": "1"})
    names = {line.partition("=")[0] for line in output(server, jobid)}
    assert {"MINE", "HOME", "USER", "PATH"} <= names
    assert not {name for name in names if name.startswith(("FLUX_TOKEN", "FLUX_SECRET", "PYTEST"))}


def test_a_launcher_is_a_job_whose_children_land_in_the_same_instance(
    server: Service, tmp_path: Path
) -> None:
    program = tmp_path / "workflow"
    program.write_text("#!/bin/sh\nflux submit --wait --job-name=child true\n", encoding="utf-8")
    program.chmod(0o755)
    output(server, submit(server, command=str(program), is_launcher=True))
    (child,) = server.get("/v1/jobs?name=child")["jobs"]
    assert child["result"] == "COMPLETED"


def test_a_job_runs_on_several_nodes(server: Service) -> None:
    command = ["sh", "-c", "echo $FLUX_TASK_RANK of $FLUX_JOB_SIZE on $FLUX_JOB_NNODES"]
    jobid = submit(server, command=command, num_tasks=4, num_nodes=4)
    assert sorted(output(server, jobid)) == [f"{rank} of 4 on 4\n" for rank in range(4)]
    record = server.get(f"/v1/jobs/{jobid}")
    assert (record["nnodes"], record["ntasks"], record["ranks"]) == (4, 4, "[0-3]")


def test_dependencies_are_met(server: Service) -> None:
    first = submit(server, command="true")
    second = submit(server, command="true", dependencies=[f"afterok:{first}"])
    records = [server.get(f"/v1/jobs/{jobid}/wait?timeout=60") for jobid in (first, second)]
    assert records[1]["t_run"] >= records[0]["t_inactive"] - 1
    assert records[1]["result"] == "COMPLETED"


def test_flux_says_what_it_refuses(server: Service) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        submit(server, command="true", queue="nope")
    assert caught.value.code == 422
    with caught.value as answer:
        assert "nope" in json.load(answer)["detail"]
