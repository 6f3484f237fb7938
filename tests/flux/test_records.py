"""Every record of the table beside what Flux itself says, after a load of every kind of job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fluxapi.model.job import RESULTS, STATES
from fluxapi.model.jobid import parse
from tests.recording import comparable
from tests.running import RELEASES, flux, flux_instance, service, with_flux

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CONFIG = "[queues.batch]\n[queues.debug]\n"

LATER_FIELDS = ("t_priority", "t_sched")
"""Fields that the flux jobs of an older release does not have, and the journal does."""

JOB_LIST = """
import flux, json
payload = {"max_entries": 0, "attrs": ["all"], "constraint": {"or": []}}
print(json.dumps(flux.Flux().rpc("job-list.list", payload).get()["jobs"]))
"""

REVISIONS = """
import flux, json, sys
handle = flux.Flux()
def lines(jobid):
    payload = {"id": jobid, "keys": ["eventlog"], "flags": 0}
    entries = handle.rpc("job-info.lookup", payload).get()["eventlog"].splitlines()
    return len([entry for entry in entries if json.loads(entry)["name"] != "memo"])
print(json.dumps([[jobid, lines(jobid)] for jobid in json.loads(sys.argv[1])]))
"""


@dataclass
class Load:
    """The same load as told by Flux and by two services, one live, one that came after it.

    ``revisions`` are the lines of each eventlog as Flux keeps it, memos left out.
    """

    flux_jobs: dict[int, dict[str, Any]]
    job_list: dict[int, dict[str, Any]]
    revisions: dict[int, int]
    live: dict[int, dict[str, Any]]
    replayed: dict[int, dict[str, Any]]


def by_id(jobs: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {(job["id"] if isinstance(job["id"], int) else parse(job["id"])): job for job in jobs}


def rows(url_jobs: dict[str, Any]) -> dict[int, dict[str, Any]]:
    assert url_jobs["next"] is None
    return by_id(url_jobs["jobs"])


@pytest.fixture(scope="module", params=RELEASES)
def load(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Load]:
    script = Path(__file__).with_name("mixed_load.sh")
    path = with_flux(request.param)
    with (
        flux_instance(4, CONFIG, tmp_path_factory.mktemp("flux"), environ=path) as uri,
        service(FLUX_URI=uri, **path) as live,
    ):
        flux(uri, "proxy", uri, "sh", str(script), **path)
        with service(FLUX_URI=uri, **path) as late:
            late.wait_until_ready()
            job_list = by_id(json.loads(flux(uri, "python", "-c", JOB_LIST, **path)))
            ids = json.dumps(list(job_list))
            yield Load(
                by_id(json.loads(flux(uri, "jobs", "-a", "-c", "0", "--json", **path))["jobs"]),
                job_list,
                dict(json.loads(flux(uri, "python", "-c", REVISIONS, ids, **path))),
                rows(live.get("/v1/jobs?limit=1000")),
                rows(late.get("/v1/jobs?limit=1000")),
            )


def flux_record(job: dict[str, Any]) -> dict[str, Any]:
    """Return a record of flux jobs in our terms; flux shows a begin-time as a wall clock."""
    record = comparable(job)
    record.pop("id")
    if any(text.startswith("begin") for text in record["dependencies"]):
        record.pop("dependencies")
    return record


def our_record(job: dict[str, Any]) -> dict[str, Any]:
    """Return a record of ours without the reason why a job waits, which flux jobs does not have."""
    record = {key: value for key, value in job.items() if key not in {"id", "reason"}}
    if any(text.startswith("begin") for text in record["dependencies"]):
        record.pop("dependencies")
    return record


def test_the_load_holds_every_kind_of_job(load: Load) -> None:
    told = load.flux_jobs.values()
    assert {job.get("result") for job in told} == {None, *RESULTS}
    assert {job["exception"].get("type") for job in told} == {
        None,
        "alloc",
        "cancel",
        "dependency",
        "exec",
        "fatal",
        "timeout",
    }
    assert {job["state"] for job in told} == {"DEPEND", "SCHED", "RUN", "INACTIVE"}
    assert any(job.get("bank") for job in told)
    assert any(job.get("nnodes", 0) > 1 and job.get("nodelist") for job in told)


@pytest.mark.parametrize("told", ["live", "replayed"])
def test_every_record_is_what_flux_jobs_says(load: Load, told: str) -> None:
    ours = {jobid: our_record(job) for jobid, job in getattr(load, told).items()}
    for name in LATER_FIELDS:
        if not any(name in job for job in load.flux_jobs.values()):
            for record in ours.values():
                record.pop(name, None)
    assert ours == {
        jobid: flux_record(job) | {"revision": load.revisions[jobid]}
        for jobid, job in load.flux_jobs.items()
    }


@pytest.mark.parametrize("told", ["live", "replayed"])
def test_a_job_that_waits_says_why(load: Load, told: str) -> None:
    records = getattr(load, told).values()
    reasons = {job["reason"] for job in records if "reason" in job}
    assert "held until it is released" in reasons
    assert any(reason.endswith(" to succeed") for reason in reasons)
    assert any(reason.endswith(" UTC") for reason in reasons)
    assert not [job for job in records if "reason" in job and job["state"] == "INACTIVE"]


def test_every_attribute_of_job_list_is_told(load: Load) -> None:
    for jobid, job in load.job_list.items():
        ours = load.live[jobid]
        state = STATES[job.pop("state").bit_length() - 1]
        result = job.pop("result", 0)
        assert ours["state"] == state
        assert ours.get("result") == (RESULTS[result.bit_length() - 1] if result else None)
        exception = {
            key.removeprefix("exception_"): job.pop(key)
            for key in [key for key in job if key.startswith("exception_")]
        }
        assert exception.items() <= ours["exception"].items()
        user = job.get("annotations", {}).get("user", {})
        if "uri" in user:
            assert ours["uri"] == user.pop("uri")
        differing = {
            key: (value, ours.get(key))
            for key, value in job.items()
            if key not in {"id", "annotations"}
            and (value or ours.get(key))
            and ours.get(key) != value
        }
        assert not differing
