"""``fluxapi token``: print, create, list and revoke."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.running import Service, own_environment, service

pytestmark = pytest.mark.slow

USER, TOKEN = "ada", "not-so-secret"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Service]:
    flags = ("--instance=embedded", "--require-auth")
    with service(*flags, FLUX_USER=USER, FLUX_TOKEN=TOKEN) as running:
        yield running


def run(on: Service, *words: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    """Run the command, with a token in the environment."""
    environ = own_environment(FLUXAPI_URL=on.url, FLUX_USER=USER, FLUX_TOKEN=token)
    command = [sys.executable, "-m", "fluxapi", *words]
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_token_is_created_listed_used_and_revoked(guarded: Service) -> None:
    done = run(guarded, "token", "create", "--name=laptop", "--scope=view", "--expires=2d")
    assert done.returncode == 0, done.stderr
    assert "start the service with --statedir" in done.stderr
    secret = done.stdout.strip()
    assert run(guarded, "nodes", "--names", token=secret).returncode == 0
    done = run(guarded, "submit", "true", token=secret)
    assert (done.returncode, "needs the scope submit" in done.stderr) == (4, True)
    (shown,) = json.loads(run(guarded, "token", "list", "--json").stdout)
    assert (shown["name"], shown["scope"]) == ("laptop", "view")
    assert shown["expires"] - shown["created"] == pytest.approx(2 * 86_400, abs=60)
    done = run(guarded, "token", "list")
    heading, row = done.stdout.splitlines()
    assert heading.split() == ["NAME", "SCOPE", "CREATED", "EXPIRES", "LAST", "USED", "ID"]
    assert row.startswith("laptop  view")
    assert secret not in done.stdout
    assert run(guarded, "token", "revoke", "laptop").returncode == 0
    assert run(guarded, "nodes", token=secret).returncode == 4
    done = run(guarded, "token", "revoke", "laptop")
    assert (done.returncode, "fluxapi token list" in done.stderr) == (1, True)
    done = run(guarded, "token", "create", "--name=a/b")
    assert (done.returncode, "letters, digits, blanks" in done.stderr) == (1, True)


def test_a_bearer_token_is_printed_without_an_action(guarded: Service) -> None:
    done = run(guarded, "token")
    assert (done.returncode, done.stdout.count(".")) == (0, 2)


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
def test_a_wrong_argument_is_a_usage_error(guarded: Service, words: tuple[str, ...]) -> None:
    assert run(guarded, "token", *words).returncode == 2


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
