"""The longest jobs that the service submits, in the queue of a real scheduler."""

from __future__ import annotations

from fluxapi.model.fatal import MAX_DURATION_S
from fluxapi.model.jobspec import Defaults, build
from tests.running import flux, flux_instance, needs_flux


@needs_flux
def test_the_estimated_start_of_a_job_is_a_number() -> None:
    fields = {
        "command": "true",
        "num_nodes": 1,
        "exclusive": True,
        "duration": MAX_DURATION_S,
        "attributes": {"exec.test.run_duration": "1h"},
    }
    jobspec = build(fields, Defaults()).jobspec.decode()
    with flux_instance(1) as uri:
        # The scheduler adds up the durations of those before each job.
        jobs = [flux(uri, "job", "submit", input=jobspec).strip() for _ in range(6)]
        flux(uri, "job", "wait-event", "--quiet", jobs[0], "start")
        # With an infinite time, the job manager would schedule nothing after the first job.
        flux(uri, "cancel", jobs[0])
        flux(uri, "job", "wait-event", "--quiet", "--timeout=60", jobs[1], "start")
        flux(uri, "cancel", "--all", "--quiet")
