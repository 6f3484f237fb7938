"""The call behind ``logs --stream`` of flux-restful-client, in its own environment.

Takes the address of the service; prints the lines as JSON. Until 0.1.14 the client's method works.
The method of 0.2.1 fails before it sends anything (it takes httpx's context manager for a
response), so here its session sends the intended request.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from typing import Any

from flux_restful_client.main import get_client  # type: ignore[import-not-found] # not in ours

SCRIPT = "echo pancakes 🥞; echo on stderr >&2; sleep 0.2; printf 'no newline'"


def lines(client: Any, jobid: str) -> Iterator[str]:
    if type(client.session).__module__.startswith("requests"):
        yield from client.stream_output(jobid)
        return
    url = f"{client.host}/{client.prefix}/jobs/{jobid}/output/stream"
    with client.session.stream("GET", url, headers=client.headers) as response:
        yield from response.iter_lines()


def drive(url: str) -> list[str]:
    client = get_client(host=url)
    jobid = client.submit(["sh", "-c", shlex.quote(SCRIPT)], num_tasks=1, cores_per_task=1)["id"]
    return [line.strip() for line in lines(client, jobid)]


print(json.dumps(drive(sys.argv[1])))  # noqa: T201 - the answer to the test
