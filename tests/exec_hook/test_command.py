"""Running the command of the hook: its input, its environment and its end."""

from __future__ import annotations

import os
import shlex
import threading
from pathlib import Path

import pytest

from fluxapi.exec_hook.command import Command, environment
from tests.waiting import block_until

SH = "/bin/sh"


def command(script: str, time_limit: float = 60.0, **environ: str) -> Command:
    return Command([SH, "-c", script], {"PATH": os.defpath, **environ}, time_limit)


def test_the_command_reads_the_document(tmp_path: Path) -> None:
    file = tmp_path / "out"
    document = b'{"x": "$HOME;`id`"}' + b" " * 300_000
    assert command(f"cat > {shlex.quote(str(file))}").run(document) == "ok"
    assert file.read_bytes() == document


def test_words_run_without_a_shell(tmp_path: Path) -> None:
    run = Command(["/usr/bin/env", "touch", f"{tmp_path}/a $b;*"], {"PATH": os.defpath}, 60.0)
    assert run.run(b"") == "ok"
    assert [path.name for path in tmp_path.iterdir()] == ["a $b;*"]


@pytest.mark.parametrize(
    ("script", "outcome"), [("exit 3", "failed"), ("kill -9 $$", "failed"), ("true", "ok")]
)
def test_outcomes(script: str, outcome: str) -> None:
    assert command(script).run(b"{}") == outcome


def test_a_program_that_is_not_there() -> None:
    assert Command(["/does/not/exist"], {}, 60.0).run(b"{}") == "unstartable"


def test_the_limit_ends_all_processes_of_the_command(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # Both have the pipe open until they end; the inner one ignores the first signal.
    inner = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    script = f"exec 3>{fifo}; {SH} -c {shlex.quote(inner)} >&3 & wait"
    outcomes: list[str] = []
    run = command(script, 0.2)
    thread = threading.Thread(target=lambda: outcomes.append(run.run(b"{}")))
    thread.start()
    assert fifo.read_text(encoding="utf-8") == "ready\n"
    thread.join()
    assert outcomes == ["timeout"]


@pytest.mark.parametrize("script", ["sleep 600", "exit 3", "true"])
def test_a_system_without_descriptors_of_processes(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = command(script, 0.2).run(b"{}")
    monkeypatch.delattr(os, "pidfd_open")
    assert command(script, 0.2).run(b"{}") == expected


def test_closing_ends_what_runs_and_starts_nothing(tmp_path: Path) -> None:
    started = tmp_path / "started"
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # The process that it has started ignores the signal.
    inner = f"trap '' TERM; touch {started}; while :; do sleep 0.1; done"
    run = command(f"exec 3>{fifo}; {SH} -c {shlex.quote(inner)} & wait")
    outcomes: list[str] = []
    thread = threading.Thread(target=lambda: outcomes.append(run.run(b"{}")))
    thread.start()
    with fifo.open("rb") as pipe:
        block_until(started.exists)
        run.close()
        thread.join()
        assert pipe.read() == b""
    started.unlink()
    assert (outcomes, run.run(b"{}"), started.exists()) == (["stopped"], "stopped", False)


def test_the_environment_has_no_secret(tmp_path: Path) -> None:
    given = {
        "PATH": "/bin:/usr/bin",
        "LC_ALL": "C.UTF-8",
        "FLUX_URI": "local:///x",
        "FLUX_TOKEN": "secret",
        "FLUX_SECRET_KEY": "secret",
        "FLUXAPI_SECRETS_FD": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "FLUXAPI_EXEC": "secret",
    }
    found = environment(given)
    assert found.items() >= {"PATH": "/bin:/usr/bin", "LC_ALL": "C.UTF-8"}.items()
    assert found["FLUX_URI"] == "local:///x"
    assert "secret" not in found.values()
    assert {"HOME", "USER"} <= found.keys()
    file = tmp_path / "out"
    Command([SH, "-c", f"env > {shlex.quote(str(file))}"], found, 60.0).run(b"{}")
    assert "secret" not in file.read_text(encoding="utf-8")
