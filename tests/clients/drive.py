"""Calls of flux-restful-client as a user makes them, in its own environment; prints JSON.

Takes the address of the service. Waiting is left to the service (``/jobs/{id}/wait``).
"""

from __future__ import annotations

import json
import sys
from typing import Any

from flux_restful_client.main import get_client  # type: ignore[import-not-found] # not in ours


def drive(url: str) -> dict[str, Any]:
    client = get_client(host=url)
    seen: dict[str, Any] = {}
    submitted = client.submit(
        ["echo", "pancakes 🥞"], num_tasks=1, cores_per_task=1, workdir="/", envars={"A": "b"}
    )
    seen["submitted"] = submitted
    jobid = submitted["id"]
    seen["listed"] = [job["id"] for job in client.jobs()["jobs"]]
    client.do_request(f"jobs/{jobid}/wait", "GET")
    seen["record"] = client.jobs(jobid)
    seen["unknown"] = client.jobs("f99")
    seen["nodes"] = client.list_nodes()
    if hasattr(client, "output"):
        seen["output"] = client.output(jobid)
        seen["found"] = client.search("echo", start=0, length=10)
        seen["refused"] = client.submit("true", option_flags={"-ompi": "noodles"})
    else:
        seen["output"] = client.do_request(f"jobs/{jobid}/output", "GET").json()
        seen["found"] = client.do_request("jobs/search?query=echo&start=0&length=10").json()
    long = client.submit("sleep 600")["id"]
    seen["canceled"] = client.cancel(long)
    client.do_request(f"jobs/{long}/wait", "GET")
    seen["canceled again"] = client.cancel(long)
    seen["stopped"] = client.stop_service()
    return seen


print(json.dumps(drive(sys.argv[1])))  # noqa: T201 - the answer to the test
