"""Anybody with a job may post a memo of any depth; the others must not notice."""

from __future__ import annotations

import json
import urllib.request

from tests.running import Service, flux, flux_instance, needs_flux, service

LEVELS = (500, 1500, 2000)
"""Depths of the memos."""

POST = """
import sys, flux
levels = int(sys.argv[2])
memo = '{"a":' * levels + "1" + "}" * levels
text = '{"id":%s,"memo":%s}' % (sys.argv[1], memo)
flux.Flux().rpc("job-manager.memo", text).get()
"""


def submit(running: Service, **options: object) -> str:
    """Return a job that the service knows already."""
    request = urllib.request.Request(  # noqa: S310 - it is ours
        f"{running.url}/v1/jobs",
        json.dumps({"command": "true", **options}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        jobid: str = json.load(answer)["id"]
    return jobid


@needs_flux
def test_deep_memos_stop_nobody() -> None:
    with flux_instance(1) as uri, service(FLUX_URI=uri) as running:
        running.wait_until_ready()
        held = [submit(running, urgency=0) for _ in LEVELS]
        for jobid, levels in zip(held, LEVELS, strict=True):
            number = flux(uri, "job", "id", "--to=dec", jobid).strip()
            flux(uri, "python", "-c", POST, number, str(levels))
            later = submit(running)
            record = running.get(f"/v1/jobs/{later}/wait?timeout=30")
            assert record["status"] == "COMPLETED"
        # And one that begins with the memos in its backlog.
        with service(FLUX_URI=uri) as second:
            second.wait_until_ready()
            listed = second.get("/v1/jobs")["jobs"]
            assert {
                job["id"]: job["revision"] for job in listed if job["id"] in held
            } == dict.fromkeys(held, 4)
            assert {job["revision"] for job in listed if job["id"] not in held} == {10}
        for jobid in held:
            log = flux(uri, "job", "eventlog", "--format=json", jobid).splitlines()
            kept = [line for line in log if '"name":"memo"' not in line]
            assert len(kept) == running.get(f"/v1/jobs/{jobid}")["revision"]
            assert json.loads(log[0])["name"] == "submit"
