"""``fluxapi job`` and ``flux job`` print the same about the same jobs of a real Flux."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator

import pytest

from tests.running import clean_environment, empty, needs_flux, run_flux, service
from tests.waiting import block_until

from .program import Program

pytestmark = needs_flux

LOAD = """
flux submit --wait --job-name=done -t 5m -n2 sh -c 'echo out; echo ü >&2'
flux submit --wait --job-name=bad false || true
held=$(flux submit --urgency=hold --job-name=held true)
flux job memo $held a.b=1 c='"x y"' d=0.1 e=ü
run=$(flux submit --job-name=run sleep 1000); flux job wait-event -q $run start
flux job wait-event -q -p exec $run shell.start
"""

LINES = """
last
last 3
last [:2]
last [1:]
last [::-1]
last [1:3:2]
last [:-1]
last 0
timeleft {done}
timeleft {run}
timeleft -H {run}
timeleft -H {done}
timeleft {held}
timeleft f1
eventlog {done}
eventlog {held}
eventlog -f json {bad}
eventlog -T iso {done}
eventlog --time-format=offset {done}
eventlog -H {done}
eventlog --human --color=always {bad}
eventlog -Lalways {held}
eventlog -p exec {done}
eventlog -p exec {run}
eventlog -f json -p guest.exec.eventlog {bad}
eventlog -p exec {held}
eventlog -p output {done}
eventlog -p output -f json {bad}
eventlog f1
eventlog -F {done}
wait-event {done} finish
wait-event -v {done} start
wait-event -v -T offset {bad} clean
wait-event -T offset {bad} finish
wait-event -q {done} clean
wait-event -f json -m status=256 {bad} finish
wait-event -m status=0 {bad} finish
wait-event -m 'ranks=all' {done} release
wait-event -p exec {done} shell.init
wait-event -p exec {run} shell.init
wait-event -p output -c 2 {done} data
wait-event {done} no-such-event
wait-event -c 2 {done} start
wait-event -t 0.2s {run} finish
wait-event f1 start
info {done} jobspec
info {done} R
info {done} eventlog
info {done} guest.exec.eventlog
info {held} R
info f1 jobspec
info {done} nothing
kill {done}
kill f1 {held}
urgency {done} 3
urgency {held} hold
urgency f1 3
raise f1 {done} not wanted
memo {done} a=1
memo f1 a=1
"""
"""Command lines, with the names of jobs."""


@pytest.fixture(scope="module")
def uri(flux_uri: str) -> Iterator[str]:
    empty(flux_uri)
    subprocess.run(
        ["sh", "-ec", LOAD],
        env=clean_environment(FLUX_URI=flux_uri),
        check=True,
        capture_output=True,
        timeout=100,
    )
    yield flux_uri
    empty(flux_uri)


@pytest.fixture(scope="module")
def program(uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with service(FLUX_URI=uri) as running:
        running.wait_until_ready()
        yield Program(running.url, tmp_path_factory.mktemp("home"), plain_ids=False)


def theirs(uri: str, *words: str) -> tuple[int, str]:
    done = run_flux(*words, FLUX_URI=uri, TZ="UTC")
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def names(uri: str) -> dict[str, str]:
    """Return the IDs of the jobs by their names."""
    lines = theirs(uri, "jobs", "-a", "-n", "-o", "{name} {id.f58}")[1].splitlines()
    return dict(line.split() for line in lines)


@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_a_line_prints_the_same(
    uri: str, program: Program, names: dict[str, str], line: str
) -> None:
    words = ["job", *shlex.split(line.format(**names))]
    ours = program(*words)
    status, out = theirs(uri, *words)
    if line.startswith(("last", "eventlog", "wait-event", "info", "timeleft")):
        assert ours.out == out
    assert bool(ours.status) == bool(status), ours.err


def test_the_counts_are_those_of_flux(uri: str, program: Program) -> None:
    ours = json.loads(program.ok("job", "stats"))
    found = json.loads(theirs(uri, "job", "stats")[1])
    assert ours == {name: found[name] for name in ours}


def test_changes_are_those_of_flux(uri: str, program: Program, names: dict[str, str]) -> None:
    held = names["held"]
    program.ok("job", "memo", held, "mine.text=word", "mine.list=[1, 2.5]", "a=null")
    program.ok("job", "memo", "--volatile", held, "mine.gone=-", input="from stdin")
    program.ok("job", "raise", "-s7", "-t", "weather", held, "it", "rains")
    done = program("job", "urgency", "-v", held, "hold")
    assert (done.status, done.err) == (0, "fluxapi: old urgency: job held\n")
    # Flux writes the eventlog a moment after it has answered.
    block_until(lambda: "it rains" in theirs(uri, "job", "eventlog", held)[1])
    log = theirs(uri, "job", "eventlog", held)[1]
    assert 'memo mine={"text":"word","list":[1,2.5]} a=null\n' in log
    assert 'exception type="weather" severity=7 note="it rains"' in log
    assert "from stdin" not in log
    shown = theirs(uri, "jobs", "-n", "-o", "{annotations.user}", held)[1]
    assert json.loads(shown)["mine"] == {"text": "word", "list": [1, 2.5], "gone": "from stdin"}
