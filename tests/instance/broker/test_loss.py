"""A broker that goes away or falls silent: an error in time, and service again when it is back."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from fluxapi.errors import InstanceUnavailable, SettingsError
from fluxapi.instance import bindings
from fluxapi.instance.broker import BrokerInstance
from fluxapi.instance.protocol import ChangeBatch, Submission
from fluxapi.model.eventlog import JournalMessage
from tests.contract.site import shell, spec
from tests.waiting import poll_until

from .conftest import PATIENCE, Broker, Connect


async def unavailable(call: Awaitable[Any], within: float = PATIENCE) -> InstanceUnavailable:
    """Return the error that a call ends with, in time."""
    with pytest.raises(InstanceUnavailable) as caught:
        await asyncio.wait_for(call, within)
    return caught.value


async def answers(instance: BrokerInstance) -> bool:
    try:
        await instance.ping()
    except InstanceUnavailable:
        return False
    return True


async def until_it_answers(instance: BrokerInstance) -> None:
    await poll_until(lambda: answers(instance))


async def backlog(journal: AsyncIterator[ChangeBatch]) -> None:
    async for batch in journal:
        if any(isinstance(message, JournalMessage) and message.is_sentinel for message in batch):
            return


async def run(instance: BrokerInstance, jobspec: bytes) -> int:
    """Return a job that has written something."""
    (jobid,) = await instance.submit([Submission(jobspec)])
    assert isinstance(jobid, int)
    async for batch in instance.output(jobid, follow=True):
        if any(entry.name == "data" for entry in batch):
            break
    return jobid


async def test_a_killed_broker_is_unavailable_with_a_time_to_retry(
    broker: Broker, connect: Connect
) -> None:
    instance = await connect(broker.uri)
    broker.kill()
    error = await unavailable(instance.ping())
    assert int(error.headers["Retry-After"]) > 0


async def test_a_killed_broker_fails_every_kind_of_call(broker: Broker, connect: Connect) -> None:
    instance = await connect(broker.uri)
    broker.kill()
    await unavailable(instance.lookup(1, "R"))
    await unavailable(instance.resources())
    await unavailable(instance.queues())
    await unavailable(anext(aiter(instance.output(1))))
    await unavailable(anext(aiter(instance.changes())))
    (error,) = await instance.submit([Submission(spec())])
    assert isinstance(error, InstanceUnavailable)


async def test_a_killed_broker_ends_the_journal(broker: Broker, connect: Connect) -> None:
    instance = await connect(broker.uri)
    journal = instance.changes()
    await backlog(journal)
    broker.kill()
    await unavailable(backlog(journal))


async def test_a_killed_broker_ends_a_followed_output(broker: Broker, connect: Connect) -> None:
    instance = await connect(broker.uri, 10)
    jobid = await run(instance, shell("echo x; exec sleep 5"))

    async def follow() -> None:
        async for batch in instance.output(jobid, follow=True):
            if batch:
                broker.kill()

    await unavailable(follow(), PATIENCE)


async def test_jobs_in_flight_get_an_error_when_the_broker_dies(
    broker: Broker, connect: Connect
) -> None:
    instance = await connect(broker.uri, 10)
    broker.send(signal.SIGSTOP)
    submission = asyncio.create_task(instance.submit([Submission(spec())] * 3000))
    waiting = asyncio.create_task(instance.ping())
    await asyncio.sleep(0)
    broker.kill()
    results = await asyncio.wait_for(submission, 5)
    assert len(results) == 3000
    assert all(isinstance(result, InstanceUnavailable) for result in results)
    await unavailable(waiting)


async def test_service_resumes_when_the_broker_is_back(broker: Broker, connect: Connect) -> None:
    instance = await connect(broker.uri)
    broker.kill()
    await unavailable(instance.ping())
    broker.start()
    await until_it_answers(instance)
    (jobid,) = await instance.submit([Submission(spec())])
    assert isinstance(jobid, int)
    await asyncio.wait_for(backlog(instance.changes()), PATIENCE)


async def test_a_stopped_broker_times_out(broker: Broker, connect: Connect) -> None:
    instance = await connect(broker.uri, 0.5)
    broker.send(signal.SIGSTOP)
    started = time.monotonic()
    error = await unavailable(instance.ping())
    assert "within 0.500s" in error.detail
    assert time.monotonic() - started >= 0.5


async def test_submissions_to_a_stopped_broker_time_out(broker: Broker, connect: Connect) -> None:
    instance = await connect(broker.uri, 0.5)
    broker.send(signal.SIGSTOP)
    # More than a socket holds: the rest cannot even be sent.
    results = await asyncio.wait_for(instance.submit([Submission(spec())] * 3000), 5)
    assert len(results) == 3000
    assert all(isinstance(result, InstanceUnavailable) for result in results)


async def test_calls_time_out_while_the_socket_is_full(broker: Broker, connect: Connect) -> None:
    instance = await connect(broker.uri, 0.5)
    broker.send(signal.SIGSTOP)
    submission = asyncio.create_task(instance.submit([Submission(spec())] * 3000))
    await asyncio.sleep(0)
    await unavailable(instance.ping())
    await submission


async def test_a_continued_broker_answers_again(broker: Broker, connect: Connect) -> None:
    instance = await connect(broker.uri, 0.5)
    broker.send(signal.SIGSTOP)
    submission = asyncio.create_task(instance.submit([Submission(spec())] * 3000))
    await unavailable(instance.ping())
    await submission
    broker.send(signal.SIGCONT)
    await until_it_answers(instance)
    (jobid,) = await asyncio.wait_for(instance.submit([Submission(spec())]), 20)
    assert isinstance(jobid, int | InstanceUnavailable)
    await until_it_answers(instance)


async def test_the_journal_survives_a_pause_of_the_broker(broker: Broker, connect: Connect) -> None:
    instance = await connect(broker.uri, 0.5)
    journal = instance.changes()
    await backlog(journal)
    broker.send(signal.SIGSTOP)
    await unavailable(instance.ping())
    broker.send(signal.SIGCONT)
    await until_it_answers(instance)
    await instance.submit([Submission(spec())])

    async def next_change() -> None:
        async for batch in journal:
            if batch:
                return

    await asyncio.wait_for(next_change(), PATIENCE)


async def test_no_broker_at_the_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("b")
    try:
        bindings.load()
    except SettingsError:
        pytest.skip("there are no bindings of Flux: nothing can look for a broker")
    await unavailable(BrokerInstance(f"local://{folder}/socket").start())


async def test_a_stopped_broker_at_the_start(broker: Broker) -> None:
    broker.send(signal.SIGSTOP)
    await unavailable(BrokerInstance(broker.uri, 0.5).start())


async def test_a_job_manager_that_is_reloaded_ends_the_journal(
    broker: Broker, connect: Connect
) -> None:
    instance = await connect(broker.uri, 5)
    journal = instance.changes()
    await backlog(journal)
    await asyncio.to_thread(broker.flux, "module", "remove", "--force", "sched-simple")
    await asyncio.to_thread(broker.flux, "module", "remove", "--force", "job-manager")
    await unavailable(backlog(journal))
    await unavailable(instance.ping())
    await asyncio.to_thread(broker.flux, "module", "load", "job-manager")
    await until_it_answers(instance)
    await asyncio.wait_for(backlog(instance.changes()), PATIENCE)


async def test_close_leaves_no_thread(broker: Broker) -> None:
    instance = BrokerInstance(broker.uri)
    await instance.start()
    journal = instance.changes()
    await backlog(journal)
    await instance.close()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("flux-")]


async def test_close_beside_a_stopped_broker_ends(broker: Broker) -> None:
    instance = BrokerInstance(broker.uri, 0.5)
    await instance.start()
    await backlog(instance.changes())
    broker.send(signal.SIGSTOP)
    await asyncio.wait_for(instance.close(), 5)
