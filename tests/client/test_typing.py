"""The tools of users: types, and a fast import."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SNIPPET = """
from fluxapi.client import AsyncClient, Client, Event, Job, JobList, Reset

async def asynchronous(flux: AsyncClient) -> None:
    reveal_type(await flux.submit("true", num_tasks=2, duration="5m"))
    reveal_type(await flux.get("f1"))
    async for job in flux.jobs(state=["run"]):
        reveal_type(job)
    async for event in flux.events(event="clean"):
        reveal_type(event)
    async for either in flux.events(on_reset="continue"):
        reveal_type(either)
    async for change in flux.watch(user="me"):
        reveal_type(change.job)

def synchronous(flux: Client) -> None:
    reveal_type(flux.submit("true"))
    reveal_type(flux.list_jobs())
    for event in flux.events():
        reveal_type(event)
    for either in flux.events(on_reset="continue"):
        reveal_type(either)
    for item in flux.submit_many(["true", {"command": "date"}]):
        reveal_type(item.error)
"""

REVEALED = [
    "str",
    "Job",
    "Job",
    "Event",
    "Event | Reset",
    "Job | None",
    "str",
    "JobList",
    "Event",
    "Event | Reset",
    "ProblemError | None",
]

WRONG = """
from fluxapi.client import AsyncClient, Client

async def asynchronous(flux: AsyncClient) -> None:
    await flux.submit("true", num_taks=2)
    await flux.submit("true", num_tasks="two")
    flux.events(on_reset="maybe")

def synchronous(flux: Client) -> None:
    flux.submit("true", nam="x")
    flux.jobs(status="run")
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the output of mypy for both."""
    folder = tmp_path_factory.mktemp("typing")
    (folder / "snippet.py").write_text(SNIPPET, encoding="utf-8")
    (folder / "wrong.py").write_text(WRONG, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "snippet.py", "wrong.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        cwd=folder,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_types_are_seen(told: list[str]) -> None:
    lines = [line for line in told if line.startswith("snippet.py")]
    types = [line.split("Revealed type is ")[1].strip('"') for line in lines]
    names = [" | ".join(part.split(".")[-1] for part in text.split(" | ")) for text in types]
    assert names == REVEALED


def test_mistakes_are_seen(told: list[str]) -> None:
    lines = [line for line in told if line.startswith("wrong.py") and ": error: " in line]
    assert {int(line.split(":")[1]) for line in lines} == {5, 6, 7, 10, 11}


IMPORT = """
import sys
import fluxapi.client
client = fluxapi.client.AsyncClient("http://127.0.0.1:1")
print("\\n".join(sys.modules))
"""


@pytest.fixture(scope="module")
def imported() -> list[str]:
    """Return the names of the modules that a program with a client has imported."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "module",
    ["aiohttp", "jsonschema", "rich", "flux", "fluxapi.app", "fluxapi.instance", "fluxapi.events"],
)
def test_the_import_is_small(imported: list[str], module: str) -> None:
    assert module not in imported
