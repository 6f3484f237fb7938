from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.running import Service, flux_instance, needs_flux, own_environment, service

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
CELLS = Path(__file__).with_name("cells.py")
AUTH = {"FLUX_USER": "alice", "FLUX_TOKEN": "pancakes"}


@pytest.fixture(params=["on_embedded", pytest.param("on_flux", marks=needs_flux)])
def site(request: pytest.FixtureRequest) -> Service:
    """Return the environment of an example in front of each kind of instance."""
    running: Service = request.getfixturevalue(request.param)
    return running


def environment(site: Service, **variables: str) -> dict[str, str]:
    return own_environment(
        FLUXAPI_URL=site.url.rstrip("/"),
        PYTHONWARNINGS="error",
        PYTHONIOENCODING="utf-8",
        **variables,
    )


def run(site: Service, name: str, *arguments: str, **variables: str) -> str:
    """Return the output of an example."""
    done = ran(site, name, *arguments, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fail(site: Service, name: str, **variables: str) -> str:
    """Return the error message of an example that fails."""
    done = ran(site, name, **variables)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def ran(
    site: Service, name: str, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        env=environment(site, **variables),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_every_example_is_in_the_list_and_tested() -> None:
    listed = set(
        re.findall(r"^\| \[([\w.]+)\]", (EXAMPLES / "README.md").read_text("utf-8"), re.MULTILINE)
    )
    assert listed == {path.name for path in EXAMPLES.iterdir()} - {"README.md"}
    tests = Path(__file__).read_text(encoding="utf-8")
    assert {name for name in listed if f'"{name}"' not in tests} == set()


def test_submit(site: Service) -> None:
    lines = run(site, "submit.py").splitlines()
    assert re.fullmatch(r"submitted f\w+", lines[0])
    assert re.fullmatch(r"COMPLETED after \d+\.\d\d s on \S+", lines[1])
    assert lines[2:] == ["hello from fluxapi"] * 2


def test_submit_and_list(site: Service) -> None:
    lines = run(site, "submit_list.py").splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines[:3]] == ["has ended"] * 3
    assert sorted(line.split(maxsplit=1)[1].split() for line in lines[3:6]) == [
        ["COMPLETED", "status", "0"],
        ["FAILED", "status", "1"],
        ["FAILED", "status", "2"],
    ]


def test_cancel(site: Service) -> None:
    lines = run(site, "cancel.py").splitlines()
    assert lines[0] == "CANCELED because no longer needed"
    assert "has ended" in lines[1]
    assert lines[2] == "5 more were asked to end"
    assert [line.split()[1] for line in lines[3:]] == ["CANCELED"] * 5


def test_nodes(site: Service) -> None:
    lines = run(site, "nodes.py").splitlines()
    assert len(lines) == site.get("/v1/resources")["totals"]["nodes"]
    assert all(re.fullmatch(r"\S+ +\w+ +\d+/\d+ cores", line) for line in lines)


@pytest.mark.parametrize(
    ("place", "count"), [("on_embedded", 200), pytest.param("on_flux", 100, marks=needs_flux)]
)
def test_fan_in(request: pytest.FixtureRequest, place: str, count: int) -> None:
    told = run(request.getfixturevalue(place), "fan_in.py", str(count))
    assert re.fullmatch(rf"pi is about 3\.1\d\d, by {count} jobs\n", told)


def test_follow_events(site: Service) -> None:
    command = [sys.executable, str(EXAMPLES / "follow_events.py")]
    with subprocess.Popen(
        command, env=environment(site), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "following\n"
        request = urllib.request.Request(  # noqa: S310 - it is ours
            f"{site.url.rstrip('/')}/v1/jobs",
            json.dumps({"command": "true"}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - it is ours
            jobid = json.load(answer)["id"]
        names = []
        for line in process.stdout:
            _, whose, name = line.split()
            if whose == jobid:
                names.append(name)
            if names[-1:] == ["clean"]:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert [name for name in names if name in {"submit", "start", "finish"}] == [
        "submit",
        "start",
        "finish",
    ]


def test_submit_with_auth() -> None:
    with service("--instance=embedded", "--require-auth", **AUTH) as guarded:
        assert run(guarded, "submit_auth.py", **AUTH) == "let in\n"
        wrong = {**AUTH, "FLUX_TOKEN": "waffles"}
        told = fail(guarded, "submit_auth.py", **wrong)
    assert told.count("\n") == 1
    assert "wrong" in told
    assert "waffles" not in told


def test_stop() -> None:
    with service("--instance=embedded") as running:
        assert run(running, "stop.py") == "stopping\n"
        assert running.process.wait(30) == 0


@needs_flux
def test_stop_ends_the_instance_too() -> None:
    with flux_instance(1) as uri, service(FLUX_URI=uri) as running:
        assert run(running, "stop.py", "--instance") == "stopping\n"
        assert running.process.wait(60) == 0


def test_the_notebook(site: Service) -> None:
    done = subprocess.run(
        [sys.executable, CELLS, EXAMPLES / "notebook.ipynb"],
        env=environment(site),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    squares = {number: number**2 for number in range(1, 9)}
    assert f"{squares}\n" in done.stdout
    assert done.stdout.count("<table>") == 2
    assert "step 1\nstep 2\nstep 3\n" in done.stdout


def test_the_notebook_is_committed_without_what_it_showed() -> None:
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
