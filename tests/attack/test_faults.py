"""Faults at random while clients submit; ``make soak`` has hundreds of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import needs_flux
from tests.soak.faults import campaign
from tests.soak.sites import EmbeddedSite, FluxSite

pytestmark = pytest.mark.slow

FAULTS = 5
SEED = 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["embedded", pytest.param("flux", marks=needs_flux)])
async def test_no_job_is_lost_or_run_twice(kind: str, tmp_path: Path) -> None:
    embedded = kind == "embedded"
    site = EmbeddedSite(tmp_path, small_disk=True) if embedded else FluxSite(tmp_path)
    verdict = await campaign(site, tmp_path, faults=FAULTS, seed=SEED)
    assert verdict.jobs
    assert (verdict.lost, verdict.doubled) == ([], []), str(verdict)
