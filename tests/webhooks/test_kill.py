"""A service with a webhook that is killed and begun again, as ``make soak`` does more often."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import needs_flux
from tests.soak.sites import EmbeddedSite, FluxSite
from tests.soak.webhooks import campaign, latency, site

pytestmark = pytest.mark.slow

KINDS = [
    pytest.param(EmbeddedSite, id="embedded"),
    pytest.param(FluxSite, id="flux", marks=needs_flux),
]


@pytest.mark.parametrize("kind", KINDS)
async def test_each_event_arrives_though_the_service_is_killed(
    kind: type[EmbeddedSite | FluxSite], tmp_path: Path
) -> None:
    verdict = await campaign(site(kind, tmp_path), restarts=3, seed=1)
    assert verdict.holds, verdict


@pytest.mark.parametrize("kind", KINDS)
async def test_messages_arrive_soon(kind: type[EmbeddedSite | FluxSite], tmp_path: Path) -> None:
    # The limit is high, since the machine may be busy; make soak prints the figures.
    count, median, _ = await latency(site(kind, tmp_path), jobs=20, filter={"event": ["clean"]})
    assert count == 20
    assert median < 10
