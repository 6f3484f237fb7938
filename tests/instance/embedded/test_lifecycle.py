"""States and events, in Flux's order and with its words."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

import pytest

from fluxapi.errors import FluxRefused, JobInactive, JobNotFound
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import JournalMessage
from tests.contract.site import COMPLETED

from .conftest import Starter
from .harness import Site, after, shell, spec

REFUSED_BY_SCHEDULER = ["submit", "validate", "depend", "priority", "exception", "clean"]


async def test_a_job_goes_through_all_states(site: Site) -> None:
    jobid = await site.run(spec("true"))
    assert site.journal.names(jobid) == COMPLETED


async def test_contexts_are_those_of_flux(site: Site) -> None:
    jobid = await site.run(spec("true"))
    contexts = {event.name: event.context for event in site.journal.events(jobid)}
    annotations = {"annotations": {"sched": {"resource_summary": "rank0/core0"}}}
    submit = contexts["submit"]
    assert submit is not None
    assert submit | {"userid": 0} == {"userid": 0, "urgency": 16, "flags": 0, "version": 1}
    assert contexts["priority"] == {"priority": 16}
    assert contexts["annotations"] == contexts["alloc"] == annotations
    assert contexts["finish"] == {"status": 0}
    assert contexts["release"] == {"ranks": "all", "final": True}


async def test_annotations_are_live_only(site: Site) -> None:
    jobid = await site.run(spec("true"))
    text = await site.instance.lookup(jobid, "eventlog")
    assert '"name":"annotations"' not in text


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 3", 768), ("kill -TERM $$", 36608), ("kill -KILL $$", 35072)],
)
async def test_exit_codes_and_signals_become_the_status(
    site: Site, script: str, status: int
) -> None:
    jobid = await site.run(shell(script))
    assert site.journal.context(jobid, "finish") == {"status": status}


@pytest.mark.parametrize(
    ("program", "reason", "status"),
    [
        ("no-such-program", "No such file or directory", 32512),
        ("/etc/passwd", "Permission denied", 32256),
    ],
)
async def test_a_program_that_does_not_start(
    site: Site, program: str, reason: str, status: int
) -> None:
    jobid = await site.run(spec(program))
    exception = site.journal.context(jobid, "exception")
    assert exception["type"] == "exec"
    assert exception["severity"] == 0
    assert exception["note"].endswith(f"start failed: {program}: {reason}")
    assert site.journal.context(jobid, "finish") == {"status": status}
    assert site.journal.names(jobid)[5:8] == ["start", "exception", "finish"]


async def test_the_time_limit(site: Site) -> None:
    jobid = await site.run(spec("sleep", "60", duration=0.1))
    exception = site.journal.context(jobid, "exception")
    assert (exception["type"], exception["note"]) == ("timeout", "resource allocation expired")
    assert site.journal.context(jobid, "finish") == {"status": 36352}


@pytest.mark.parametrize(
    ("jobspec", "note"),
    [
        (
            spec("true", tasks=5),
            (
                "unsatisfiable request: need 5 slot(s) of 1 core(s), only 4 such slot(s) available "
                "(total cores: 4)"
            ),
        ),
        (
            spec("true", cores=9),
            (
                "unsatisfiable request: need 1 slot(s) of 9 core(s), only 0 such slot(s) available "
                "(total cores: 4)"
            ),
        ),
        (
            spec("true", constraints={"properties": ["fast"]}),
            (
                "unsatisfiable request: need 1 slot(s) of 1 core(s), only 0 such slot(s) available "
                "(total cores: 0)"
            ),
        ),
    ],
)
async def test_requests_that_can_never_be_met(site: Site, jobspec: bytes, note: str) -> None:
    jobid = await site.run(jobspec)
    exception = site.journal.context(jobid, "exception")
    assert (exception["type"], exception["severity"]) == ("alloc", 0)
    assert exception["note"] == note
    assert site.journal.names(jobid) == REFUSED_BY_SCHEDULER


async def test_cancel_of_a_pending_job(site: Site) -> None:
    jobid = await site.submit(spec("true"), urgency=0)
    await site.instance.raise_exception(jobid, "cancel", 0, "not now")
    await site.journal.wait(jobid)
    assert site.journal.names(jobid) == REFUSED_BY_SCHEDULER
    assert site.journal.context(jobid, "exception")["note"] == "not now"


async def test_cancel_of_a_running_job(site: Site) -> None:
    jobid = await site.submit(spec("sleep", "60"))
    await site.journal.wait(jobid, "start")
    await site.instance.raise_exception(jobid, "cancel", 0)
    await site.journal.wait(jobid)
    assert site.journal.context(jobid, "finish") == {"status": 36608}


async def test_a_job_that_ignores_sigterm_gets_sigkill(site: Site) -> None:
    jobid = await site.submit(shell("trap '' TERM; echo ready; while :; do sleep 0.05; done"))
    async for _ in site.instance.output(jobid, follow=True):
        if "ready" in await site.text(jobid):
            break
    await site.instance.raise_exception(jobid, "cancel", 0)
    await site.journal.wait(jobid)
    assert site.journal.context(jobid, "finish") == {"status": 35072}


async def test_an_exception_above_severity_0_leaves_the_job_alone(site: Site) -> None:
    jobid = await site.submit(spec("true"), urgency=0)
    await site.instance.raise_exception(jobid, "test", 7, "a note")
    await site.instance.set_urgency(jobid, 16)
    await site.journal.wait(jobid)
    assert site.journal.context(jobid, "finish") == {"status": 0}


async def test_a_signal_reaches_the_tasks(site: Site) -> None:
    script = "trap 'echo got it; exit 9' USR1; echo ready; while :; do sleep 0.05; done"
    jobid = await site.submit(shell(script))
    async for _ in site.instance.output(jobid, follow=True):
        if "ready" in await site.text(jobid):
            break
    await site.instance.kill(jobid, signal.SIGUSR1)
    await site.journal.wait(jobid)
    assert await site.text(jobid) == "ready\ngot it\n"
    assert site.journal.context(jobid, "finish") == {"status": 9 << 8}


async def test_a_held_job_waits_for_its_urgency(site: Site) -> None:
    jobid = await site.submit(spec("true"), urgency=0)
    await site.instance.set_urgency(jobid, 20)
    await site.journal.wait(jobid)
    assert site.journal.names(jobid)[3:7] == ["priority", "urgency", "priority", "alloc"]
    assert site.journal.context(jobid, "urgency")["urgency"] == 20


async def test_urgency_31_is_the_greatest_priority(site: Site) -> None:
    jobid = await site.submit(spec("true"), urgency=31)
    await site.journal.wait(jobid)
    assert site.journal.context(jobid, "priority") == {"priority": 4294967295}


async def test_higher_urgency_goes_first(start: Starter) -> None:
    site = await start(cores=1)
    first = await site.submit(spec("sleep", "60"))
    low = await site.submit(spec("true"), urgency=10)
    high = await site.submit(spec("true"), urgency=20)
    await site.journal.wait(first, "start")
    await site.instance.raise_exception(first, "cancel", 0)
    await site.journal.wait(low)
    starts = [
        message.id
        for message in site.journal.messages
        if isinstance(message, JournalMessage)
        and [event.name for event in message.events] == ["start"]
    ]
    assert starts == [first, high, low]


async def test_nothing_overtakes_the_first_in_line(start: Starter) -> None:
    site = await start(cores=2)
    running = await site.submit(spec("sleep", "60"))
    wide = await site.submit(spec("true", tasks=2))
    small = await site.submit(spec("true"))
    await site.journal.wait(running, "start")
    assert "alloc" not in site.journal.names(small)
    await site.instance.raise_exception(running, "cancel", 0)
    await site.journal.wait(small)
    assert "alloc" in site.journal.names(wide)


async def test_test_exec_jobs_need_no_process(site: Site) -> None:
    jobid = await site.run(spec("no-such", exec={"test": {"run_duration": "0.01s"}}))
    assert site.journal.names(jobid) == COMPLETED
    assert await site.output(jobid) == []


async def test_cancel_of_a_test_exec_job(site: Site) -> None:
    jobid = await site.submit(spec("x", exec={"test": {"run_duration": "60s"}}))
    await site.journal.wait(jobid, "start")
    await site.instance.raise_exception(jobid, "cancel", 0)
    await site.journal.wait(jobid)
    assert site.journal.context(jobid, "finish") == {"status": 15}


async def test_the_first_failed_task_ends_the_job_with_exit_on_error(site: Site) -> None:
    jobspec = shell(
        "test $FLUX_TASK_RANK = 0 && exit 3; sleep 60",
        tasks=2,
        options={"exit-on-error": 1},
    )
    jobid = await site.run(jobspec)
    exception = site.journal.context(jobid, "exception")
    assert exception["note"].endswith("failed (Exit 3) and exit-on-error is set")
    assert exception["wait_status"] == 768
    assert site.journal.context(jobid, "finish") == {"status": 768}


async def test_the_greatest_exit_code_of_all_tasks_counts(site: Site) -> None:
    jobid = await site.run(shell("exit $FLUX_TASK_RANK", tasks=3))
    assert site.journal.context(jobid, "finish") == {"status": 512}


async def test_debug_jobs_have_debug_events(site: Site) -> None:
    jobid = await site.submit(spec("true"), debug=True, waitable=True)
    await site.journal.wait(jobid)
    assert site.journal.context(jobid, "submit")["flags"] == 6
    assert {"debug.alloc-request", "debug.start-request"} < set(site.journal.names(jobid))


@pytest.mark.parametrize(
    ("scheme", "target", "name"),
    [
        ("afterok", "true", "dependency-remove"),
        ("afterok", "false", "exception"),
        ("afternotok", "false", "dependency-remove"),
        ("afternotok", "true", "exception"),
        ("afterany", "false", "dependency-remove"),
        ("afterstart", "true", "dependency-remove"),
    ],
)
async def test_a_dependency_waits_for_its_job(
    site: Site, scheme: str, target: str, name: str
) -> None:
    first = await site.submit(spec(target), urgency=0)
    second = await site.submit(spec("true", dependencies=after(scheme, first)))
    assert "depend" not in site.journal.names(second)
    await site.instance.set_urgency(first, 16)
    await site.journal.wait(second)
    assert site.journal.names(second)[:4] == ["submit", "dependency-add", "validate", name]


async def test_a_dependency_that_can_never_be_met_says_so(site: Site) -> None:
    first = await site.submit(spec("false"), urgency=0)
    second = await site.submit(spec("true", dependencies=after("afterok", first)))
    await site.instance.set_urgency(first, 16)
    await site.journal.wait(second)
    exception = site.journal.context(second, "exception")
    assert exception["type"] == "dependency"
    assert exception["note"] == f"dependency after-success={first} can never be satisfied"


async def test_only_afterany_goes_on_after_a_job_that_never_started(site: Site) -> None:
    first = await site.submit(spec("true"), urgency=0)
    anyway = await site.submit(spec("true", dependencies=after("afterany", first)))
    failed = await site.submit(spec("true", dependencies=after("afternotok", first)))
    await site.instance.raise_exception(first, "cancel", 0)
    await site.journal.wait(anyway)
    await site.journal.wait(failed)
    assert site.journal.context(anyway, "finish") == {"status": 0}
    assert site.journal.context(failed, "exception")["note"].endswith("job never started")


@pytest.mark.slow
async def test_a_long_chain_of_dependents_fails_to_its_end(site: Site) -> None:
    first = last = await site.submit(spec("true"), urgency=0)
    for _ in range(1500):
        last = await site.submit(spec("true", dependencies=after("afterok", last)))
    await site.instance.raise_exception(first, "cancel", 0)
    await site.journal.wait(last)
    assert site.journal.names(last)[-2:] == ["exception", "clean"]


async def test_begin_time(site: Site) -> None:
    dependencies = [{"scheme": "begin-time", "value": "12.5"}]
    jobid = await site.run(spec("true", dependencies=dependencies))
    assert site.journal.context(jobid, "dependency-add") == {"description": "begin-time=12.500"}
    assert "dependency-remove" in site.journal.names(jobid)


@pytest.mark.parametrize(
    ("scheme", "value", "words"),
    [
        ("afterok", "1234", "dependency: afterok: id 1234: job not found"),
        ("afterok", "what", 'dependency: afterok: "what" is not a valid jobid'),
        ("soon", "1234", 'dependency scheme "soon" not supported'),
        ("begin-time", "tomorrow", "Invalid begin-time=tomorrow"),
    ],
)
async def test_dependencies_that_are_refused(
    site: Site, scheme: str, value: str, words: str
) -> None:
    with pytest.raises(FluxRefused) as caught:
        await site.submit(spec("true", dependencies=[{"scheme": scheme, "value": value}]))
    assert caught.value.members["flux"] == words


async def test_a_dependency_on_a_job_that_failed_is_refused(site: Site) -> None:
    first = await site.run(spec("false"))
    with pytest.raises(FluxRefused, match="failed or was canceled"):
        await site.submit(spec("true", dependencies=after("afterok", first)))


async def test_unknown_and_inactive_jobs(site: Site) -> None:
    jobid = await site.run(spec("true"))
    calls: list[Callable[[int], Awaitable[None]]] = [
        lambda jobid: site.instance.raise_exception(jobid, "cancel", 0),
        lambda jobid: site.instance.kill(jobid, 15),
        lambda jobid: site.instance.set_urgency(jobid, 3),
    ]
    for call in calls:
        with pytest.raises(JobInactive, match="is inactive"):
            await call(jobid)
        with pytest.raises(JobNotFound, match="There is no job"):
            await call(12345)


async def test_a_bad_job_does_not_spoil_the_others(site: Site) -> None:
    good, bad, also = await site.instance.submit(
        [
            Submission(spec("true")),
            Submission(b"{"),
            Submission(spec("true"), urgency=3),
        ]
    )
    assert isinstance(bad, FluxRefused)
    assert isinstance(good, int)
    assert isinstance(also, int)
    assert good < also


@pytest.mark.slow
async def test_ten_thousand_jobs_at_once(start: Starter) -> None:
    site = await start(cores=1)
    jobs = 10_000
    results = await site.instance.submit([Submission(spec("true"), urgency=0)] * jobs)
    assert len({result for result in results if isinstance(result, int)}) == jobs
