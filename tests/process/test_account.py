"""An account without a passwd entry, and without HOME, is one that service and client work for."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluxapi.cli import formats
from fluxapi.client import ConfigError, config_path, read_config
from fluxapi.errors import SettingsError
from fluxapi.process import account
from fluxapi.settings import Settings
from tests.running import may_run, needs_flux, read_start

pytestmark = pytest.mark.slow

UID = 1_234_567_890


as_root = pytest.mark.skipif(
    os.getuid() != 0 or not may_run(UID),
    reason=f"only root can start a program as a user that does not exist, if that user can run "
    f"{sys.executable}",
)


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove the entry, home and name of this process."""

    def getpwuid(userid: int) -> pwd.struct_passwd:
        raise KeyError(userid)

    for name in ("HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: UID)
        patch.setattr(pwd, "getpwuid", getpwuid)
        yield


@pytest.mark.usefixtures("unknown")
def test_a_job_gets_what_is_known() -> None:
    number = str(UID)
    environment = {"HOME": "/", "USER": number, "LOGNAME": number, "SHELL": "/bin/sh"}
    assert account.environment() == environment
    os.environ["HOME"] = "/data"
    assert account.environment() == environment | {"HOME": "/data"}


def test_a_job_gets_what_the_entry_says() -> None:
    assert account.environment()["HOME"] == pwd.getpwuid(os.getuid()).pw_dir


@pytest.mark.usefixtures("unknown")
def test_there_is_a_name_and_no_home() -> None:
    assert account.user_name() == str(UID)
    assert account.home() is None
    assert account.expand("/x") == Path("/x")


@pytest.mark.usefixtures("unknown")
def test_a_path_with_a_tilde_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match="FLUXAPI_STATEDIR must be a path without ~"):
        Settings.read(None, {"FLUXAPI_STATEDIR": "~/state"})
    with pytest.raises(ConfigError, match="FLUXAPI_TOKEN_FILE must be a path without ~"):
        read_config(environ={"FLUXAPI_TOKEN_FILE": "~/token"})
    with pytest.raises(ConfigError, match="FLUXAPI_CONFIG must be a path without ~"):
        read_config(environ={"FLUXAPI_CONFIG": "~/config"})


@pytest.mark.usefixtures("unknown")
def test_the_client_needs_no_config_file() -> None:
    assert config_path({}) is None
    assert config_path({"XDG_CONFIG_HOME": "/x"}) == Path("/x/fluxapi/config.toml")
    assert read_config(environ={}).url == "http://127.0.0.1:5000"
    with pytest.raises(ConfigError, match="no home directory"):
        read_config(profile="x", environ={})
    assert "default" in formats.load({})


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fluxapi", *words], env={"PATH": os.environ["PATH"]}, cwd="/",
        user=UID, group=UID, extra_groups=[], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


@as_root
def test_the_command_line_works() -> None:
    done = run("jobs", "--url=http://127.0.0.1:1", "--retries=0")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert run("jobs", "-o", "help").returncode == 0


def answer(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - it is ours
        return json.load(response)


@as_root
@pytest.mark.parametrize(
    "words", [[], pytest.param(["flux", "start"], marks=needs_flux)], ids=["embedded", "flux"]
)
def test_the_service_works(words: list[str]) -> None:
    environment = {"PATH": os.environ["PATH"]}
    with subprocess.Popen(
        [*words, sys.executable, "-m", "fluxapi", "serve", "--port=0"], env=environment, cwd="/",
        user=UID, group=UID, extra_groups=[], stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        lines, url = read_start(process.stdout)
        assert f"owner {UID}" in lines[0]
        job = answer(f"{url}/v1/jobs", {"command": ["sh", "-c", "echo $HOME $USER"]})["id"]
        assert answer(f"{url}/v1/jobs/{job}/wait?timeout=60")["username"] == str(UID)
        output = answer(f"{url}/v1/jobs/{job}/output")
        assert f"/ {UID}" in json.dumps(output)
        answer(f"{url}/v1/service/stop", {})
        assert process.wait(60) == 0
