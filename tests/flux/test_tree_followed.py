"""A batch job on a real Flux: what failed in it is known though nobody has looked."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.running import Service, flux, needs_flux, service
from tests.waiting import poll_until

pytestmark = [pytest.mark.slow, needs_flux]

_SCRIPT = """#!/bin/sh
flux submit -n1 --job-name=solver sh -c 'echo "mesh is broken" >&2; exit 3'
flux submit -n1 true
flux queue drain
"""


def read(site: Service, path: str) -> Any:
    with urllib.request.urlopen(f"{site.url}{path}", timeout=60) as answer:  # noqa: S310 - it is ours
        return json.load(answer)


async def test_a_batch_job_tells_what_failed_in_it(flux_uri: str, tmp_path: Path) -> None:
    script = tmp_path / "batch.sh"
    script.write_text(_SCRIPT)
    state = tmp_path / "state"
    with service(f"--statedir={state}", FLUX_URI=flux_uri) as running:
        output = f"--output={tmp_path}/out"
        (jobid,) = flux(flux_uri, "batch", "-n1", output, str(script)).split()[-1:]
        jobid = jobid.replace("ƒ", "f", 1)
        flux(flux_uri, "job", "wait-event", "--timeout=120", jobid, "clean")

        async def is_known() -> bool:
            found = read(running, f"/v1/instances/{jobid}")
            return bool(found["state"] == "ended")

        await poll_until(is_known)
    # A later service has the jobs and their outputs from the history.
    with service(f"--statedir={state}", FLUX_URI=flux_uri) as running:
        (failed,) = read(running, f"/v1/instances/{jobid}/jobs?result=FAILED")["jobs"]
        assert (failed["name"], failed["returncode"]) == ("solver", 3)
        said = read(running, f"/v1/instances/{jobid}/jobs/{failed['id']}/output")
        assert "mesh is broken" in json.dumps(said)
