"""``fluxapi token``: print, create, list and revoke."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import Service, own_environment, service

from .program import Done, Program

pytestmark = pytest.mark.slow

USER, TOKEN = "ada", "not-so-secret"

Run = Callable[..., Done]


@pytest.fixture(scope="module")
def guarded() -> Iterator[Service]:
    flags = ("--instance=embedded", "--require-auth")
    with service(*flags, FLUX_USER=USER, FLUX_TOKEN=TOKEN) as running:
        yield running


@pytest.fixture
def run(guarded: Service, tmp_path: Path) -> Run:
    """Return the command with a token in the environment."""
    program = Program(guarded.url, tmp_path)
    return lambda *words, token=TOKEN: program(*words, FLUX_USER=USER, FLUX_TOKEN=token)


def test_a_token_is_created_listed_used_and_revoked(run: Run) -> None:
    done = run("token", "create", "--name=laptop", "--scope=view", "--expires=2d")
    assert done.status == 0, done.err
    assert "start the service with --statedir" in done.err
    secret = done.out.strip()
    assert run("nodes", "--names", token=secret).status == 0
    done = run("submit", "true", token=secret)
    assert (done.status, "needs the scope submit" in done.err) == (4, True)
    (shown,) = json.loads(run("token", "list", "--json").out)
    assert (shown["name"], shown["scope"]) == ("laptop", "view")
    assert shown["expires"] - shown["created"] == pytest.approx(2 * 86_400, abs=60)
    done = run("token", "list")
    heading, row = done.out.splitlines()
    assert heading.split() == ["NAME", "SCOPE", "CREATED", "EXPIRES", "LAST", "USED", "ID"]
    assert row.startswith("laptop  view")
    assert secret not in done.out
    assert run("token", "revoke", "laptop").status == 0
    assert run("nodes", token=secret).status == 4
    done = run("token", "revoke", "laptop")
    assert (done.status, "fluxapi token list" in done.err) == (1, True)
    done = run("token", "create", "--name=a/b")
    assert (done.status, "letters, digits, blanks" in done.err) == (1, True)


def test_a_bearer_token_is_printed_without_an_action(run: Run) -> None:
    done = run("token")
    assert (done.status, done.out.count(".")) == (0, 2)


@pytest.mark.parametrize(
    "words",
    [
        ("create",),
        ("create", "--name=a", "--scope=root"),
        ("create", "--name=a", "--expires=soon"),
        ("create", "--name=a", "--expires=0"),
        ("revoke",),
        ("unknown",),
    ],
)
def test_a_wrong_argument_is_a_usage_error(run: Run, words: tuple[str, ...]) -> None:
    assert run("token", *words).status == 2


def test_a_terminal_gets_an_address_that_logs_in_once() -> None:
    main, other = os.openpty()
    environ = own_environment(FLUX_REQUIRE_AUTH="true")
    command = [sys.executable, "-m", "fluxapi", "serve", "--port=0", "--instance=embedded"]
    with subprocess.Popen(command, env=environ, stdout=other) as process:
        os.close(other)
        shown = b""
        while b" answers at " not in shown:
            shown += os.read(main, 4096)
        process.terminate()
    os.close(main)
    assert b"Authentication: required, as user " in shown
    assert b"/ui/login#code=once_" in shown


def test_no_code_is_printed_to_a_file(guarded: Service) -> None:
    assert not any("code" in line for line in guarded.lines)
