"""Instances within instances, on each release of Flux that is installed."""

from __future__ import annotations

import urllib.error

import pytest

from fluxapi.model.jobid import encode_f58, parse
from tests.running import RELEASES, Service, flux, flux_instance, service, with_flux
from tests.waiting import block_until

from .test_tree import place


@pytest.mark.parametrize("program", RELEASES)
def test_children_of_every_release_are_reached(program: str) -> None:
    path = with_flux(program)
    with flux_instance(1, environ=path) as uri:
        start = "flux submit --quiet --cc=1-5 true; sleep inf"
        command = ("submit", "-N1", "-n1", "flux", "start", "sh", "-c", start)
        jobid = encode_f58(parse(flux(uri, *command, **path).strip()))
        for transport in ("local", "parent"):
            with service(f"--child-transports={transport}", FLUX_URI=uri, **path) as running:
                running.wait_until_ready()
                block_until(lambda running=running: has_jobs(running, jobid, 5))  # type: ignore[misc]
        flux(uri, "cancel", "--all", "--quiet", **path)


def has_jobs(running: Service, jobid: str, count: int) -> bool:
    try:
        return len(running.get(f"{place(jobid)}/jobs")["jobs"]) == count
    except urllib.error.HTTPError:
        return False  # It has not posted its address, or is still starting.
