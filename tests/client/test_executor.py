"""Jobs as futures, in front of both instances."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import json
import signal
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fluxapi.client import BulkItem, Client, ClientError, Event, NotFound
from fluxapi.client.executor import (
    EVENTS,
    FluxExecutor,
    FluxExecutorFuture,
    JobExceptionError,
    JobID,
    SubmitError,
    worker,
)
from tests.running import Service, flux_instance, needs_flux, service

from .proxy import Proxy

MANY = 100
SIMULATED = {"exec.test.run_duration": "0.001s"}
"""Attributes of a job that runs no program: a real Flux needs 40 ms of a processor for one."""
LIMIT_S = 120
"""Seconds after which a future that is not done has failed the test."""


def jobspec(*command: str, **system: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "resources": [
            {
                "type": "slot",
                "count": 1,
                "with": [{"type": "core", "count": 1}],
                "label": "task",
            }
        ],
        "tasks": [{"command": list(command), "slot": "task", "count": {"per_slot": 1}}],
        "attributes": {"system": {"duration": 0, **system}},
    }


class Dumps:
    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec

    def dumps(self) -> str:
        return json.dumps(self.spec)


def test_results_are_exit_codes_and_signals(running: Service) -> None:
    with FluxExecutor(running.url) as executor:
        futures = [
            executor.submit(jobspec("true")),
            executor.submit(json.dumps(jobspec("false"))),
            executor.submit(json.dumps(jobspec("sh", "-c", "exit 42")).encode()),
            executor.submit(Dumps(jobspec("sh", "-c", "exit 137"))),
            executor.submit_command(["sh", "-c", "exit 7"], name="seven"),
        ]
        assert [future.result(LIMIT_S) for future in futures] == [0, 1, 42, 137, 7]
        with Client(running.url) as flux:
            assert flux.get(futures[-1].jobid()).name == "seven"
            # The ID prints as Flux prints it.
            assert flux.wait(str(futures[0].jobid())).success


def test_a_rejected_job_spoils_no_other(running: Service) -> None:
    with FluxExecutor(running.url) as executor:
        wrong = [
            executor.submit({"version": 1}),
            executor.submit("{"),
            executor.submit("[]"),
            executor.submit(jobspec("true"), pre_signed=True),
            executor.submit_command("true", num_tasks=0),
            executor.submit_command("true", cwd=object()),  # type: ignore[arg-type]
        ]
        right = executor.submit_command("true")
        assert right.result(LIMIT_S) == 0
        for future in wrong:
            assert isinstance(future.exception(LIMIT_S), SubmitError)
            with pytest.raises(RuntimeError, match="could not be submitted"):
                future.jobid()


def test_events_are_reported_once_and_in_order(running: Service) -> None:
    seen: list[tuple[int, Event]] = []

    def keep(_: FluxExecutorFuture, event: Event, *, number: int) -> None:
        seen.append((number, event))

    with FluxExecutor(running.url) as executor:
        futures = []
        for number in range(MANY):
            future = executor.submit_command("true", attributes=SIMULATED)
            for name in EVENTS:
                future.add_event_callback(name, partial(keep, number=number))
            futures.append(future)
    with Client(running.url) as flux:
        for number in range(0, MANY, MANY // 5):
            mine = [event for of, event in seen if of == number]
            log = flux.eventlog(futures[number].jobid())
            assert mine == [event for event in log if event.name in EVENTS]
    assert [future.result() for future in futures] == [0] * MANY
    late: list[Event] = []
    for name in EVENTS:
        futures[0].add_event_callback(name, lambda _, event: late.append(event))
    assert sorted(late, key=lambda event: event.index or 0) == [e for of, e in seen if of == 0]


def test_a_canceled_job_raises_its_exception(running: Service) -> None:
    with FluxExecutor(running.url) as executor, Client(running.url) as flux:
        future = executor.submit(jobspec("sleep", "600"), urgency=0)
        flux.cancel(future.jobid(), note="enough")
        error = future.exception(LIMIT_S)
    assert isinstance(error, JobExceptionError)
    assert (error.type, error.severity) == ("cancel", 0)
    assert "enough" in str(error)


def test_attach_reports_the_past(running: Service) -> None:
    with FluxExecutor(running.url) as executor, Client(running.url) as flux:
        past = flux.submit(["sh", "-c", "exit 3"])
        flux.wait(past)
        held = flux.submit("true", urgency="hold")
        names: list[str] = []
        first, second = executor.attach(past), executor.attach(JobID(past))
        first.add_event_callback("submit", lambda _, event: names.append(event.name))
        waiting = executor.attach(held)
        assert (first.result(LIMIT_S), second.result(LIMIT_S)) == (3, 3)
        assert first.jobid() == JobID(past)
        assert names == ["submit"]
        flux.urgency(held, "default")
        assert waiting.result(LIMIT_S) == 0
        with pytest.raises(ValueError, match="does not match any job"):
            executor.attach(1).result(LIMIT_S)
        with pytest.raises(NotFound):
            executor.attach("x y")


def test_attach_reports_what_the_stream_has_just_told(running: Service) -> None:
    with FluxExecutor(running.url) as executor:
        attached: list[FluxExecutorFuture] = []

        def attach(future: FluxExecutorFuture, _event: Event) -> None:
            attached.append(executor.attach(future.jobid()))

        futures = [executor.submit_command(["true"]) for _ in range(10)]
        for future in futures:
            future.add_event_callback("start", attach)
        concurrent.futures.wait(futures, LIMIT_S)
        assert [future.result(LIMIT_S) for future in attached] == [0] * 10
        for future in attached:
            started: list[Event] = []
            future.add_event_callback("start", lambda _, event, found=started: found.append(event))  # type: ignore[misc]
            assert len(started) == 1


def test_a_callback_cannot_wait_for_its_own_future(running: Service) -> None:
    caught: list[BaseException] = []

    def wait(future: FluxExecutorFuture, _: Event) -> None:
        for ask in (future.result, future.exception):
            with pytest.raises(RuntimeError, match="inside callback") as refused:
                ask()
            caught.append(refused.value)

    with FluxExecutor(running.url) as executor:
        held = executor.submit_command("true", urgency="hold")
        held.add_event_callback("submit", wait)
        with Client(running.url) as flux:
            flux.urgency(held.jobid(), "default")
        assert held.result(LIMIT_S) == 0
    assert len(caught) == 2


def test_an_executor_may_be_dropped_in_its_own_thread(running: Service) -> None:
    held = [FluxExecutor(running.url)]
    worker = held[0]._worker
    future = held[0].submit_command("true")
    future.add_done_callback(lambda _: held.clear())
    assert future.result(LIMIT_S) == 0
    worker.join(LIMIT_S)
    assert not worker.is_alive()
    assert worker.failure is None


def test_after_shutdown_nothing_is_accepted(running: Service) -> None:
    executor = FluxExecutor(running.url)
    future = executor.submit_command("true")
    executor.shutdown()
    assert future.done()
    for refused in (
        partial(executor.submit, jobspec("true")),
        partial(executor.submit, "no jobspec"),
        partial(executor.submit_command, "true"),
        partial(executor.attach, 1),
    ):
        with pytest.raises(RuntimeError, match="after shutdown"):
            refused()
    executor.shutdown()


async def test_jobs_in_the_queue_can_be_canceled(running: Service) -> None:
    # Nothing is submitted while the way to the service swallows the answers.
    async with Proxy(running.url) as proxy:
        await proxy.close()
        executor = FluxExecutor(proxy.url, timeout=None)
        futures = [executor.submit_command("true") for _ in range(3)]
        assert futures[0].cancel()
        assert futures[0].cancel()
        with pytest.raises(concurrent.futures.CancelledError):
            futures[0].jobid()
        executor.shutdown(wait=False, cancel_futures=True)
        assert all(future.cancelled() for future in futures)


async def test_an_unreachable_service_breaks_the_executor(running: Service) -> None:
    async with Proxy(running.url) as proxy:
        with FluxExecutor(proxy.url, retries=0) as executor:
            held = executor.submit_command("true", urgency="hold")
            jobid = await asyncio.to_thread(held.jobid, LIMIT_S)
            await proxy.close()
            error = await asyncio.to_thread(held.exception, LIMIT_S)
            assert isinstance(error, ClientError)
            await asyncio.to_thread(executor._worker.join, LIMIT_S)
            with pytest.raises(RuntimeError, match="broken"):
                executor.submit_command("true")
    with Client(running.url) as flux:
        flux.cancel(jobid)


@pytest.mark.slow
def test_every_failed_submission_is_retrieved(
    running: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests that fail at once leave no message of asyncio about a lost exception."""
    monkeypatch.setattr(worker, "_MAX_BATCH_JOBS", 1)
    monkeypatch.setattr(worker, "_MAX_REQUESTS", 3)
    asked: list[asyncio.Future[None]] = []

    async def submit_batch(*_: object) -> list[BulkItem]:
        asked.append(asyncio.get_running_loop().create_future())
        if len(asked) < 3:
            await asked[-1]
        for future in asked[:-1]:
            if not future.done():
                future.set_result(None)
        raise ClientError("The service is gone.")

    monkeypatch.setattr(worker.ExecutorClient, "submit_batch", submit_batch)
    with FluxExecutor(running.url) as executor:
        futures = [executor.submit_command("true") for _ in range(3)]
        for future in futures:
            assert "gone" in str(future.exception(LIMIT_S))
        executor._worker.join(LIMIT_S)
    gc.collect()
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []


async def test_cut_connections_lose_no_event(running: Service) -> None:
    async with Proxy(running.url) as proxy:
        executor = FluxExecutor(proxy.url)
        counts = [0] * MANY
        started = threading.Semaphore(0)

        def count(_: FluxExecutorFuture, __: Event, *, number: int) -> None:
            counts[number] += 1
            started.release()

        futures = [
            executor.submit_command("true", attributes=SIMULATED).add_event_callback(
                "start", partial(count, number=n)
            )
            for n in range(MANY)
        ]
        for _ in range(5):
            await asyncio.to_thread(started.acquire)
            proxy.cut()
        results = [await asyncio.to_thread(future.result, LIMIT_S) for future in futures]
        await asyncio.to_thread(executor.shutdown)
    assert results == [0] * MANY
    assert counts == [1] * MANY
    assert len({future.jobid() for future in futures}) == MANY


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param("flux", marks=needs_flux), "embedded"])
async def test_a_service_that_is_killed_loses_no_job(kind: str, tmp_path: Path) -> None:
    with ExitStack() as services:
        if kind == "flux":
            uri = services.enter_context(flux_instance(1))
            begin, attributes = partial(service, FLUX_URI=uri), SIMULATED
        else:
            attributes = None
            begin = partial(service, "--instance=embedded", f"--statedir={tmp_path}")
        first = await asyncio.to_thread(services.enter_context, begin())
        async with Proxy(first.url) as proxy:
            executor = FluxExecutor(proxy.url)
            done = threading.Semaphore(0)
            futures = [
                executor.submit_command("true", attributes=attributes).add_done_callback(
                    lambda _: done.release()
                )
                for _ in range(MANY)
            ]
            for _ in range(MANY // 10):
                await asyncio.to_thread(done.acquire)
            first.process.send_signal(signal.SIGKILL)
            second = await asyncio.to_thread(services.enter_context, begin())
            proxy.retarget(second.url)
            await asyncio.to_thread(executor.shutdown)
            with Client(second.url) as flux:
                # A future has its result at the finish event, before the job is inactive.
                flux.wait_all(job.id for job in flux.list_jobs())
                kept = flux.list_jobs()
    # Jobs of the embedded instance that ran when it was killed have failed.
    succeeded = {future.jobid() for future in futures if future.exception() is None}
    assert succeeded == {JobID(job.id) for job in kept if job.success}
    assert {JobID(job.id) for job in kept} == {future.jobid() for future in futures}
    assert len(kept) == MANY


def test_a_future_may_be_driven_by_hand() -> None:
    future = FluxExecutorFuture()
    assert future.set_running_or_notify_cancel()
    calls: list[Any] = []
    assert future.add_jobid_callback(lambda f: calls.append(f.jobid())) is future
    with pytest.raises(concurrent.futures.TimeoutError):
        future.jobid(0)
    future.set_jobid(5)
    future.add_jobid_callback(lambda f: calls.append(f.jobid()))
    assert calls == [5, 5]
    with pytest.raises(RuntimeError, match="already set"):
        future.set_jobid(6)
    with pytest.raises(ValueError, match="memo"):
        future.add_event_callback("memo", lambda *_: None)
    event = Event("f6", "finish", 1.0, 3, {"status": 256})
    future.receive("finish", msgspec.json.encode(event))
    future.receive("finish", msgspec.json.encode(event))
    assert future.result() == 1


def test_a_signal_is_a_negative_number() -> None:
    future = FluxExecutorFuture()
    future.set_jobid(5)
    future.receive("finish", msgspec.json.encode(Event("f6", "finish", 1.0, 3, {"status": 9})))
    assert future.result() == -9


@pytest.mark.parametrize(
    ("context", "kind"),
    [
        ({"status": "x"}, ValueError),
        (None, ValueError),
        ({"status": 0x137F}, ValueError),
        ({"status": 1 << 63}, ValueError),
        ({"status": -1}, ValueError),
    ],
)
def test_an_odd_status_is_an_error(context: dict[str, Any] | None, kind: type) -> None:
    future = FluxExecutorFuture()
    future.set_jobid(5)
    event = Event("f6", "finish", 1.0, 3, context)
    future.receive("finish", msgspec.json.encode(event))
    assert isinstance(future.exception(), kind)


def test_an_exception_in_a_callback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    future = FluxExecutorFuture()
    future.add_jobid_callback(lambda _: 1 / 0)
    future.set_jobid(5)
    assert "ZeroDivisionError" in caplog.text


def test_job_ids_have_the_forms_of_flux() -> None:
    jobid = JobID("f2QK3Zz")
    assert JobID(str(jobid)) == jobid == int(jobid.dec)
    assert [JobID(form) for form in (jobid.hex, jobid.dothex, jobid.kvs, jobid.f58plain)] == [
        jobid
    ] * 4
    assert repr(JobID(7)) == "JobID(7)"
