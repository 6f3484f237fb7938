"""The block that the service prints once it is ready."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fluxapi.instance.protocol import InstanceInfo
from fluxapi.observability.announcement import text
from fluxapi.settings import Settings
from fluxapi.settings.parse import peers

HEADER = "X-Remote-User"
INFO = InstanceInfo("embedded", "0.0", None, 1, "node0", 1000, 0.0)


def announced(trusted: str, url: str) -> str:
    settings = Settings(
        user="ada",
        token="t" * 24,
        require_auth=True,
        trust_user_header=HEADER,
        trust_from=peers(trusted),
    )
    block = text(settings, INFO, {}, [url])
    (line,) = [line for line in block.split("\n") if line.startswith("Authentication: ")]
    return line


@pytest.mark.parametrize("trusted", ["127.0.0.1", "10.0.0.7,127.0.0.0/8", "::1", "0.0.0.0/0"])
def test_it_says_so_if_users_of_this_machine_can_name_the_owner(trusted: str) -> None:
    line = announced(trusted, "http://127.0.0.1:5000")
    assert line.endswith(f"; any user of this machine can name ada in {HEADER}")


@pytest.mark.parametrize(
    ("trusted", "url"),
    [("10.0.0.7,unix", "http://127.0.0.1:5000"), ("127.0.0.1", "unix:/run/user/1000/sock")],
)
def test_it_does_not_say_so_if_they_cannot(trusted: str, url: str) -> None:
    assert announced(trusted, url) == "Authentication: required, as user ada"


def test_a_token_that_nobody_asks_for_is_told() -> None:
    block = text(Settings(user="ada", token="t" * 24), INFO, {}, ["http://127.0.0.1:5000"])
    assert "; the token has no effect without --require-auth" in block


@pytest.mark.parametrize(("owner", "is_told"), [(0, True), (1000, False)])
def test_jobs_of_root_can_read_all_secrets(owner: int, is_told: bool) -> None:
    info = replace(INFO, owner=owner)
    block = text(Settings(), info, {}, ["http://127.0.0.1:5000"])
    assert ("its jobs can read the secrets of the service" in block) is is_told
