"""Cancel, exceptions, signals and urgency: of jobs in every state, and of none."""

from __future__ import annotations

import errno
import signal

import pytest

from fluxapi.errors import FluxRefused, JobInactive, JobNotFound
from fluxapi.model.jobid import encode_f58
from tests.contract.site import COMPLETED, UNKNOWN, Site, shell, spec

SLEEP = spec("sleep", "60")
EXITED = "task(s) exited with exit code 2"


async def test_cancel_of_a_pending_job(site: Site) -> None:
    jobid = await site.submit(spec(), urgency=0)
    await site.wait(jobid, "priority")
    await site.cancel(jobid)
    assert site.names(jobid) == [*COMPLETED[:4], "exception", "clean"]


async def test_cancel_of_a_running_job(site: Site) -> None:
    jobid = await site.submit_and_hear(shell("echo ready; exec sleep 60"))
    await site.cancel(jobid)
    assert site.names(jobid) == [*COMPLETED[:6], "exception", *COMPLETED[6:]]
    assert site.context(jobid, "finish") == {"status": (128 + 15) << 8}


async def test_cancel_records_the_user_and_the_reason(site: Site) -> None:
    jobid = await site.submit(spec(), urgency=0)
    await site.instance.raise_exception(jobid, "cancel", 0, "because I say so")
    await site.wait(jobid)
    assert site.context(jobid, "exception") == {
        "type": "cancel",
        "severity": 0,
        "note": "because I say so",
        "userid": site.info.owner,
    }


async def test_an_exception_above_severity_0_ends_nothing(site: Site) -> None:
    jobid = await site.submit(spec(), urgency=0)
    await site.instance.raise_exception(jobid, "weather", 7, "it rains")
    await site.wait(jobid, "exception")
    await site.instance.set_urgency(jobid, 16)
    await site.wait(jobid)
    assert site.context(jobid, "exception")["severity"] == 7
    assert site.context(jobid, "finish") == {"status": 0}


@pytest.mark.parametrize(("type", "severity"), [("cancel", 8), ("cancel", -1), ("", 0), ("a b", 0)])
async def test_an_exception_that_rfc_21_does_not_allow(
    site: Site, type: str, severity: int
) -> None:
    jobid = await site.submit(spec(), urgency=0)
    with pytest.raises(FluxRefused):
        await site.instance.raise_exception(jobid, type, severity)
    await site.cancel(jobid)


async def test_a_signal_reaches_the_tasks(site: Site) -> None:
    script = "trap 'exit 7' USR1; echo ready; while :; do sleep 0.1; done"
    jobid = await site.submit_and_hear(shell(script))
    await site.instance.kill(jobid, signal.SIGUSR1)
    await site.wait(jobid)
    assert site.context(jobid, "finish") == {"status": 7 << 8}


async def test_a_pending_job_takes_no_signal(site: Site) -> None:
    jobid = await site.submit(spec(), urgency=0)
    await site.wait(jobid, "priority")
    with pytest.raises(FluxRefused, match=r"^Flux refused: job is not running\.$"):
        await site.instance.kill(jobid, signal.SIGTERM)
    await site.cancel(jobid)


@pytest.mark.parametrize("signum", [0, -1, 999])
async def test_a_signal_that_does_not_exist(site: Site, signum: int) -> None:
    jobid = await site.submit(SLEEP)
    await site.wait(jobid, "start")
    with pytest.raises(FluxRefused):
        await site.instance.kill(jobid, signum)
    await site.cancel(jobid)


@pytest.mark.parametrize("urgency", [-1, 32])
async def test_an_urgency_out_of_range(site: Site, urgency: int) -> None:
    jobid = await site.submit(spec(), urgency=0)
    with pytest.raises(FluxRefused):
        await site.instance.set_urgency(jobid, urgency)
    await site.cancel(jobid)


async def test_the_urgency_of_a_running_job_is_fixed(site: Site) -> None:
    jobid = await site.submit(SLEEP)
    await site.wait(jobid, "start")
    with pytest.raises(FluxRefused):
        await site.instance.set_urgency(jobid, 3)
    await site.cancel(jobid)


async def test_nothing_can_be_done_to_an_inactive_job(site: Site) -> None:
    jobid = await site.run(spec())
    with pytest.raises(JobInactive, match=f"^Job {encode_f58(jobid)} is inactive.$"):
        await site.instance.raise_exception(jobid, "cancel", 0)
    with pytest.raises(JobInactive, match=f"^Job {encode_f58(jobid)} is inactive.$"):
        await site.instance.kill(jobid, signal.SIGTERM)
    with pytest.raises(JobInactive, match=f"^Job {encode_f58(jobid)} is inactive.$"):
        await site.instance.set_urgency(jobid, 16)


@pytest.mark.parametrize("jobid", [UNKNOWN, 2**63, 2**64 - 1])
async def test_nothing_can_be_done_to_an_unknown_job(site: Site, jobid: int) -> None:
    with pytest.raises(JobNotFound, match=f"^There is no job {encode_f58(jobid)}.$"):
        await site.instance.raise_exception(jobid, "cancel", 0)
    with pytest.raises(JobNotFound, match=f"^There is no job {encode_f58(jobid)}.$"):
        await site.instance.kill(jobid, signal.SIGTERM)
    with pytest.raises(JobNotFound, match=f"^There is no job {encode_f58(jobid)}.$"):
        await site.instance.set_urgency(jobid, 16)


async def test_a_memo_is_in_the_journal_and_in_the_eventlog_unless_it_is_volatile(
    site: Site,
) -> None:
    jobid = await site.submit(spec(), urgency=0)
    await site.wait(jobid, "priority")
    await site.instance.post_memo(jobid, {"kept": {"n": 1}})
    await site.wait(jobid, "memo")
    assert site.context(jobid, "memo") == {"kept": {"n": 1}}
    await site.instance.post_memo(jobid, {"lost": 1}, volatile=True)
    assert "lost" not in await site.instance.lookup(jobid, "eventlog")
    await site.cancel(jobid)
    assert site.names(jobid).count("memo") == 2
    log = await site.instance.lookup(jobid, "eventlog")
    assert "kept" in log
    assert "lost" not in log
    with pytest.raises(JobInactive):
        await site.instance.post_memo(jobid, {"late": 1})
    with pytest.raises(JobNotFound):
        await site.instance.post_memo(UNKNOWN, {"no": 1})


async def test_the_end_of_a_waitable_job_is_handed_out_once(site: Site) -> None:
    for script, end in (("true", (True, "")), ("exit 2", (False, EXITED))):
        jobid = await site.submit(shell(script), waitable=True)
        await site.wait(jobid)
        assert await site.instance.collect(jobid) == end
        for taken in jobid, UNKNOWN, await site.run(spec()):
            with pytest.raises(FluxRefused) as caught:
                await site.instance.collect(taken)
            assert caught.value.members["errno"] == errno.ECHILD
