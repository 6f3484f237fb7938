"""``FluxExecutor`` beside that of Flux on one instance: equal outcomes."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fluxapi.client import Client
from fluxapi.client.executor import FluxExecutor, JobExceptionError
from fluxapi.instance import bindings
from tests.running import Service, needs_flux
from tests.waiting import block_until

pytestmark = needs_flux

LIMIT_S = 120
Outcome = tuple[Any, ...]
Case = Callable[[Any, Any, Client], Outcome]
"""Uses an executor; gets the module ``flux.job`` and a client for what executors cannot do."""


def spec(job: Any, *command: str, **options: Any) -> Any:
    made = job.JobspecV1.from_command(list(command), **options)
    made.environment = {"PATH": "/usr/bin:/bin"}
    made.cwd = "/"
    return made


def outcome(future: Any) -> Outcome:
    """Return what both kinds of future tell in the same words."""
    try:
        told: Outcome = ("result", future.result(LIMIT_S))
    except Exception as caught:  # noqa: BLE001 - compared
        error: Any = caught
        kind = type(error).__name__.removesuffix("Error")
        if kind == "JobException":
            told = (kind, error.type, error.severity, str(error))
        else:
            told = ("OSError" if isinstance(error, OSError) else type(error).__name__,)
    try:
        known = isinstance(future.jobid(), int)
    except RuntimeError:
        known = False
    return (*told, known, future.done(), future.cancelled(), future.running())


def wait_until_known(client: Client, jobid: int) -> None:
    """Return once the service knows a job that may have been submitted to Flux itself."""
    block_until(lambda: not client.get_many([jobid]).unknown)


def canceled(executor: Any, job: Any, client: Client) -> Outcome:
    future = executor.submit(spec(job, "true"), urgency=0)
    wait_until_known(client, future.jobid())
    client.cancel(future.jobid(), note="enough")
    return outcome(future)


def events(executor: Any, job: Any, client: Client) -> Outcome:
    future = executor.submit(spec(job, "true"), urgency=0)
    seen: list[tuple[Any, ...]] = []
    for name in sorted(executor.EVENTS):
        future.add_event_callback(
            name, lambda of, event: seen.append((of is future, event.name, event.timestamp))
        )
    wait_until_known(client, future.jobid())
    client.urgency(future.jobid(), 16)
    future.result(LIMIT_S)
    executor.shutdown()
    log = [e for e in client.eventlog(future.jobid()) if e.name in executor.EVENTS]
    assert seen == [(True, e.name, e.timestamp) for e in log]
    return (*outcome(future), [name for _, name, _ in seen])


def attached(executor: Any, job: Any, client: Client) -> Outcome:
    jobid = client.submit(["sh", "-c", "exit 5"])
    client.wait(jobid)
    future = executor.attach(job.JobID(jobid))
    seen: list[str] = []
    future.result(LIMIT_S)
    executor.shutdown()
    for name in ("submit", "finish", "clean"):
        future.add_event_callback(name, lambda _, event: seen.append(event.name))
    return (*outcome(future), seen)


def chained(executor: Any, job: Any, client: Client) -> Outcome:  # noqa: ARG001
    calls: list[str] = []
    future = (
        executor.submit(spec(job, "true"))
        .add_jobid_callback(lambda _: calls.append("jobid"))
        .add_event_callback("start", lambda *_: 1 / 0)
        .add_event_callback("finish", lambda *_: calls.append("finish"))
        .add_done_callback(lambda _: calls.append("done"))
    )
    future.result(LIMIT_S)
    executor.shutdown()
    return (*calls, outcome(future))


def refused(executor: Any, job: Any, client: Client) -> Outcome:  # noqa: ARG001
    future = executor.submit(spec(job, "true"))
    told = []
    calls: list[Callable[[], Any]] = [
        lambda: future.add_event_callback("memo", print),
        lambda: executor.shutdown() or executor.submit(spec(job, "true")),
        lambda: executor.attach(future.jobid()),
    ]
    for call in calls:
        with pytest.raises((ValueError, RuntimeError)) as error:
            call()
        told.append((error.type.__name__, str(error.value)))
    return (*told, outcome(future))


def inside(executor: Any, job: Any, client: Client) -> Outcome:
    told: list[str] = []

    def wait(future: Any, _: Any) -> None:
        try:
            future.result()
        except RuntimeError as error:
            told.append(str(error))

    future = executor.submit(spec(job, "true"), urgency=0).add_event_callback("submit", wait)
    wait_until_known(client, future.jobid())
    client.urgency(future.jobid(), 16)
    return (*outcome(future), told)


def of(*command: str, **options: Any) -> Case:
    return lambda executor, job, _: outcome(executor.submit(spec(job, *command, **options)))


CASES: dict[str, Case] = {
    "success": of("true"),
    "failure": of("false"),
    "exit code": of("sh", "-c", "exit 42"),
    "signal": of("sh", "-c", "kill -9 $$"),
    "signal of a child": of("sh", "-c", "sh -c 'kill -TERM $$'"),
    "the highest of several tasks": of("sh", "-c", "exit $FLUX_TASK_RANK", num_tasks=3),
    "no such program": of("/no/such/program"),
    "cannot be satisfied": of("true", num_tasks=1, cores_per_task=100_000),
    "out of time": of("sleep", "600", duration="0.5s"),
    "json": lambda executor, job, _: outcome(executor.submit(spec(job, "true").dumps())),
    "invalid": lambda executor, *_: outcome(executor.submit("{}")),
    "no json": lambda executor, *_: outcome(executor.submit("x")),
    "urgency": lambda executor, job, _: outcome(executor.submit(spec(job, "true"), urgency=31)),
    "invalid urgency": lambda executor, job, _: outcome(
        executor.submit(spec(job, "true"), urgency=99)
    ),
    "waitable and debug": lambda executor, job, _: outcome(
        executor.submit(spec(job, "true"), waitable=True, debug=True)
    ),
    "unknown job": lambda executor, *_: outcome(executor.attach(1)),
    "canceled": canceled,
    "events": events,
    "attached": attached,
    "chained": chained,
    "refused": refused,
    "inside a callback": inside,
}


@pytest.fixture(scope="module")
def job() -> Any:
    bindings.load()
    import flux.job  # noqa: PLC0415 - not on every machine

    return flux.job


@pytest.fixture
def client(on_flux: Service) -> Iterator[Client]:
    with Client(on_flux.url) as made:
        yield made


@pytest.mark.parametrize("name", CASES)
def test_outcomes_equal_those_of_flux(
    name: str, job: Any, client: Client, on_flux: Service, flux_uri: str
) -> None:
    with FluxExecutor(on_flux.url) as ours, job.FluxExecutor(handle_args=(flux_uri,)) as theirs:
        found = CASES[name](ours, job, client)
        expected = CASES[name](theirs, job, client)
    assert found == expected


def test_futures_work_with_concurrent_futures(job: Any, on_flux: Service) -> None:
    with FluxExecutor(on_flux.url) as executor:
        futures = [executor.submit(spec(job, "true")) for _ in range(5)]
        assert {f.result() for f in concurrent.futures.as_completed(futures, LIMIT_S)} == {0}
        done, left = concurrent.futures.wait(futures, LIMIT_S)
    assert done == set(futures)
    assert not left


def test_the_same_events_and_attributes_as_in_flux(job: Any) -> None:
    public = {name for name in dir(job.FluxExecutorFuture) if not name.startswith("_")}
    assert public <= set(dir(FluxExecutor.future_type))
    assert {name for name in dir(job.FluxExecutor) if not name.startswith("_")} <= set(
        dir(FluxExecutor)
    )
    assert FluxExecutor.EVENTS == job.FluxExecutor.EVENTS
    assert JobExceptionError.__mro__[1:] == job.JobException.__mro__[1:]
