"""``fluxapi webhook``: add, list, test, rotate, retry and remove."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Service, service
from tests.waiting import block_until

from .program import Program

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def open_to_loopback() -> Iterator[Service]:
    with service("--instance=embedded", "--webhook-allow=127.0.0.1") as running:
        yield running


@pytest.fixture
def hooks(open_to_loopback: Service, tmp_path: Path) -> Program:
    return Program(open_to_loopback.url, tmp_path)


def test_the_life_of_a_webhook(hooks: Program, open_to_loopback: Service) -> None:
    # The service itself takes each message, and refuses it.
    target = f"{open_to_loopback.url}/v1/health?token=hidden"
    done = hooks("webhook", "add", target, "--name=mine", "--event=clean", "--result=failed")
    assert done.status == 0, done.err
    secret = done.out.strip()
    assert secret.startswith("whsec_")
    assert "start the service with --statedir" in done.err
    (shown,) = json.loads(hooks.ok("webhook", "list", "--json"))
    assert shown["filter"] == {"event": ["clean"], "result": ["FAILED"]}
    listed = hooks.ok("webhook", "list")
    assert "mine" in listed
    assert secret not in listed
    assert "hidden" not in listed
    done = hooks("webhook", "test", "mine")
    assert (done.status, "The target answered 405" in done.err) == (1, True)
    hooks("submit", "--wait", "false")
    block_until(lambda: "mine: The target answered 405" in hooks("webhook", "list").err)
    assert hooks("webhook", "rotate", "mine").out.strip() not in {"", secret}
    hooks.ok("webhook", "enable", "mine")
    assert hooks.ok("webhook", "dead", "mine").split()[0] == "NUMBER"
    assert hooks.ok("webhook", "retry", "mine") == "no message is sent again\n"
    done = hooks("webhook", "retry", "mine", "7", "9")
    assert (done.status, "2 of these numbers are not dead letters" in done.err) == (1, True)
    hooks.ok("webhook", "remove", "mine")
    done = hooks("webhook", "test", "mine")
    assert (done.status, "fluxapi webhook list" in done.err) == (1, True)


def test_a_refusal_says_what_to_do(hooks: Program) -> None:
    done = hooks("webhook", "add", "https://169.254.169.254/")
    assert done.status == 1
    assert "--webhook-allow 169.254.169.254" in done.err
