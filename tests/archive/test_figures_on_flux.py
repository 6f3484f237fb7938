"""Figures and samples of a real Flux."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from fluxapi.archive.database import FILE_NAME, connect
from tests.running import flux, needs_flux
from tests.running import service as run
from tests.waiting import block_until


@needs_flux
@pytest.mark.slow
def test_figures_count_what_has_run_on_a_flux(flux_uri: str, tmp_path: Path) -> None:
    with run(FLUX_URI=flux_uri, FLUXAPI_STATEDIR=str(tmp_path)) as service:
        path = "/v1/history/figures?by=result"
        block_until(lambda: service.get(path)["total"]["ended"] >= 0)
        flux(flux_uri, "submit", "--quiet", "-n1", "--cc=1-22", "--job-name=figures", "true")
        flux(flux_uri, "submit", "--quiet", "-n1", "--job-name=figures", "false")
        flux(flux_uri, "queue", "idle", "--quiet")

        def named() -> dict[str, int]:
            groups = service.get("/v1/history/figures?by=name")["groups"]
            found = [group for group in groups if group["value"] == "figures"]
            return {"ended": found[0]["ended"], "failed": found[0]["failed"]} if found else {}

        block_until(lambda: named() == {"ended": 23, "failed": 1})
        jobid = flux(flux_uri, "jobs", "-a", "-c1", "-no", "{id.f58plain}").strip()
        assert service.get(f"/v1/jobs/{jobid}/comparison")["by"] == "name"
        service.end()
    with closing(connect(tmp_path / FILE_NAME, readonly=True)) as database:
        assert database.execute("SELECT count(*) FROM instances").fetchone() == (1,)
