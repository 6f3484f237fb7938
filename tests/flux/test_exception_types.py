"""An exception of a type that Flux reads never takes the resources of a job from others."""

from __future__ import annotations

import re

from tests.running import flux, flux_instance, needs_flux


@needs_flux
def test_flux_frees_no_resources_of_such_a_job() -> None:
    with flux_instance(1) as uri:
        job = flux(uri, "submit", "-N1", "--exclusive", "sleep", "inf").strip()
        flux(uri, "job", "wait-event", "--quiet", job, "start")
        flux(uri, "job", "raise", "--severity=0", "--type=scheduler-restart", job)
        events = flux(uri, "job", "wait-event", "--verbose", job, "clean")
        assert not re.search(r"\bfree\b", events), "Flux frees them: the type can be accepted"
