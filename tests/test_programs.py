"""A program that the tests fork is like one that they start with a new interpreter."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests import programs
from tests.running import clean_environment, needs_flux, own_environment, run_flux, service

PROBE = """
import json, os, sys
at = {name: getattr(sys, name).isatty() for name in ("stdin", "stdout", "stderr")}
print(json.dumps({
    "words": sys.argv[1:], "folder": os.getcwd(), "parent": os.getppid(), "tty": at,
    "name": __name__, "path": sys.path[0], "asked": os.environ["ASKED"],
    "encodings": [sys.stdin.encoding, sys.stdout.encoding, sys.stderr.errors],
    "first": sys.stdin.readline(),
}))
sys.stderr.write("half a line")
sys.exit(int(sys.argv[1]))
"""
PIPES: dict[str, Any] = {
    "stdin": subprocess.PIPE,
    "stdout": subprocess.PIPE,
    "stderr": subprocess.PIPE,
    "text": True,
}


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    """Return a directory with the module ``probe``."""
    (tmp_path / "probe.py").write_text(PROBE, encoding="utf-8")
    return tmp_path


def test_a_forked_program_has_what_a_new_one_has(probe: Path) -> None:
    environ = own_environment(ASKED="ä=1")
    words = ("7", "two words", "")
    forked = programs.start("probe", *words, env=environ, cwd=probe, **PIPES)
    command = [sys.executable, "-m", "probe", *words]
    new = subprocess.Popen(command, env=environ, cwd=probe, **PIPES)
    told = [json.loads(it.communicate("a line\n", timeout=60)[0]) for it in (forked, new)]
    assert told[0] == told[1]
    assert told[0]["parent"] == os.getpid()
    assert forked.returncode == new.returncode == 7


def test_standard_error_is_written_at_the_end(probe: Path) -> None:
    with programs.start("probe", "0", env=own_environment(ASKED=""), cwd=probe, **PIPES) as process:
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "half a line")


def test_a_signal_ends_it(probe: Path) -> None:
    with programs.start("probe", "0", env=own_environment(ASKED=""), cwd=probe, **PIPES) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM


@pytest.mark.slow
@pytest.mark.skipif(not programs.can_fork(), reason="programs cannot be forked here")
def test_another_locale_takes_a_new_interpreter() -> None:
    def command_line(**environ: str) -> bytes:
        env = own_environment(**environ)
        with programs.start("fluxapi", "serve", "--port=0", env=env, **PIPES) as process:
            line = process.stdout.readline()  # type: ignore[union-attr]
            assert line
            path = Path(f"/proc/{process.pid}/cmdline")
            read = path.read_bytes()
            process.terminate()
        return read

    assert b"tests.fork_server" in command_line()
    assert b"fluxapi\0serve" in command_line(LC_ALL="C")


@pytest.mark.skipif(not programs.can_fork(), reason="programs cannot be forked here")
def test_a_forked_service_has_its_secrets() -> None:
    with service("--require-auth", FLUX_USER="ada", FLUX_TOKEN="not-so-secret") as running:
        pair = base64.b64encode(b"ada:not-so-secret").decode()
        headers = {"Authorization": f"Basic {pair}"}
        request = urllib.request.Request(f"{running.url}/v1/jobs", headers=headers)  # noqa: S310 - it is ours
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - it is ours
            assert answer.status == 200
        assert b"fork_server" in Path(f"/proc/{running.process.pid}/cmdline").read_bytes()


@needs_flux
@pytest.mark.skipif(not programs.can_fork(), reason="programs cannot be forked here")
def test_a_forked_command_of_flux_is_like_a_new_one(tmp_path: Path) -> None:
    lines = [
        ["submit", "--dry-run", "-n2", "--env=A=$B", "printenv"],
        ["submit", "-n2", "-c2", "--cores=2", "true"],
        ["batch", "--dry-run"],
        ["queue", "--help"],
        ["python", "-c", "import sys; print(sys.argv, sys.stdin.read(), sys.path[0])", "a", "-c"],
        ["python", "-c", "import sys; print('out'); sys.exit('bad')"],
    ]
    for line in lines:
        new = subprocess.run(
            ["flux", *line],
            env=clean_environment(B="ä=1"),
            cwd=tmp_path,
            input="#!/bin/sh\n",
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        forked = run_flux(*line, input="#!/bin/sh\n", cwd=tmp_path, B="ä=1")
        assert (forked.returncode, forked.stderr) == (new.returncode, new.stderr)
        assert forked.stdout == new.stdout
        assert forked.stdout or forked.stderr


@needs_flux
@pytest.mark.parametrize(
    "line",
    [
        ["run", "sh", "-c", "cat; echo oops >&2; exit 3"],
        ["submit", "--quiet", "--wait", "--watch", "sh", "-c", "echo ü; echo oops >&2; exit 3"],
        ["bulksubmit", "--quiet", "--wait", "sh", "-c", "exit {}", ":::", "0", "3"],
        ["jobs", "-n", "-o", "{id}", "no-such-job"],
    ],
    ids=lambda line: line[0],
)
def test_a_forked_command_of_flux_does_what_a_new_one_does(flux_uri: str, line: list[str]) -> None:
    new = subprocess.run(
        ["flux", *line],
        env=clean_environment(FLUX_URI=flux_uri),
        input="in\n",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    forked = run_flux(*line, input="in\n", FLUX_URI=flux_uri)
    assert forked.returncode == new.returncode != 0
    assert (forked.stdout, forked.stderr) == (new.stdout, new.stderr)


@needs_flux
@pytest.mark.skipif(not programs.can_fork(), reason="programs cannot be forked here")
@pytest.mark.parametrize(
    ("environ", "is_forked"),
    [
        ({}, "PYTHONPATH" not in os.environ),
        ({"LC_ALL": "C"}, False),
        ({"PATH": "/bin"}, False),
        ({"FLUX_URI_RESOLVE_LOCAL": "t"}, False),
    ],
)
def test_a_command_of_flux_with_other_variables_takes_a_new_interpreter(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], is_forked: bool
) -> None:
    def fail(*_: object) -> None:
        raise FileNotFoundError("no fork")

    programs.start_flux("queue", "--help", env=clean_environment(), **PIPES).communicate()
    monkeypatch.setattr(subprocess.Popen, "_execute_child", fail)
    with contextlib.nullcontext() if is_forked else pytest.raises(FileNotFoundError):
        run_flux("queue", "--help", **environ)
