"""``POST /v1/jobs/check`` says what a real Flux does with the job."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.running import Service, needs_flux

pytestmark = [pytest.mark.slow, needs_flux]


def post(site: Service, path: str, body: Any) -> tuple[int, Any]:
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{site.url}{path}", json.dumps(body).encode(), kind)  # noqa: S310 - it is ours
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_queue_that_flux_does_not_know(on_flux: Service) -> None:
    job = {"command": ["true"], "queue": "no-such-queue"}
    status, found = post(on_flux, "/v1/jobs/check", {"job": job})
    assert status == 200
    assert [(it["pointer"], it["outcome"]) for it in found["findings"]] == [("/queue", "refused")]
    assert post(on_flux, "/v1/jobs", job)[0] >= 400


def test_a_job_that_flux_takes_has_no_findings(on_flux: Service) -> None:
    job = {"command": ["true"], "cwd": "/"}
    _, found = post(on_flux, "/v1/jobs/check", {"job": job})
    assert (found["valid"], found["findings"], found["unknown"]) == (True, [], [])
    assert (found["size"]["tasks"], found["size"]["cores"]) == (1, 1)


def test_more_nodes_than_there_are(on_flux: Service) -> None:
    job = {"command": ["true"], "num_nodes": 1000, "num_tasks": 1000}
    _, found = post(on_flux, "/v1/jobs/check", {"job": job})
    assert ("/num_nodes", "impossible") in [
        (it["pointer"], it["outcome"]) for it in found["findings"]
    ]
