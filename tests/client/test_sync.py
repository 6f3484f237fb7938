"""The synchronous face: made from the other, and usable where a loop already runs."""

from __future__ import annotations

import ast
import asyncio
import inspect
import multiprocessing
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from fluxapi import client
from fluxapi.client import (
    AsyncClient,
    Client,
    ClientError,
    ConnectionFailed,
    EventStream,
    JobsWatch,
    NotFound,
    SyncEventStream,
    SyncJobsWatch,
)
from fluxapi.client.aio import AsyncClient as Original
from fluxapi.client.loop import LoopThread
from tests.running import Service
from tools.make_sync import TARGET, made


def test_the_file_is_what_the_generator_makes() -> None:
    assert TARGET.read_text(encoding="utf-8") == made(), "run make generate"


@pytest.mark.parametrize(
    ("one", "other"),
    [(AsyncClient, Client), (EventStream, SyncEventStream), (JobsWatch, SyncJobsWatch)],
)
def test_nothing_is_left_out(one: type, other: type) -> None:
    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    expected = {"close" if name == "aclose" else name for name in public(one)}
    assert expected <= public(other)
    assert Original is AsyncClient


def test_the_types_of_results_are_exported() -> None:
    """Check the names of the package in signatures; an iteration is used, not named."""
    tree = ast.parse(TARGET.read_text(encoding="utf-8"))
    ours = {
        name.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.level and node.module != "loop"
        for name in node.names
    }
    results = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.returns
        for name in ast.walk(node.returns)
        if isinstance(name, ast.Name)
    }
    assert ours & results <= set(client.__all__), "fluxapi/client/__init__.py"


def test_parameters_are_the_same() -> None:
    for name in (name for name in vars(Client) if not name.startswith("_")):
        original = "aclose" if name == "close" else name
        ours, theirs = (
            list(inspect.signature(method).parameters)
            for method in (getattr(Client, name), getattr(AsyncClient, original))
        )
        assert ours == theirs, name


@pytest.fixture
def flux(running: Service) -> Iterator[Client]:
    with Client(running.url) as client:
        yield client


def use(flux: Client) -> None:
    """Call a few methods of each kind."""
    with flux.events(event="clean") as events:
        id = flux.submit(["sh", "-c", "echo one; echo two >&2"], name="sync")
        written = [(entry.stream, entry.data) for entry in flux.follow_output(id)]
        assert sorted(written) == [("stderr", "two\n"), ("stdout", "one\n")]
        assert flux.wait(id).success
        assert next(event.id for event in events if event.id == id) == id
    assert flux.output(id).stdout == "one\n"
    assert flux.jobs(name="sync").__next__().id == id
    assert flux.list_jobs(name="sync", limit=1)[0].id == id
    assert [event.name for event in flux.job_events(id)][-1] == "clean"
    with flux.watch(id=id) as watch:
        watch.ready()
        assert (watch.jobs[id].state, watch.verified) == ("INACTIVE", 1)


def test_without_a_loop(flux: Client) -> None:
    use(flux)


async def test_in_a_running_loop(flux: Client) -> None:
    # As in a notebook: this very thread runs one, and cannot run another.
    use(flux)


def test_from_several_threads(flux: Client) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(flux.submit("true"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8


def test_a_generator_of_jobs_may_use_the_client(flux: Client) -> None:
    def jobs() -> Iterator[dict[str, Any]]:
        for number in range(3):
            yield {"command": ["echo", flux.nodes()[0]], "name": f"made{number}"}

    ids = [item.id or "" for item in flux.submit_many(jobs())]
    assert {flux.get(id).name for id in ids} == {"made0", "made1", "made2"}
    assert {job.id for job in flux.as_completed(ids)} == set(ids)


def test_a_for_that_is_left_early(flux: Client) -> None:
    id = flux.submit(["sh", "-c", "echo one; sleep 600"])
    for entry in flux.follow_output(id):
        assert entry.data == "one\n"
        break
    flux.cancel(id)
    assert flux.wait(id).result == "CANCELED"


def test_errors_come_over(flux: Client) -> None:
    with pytest.raises(NotFound):
        flux.get("f9999")
    with pytest.raises(NotFound):
        next(flux.job_events("f9999"))


def test_a_client_that_is_closed() -> None:
    flux = Client("http://127.0.0.1:1", retries=0)
    with pytest.raises(ConnectionFailed):
        flux.health()
    flux.close()
    flux.close()
    with pytest.raises(ClientError, match="closed"):
        flux.health()
    assert not [t for t in threading.enumerate() if t.name == "fluxapi-client"]


def test_a_call_that_would_wait_for_itself_is_refused() -> None:
    loop = LoopThread()

    async def nothing() -> None:
        pass

    async def within() -> None:
        loop.run(nothing())

    with pytest.raises(ClientError, match="wait for itself"):
        loop.run(within())
    loop.close(nothing())


FORGETFUL = """
import sys
from fluxapi.client import Client
flux = Client(sys.argv[1])
id = flux.submit("true")
events = flux.job_events(id)
print(next(events).name)
"""


FORGETFUL_LOOP = """
import asyncio, sys
from fluxapi.client import AsyncClient

async def main():
    async with AsyncClient(sys.argv[1]) as flux:
        id = await flux.submit("true")
        async for change in flux.watch():
            break
        async for event in flux.job_events(id):
            print(event.name)
            break

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("program", [FORGETFUL, FORGETFUL_LOOP], ids=["sync", "async"])
def test_a_program_that_closes_nothing_ends_quietly(running: Service, program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", program, running.url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "submit\n", "")


async def _read() -> AsyncGenerator[int, None]:
    try:
        yield 1
    finally:
        await asyncio.sleep(0)


async def _nested() -> AsyncGenerator[int, None]:
    async with aclosing(_read()) as items:
        async for item in items:
            yield item


async def _nothing() -> None:
    pass


def test_a_stream_is_closed_before_its_source(caplog: pytest.LogCaptureFixture) -> None:
    loop = LoopThread()
    # In which order a loop closes generators is chance: with this many it is wrong for some.
    left = [loop.iterate(_nested()) for _ in range(20)]
    assert [next(items) for items in left] == [1] * 20
    loop.close(_nothing())
    assert [record.getMessage() for record in caplog.records] == []


INTERRUPTED = """
import sys
from fluxapi.client import Client
flux = Client(sys.argv[1])
id = flux.submit(["sleep", "600"])
stream = flux.follow_output(id)
print(id, flush=True)
try:
    next(stream)
except KeyboardInterrupt:
    flux.cancel(id)
    print(flux.wait(id).result)
"""


def test_an_interrupt_ends_the_call_and_not_the_client(running: Service) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, running.url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        id = process.stdout.readline().strip()
        with Client(running.url) as flux:
            # By then the other program waits for output: it has nothing else to do.
            next(event for event in flux.job_events(id) if event.name == "start")
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "CANCELED\n"


def _health(flux: Client) -> str:
    try:
        flux.health()
    except ClientError as error:
        return str(error)
    return "fine"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_that_was_forked_is_told(flux: Client) -> None:
    flux.health()
    queue: Any = multiprocessing.get_context("fork").SimpleQueue()
    process = multiprocessing.get_context("fork").Process(target=lambda: queue.put(_health(flux)))
    process.start()
    assert "another process" in queue.get()
    process.join()


async def test_both_clients_are_closed_by_close(on_embedded: Service) -> None:
    flux = AsyncClient(on_embedded.url)
    await flux.nodes()
    await flux.close()
    with pytest.raises(ClientError, match="closed"):
        await flux.nodes()
    assert not hasattr(Client, "aclose")
