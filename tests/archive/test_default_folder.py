"""The embedded instance keeps a history without being told, in the state directory of the user."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from fluxapi import service as module
from fluxapi.archive.database import FILE_NAME
from fluxapi.process.user_state import in_container, user_state_folder
from fluxapi.service import choose_instance
from fluxapi.settings import Settings
from tests.running import own_environment
from tests.running import service as run

from .test_end import begun
from .test_service import stored


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "in_container", lambda _: False)


def test_the_folder_is_that_of_the_specification(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert user_state_folder({}, "fluxapi") == Path("/home/me/.local/state/fluxapi")
    given = {"XDG_STATE_HOME": "/state"}
    assert user_state_folder(given, "fluxapi") == Path("/state/fluxapi")
    relative = {"XDG_STATE_HOME": "state"}
    assert user_state_folder(relative, "fluxapi") == Path("/home/me/.local/state/fluxapi")


def test_a_container_is_known_by_its_marks(tmp_path: Path) -> None:
    mark = tmp_path / ".dockerenv"
    assert not in_container({}, [mark])
    assert in_container({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, [mark])
    mark.touch()
    assert in_container({}, [mark])


@pytest.mark.usefixtures("outside")
def test_only_the_embedded_instance_has_a_default() -> None:
    embedded, real = Settings(instance="embedded"), Settings(instance="flux", uri="local:///x")
    folder = Path(os.environ["XDG_STATE_HOME"], "fluxapi")
    assert module.default_history(choose_instance(embedded)) == folder
    assert module.default_history(choose_instance(real)) is None


@pytest.mark.slow
def test_services_share_the_folder_and_outlive_it(tmp_path: Path) -> None:
    code = tmp_path / "sitecustomize.py"
    code.write_text(
        "from fluxapi.process import user_state\nuser_state.in_container.__defaults__ = ((),)\n",
        encoding="utf-8",
    )
    environ = own_environment(
        FLUXAPI_INSTANCE="embedded", XDG_STATE_HOME=str(tmp_path), PYTHONPATH=str(tmp_path)
    )
    environ.pop("KUBERNETES_SERVICE_HOST", None)
    folder = tmp_path / "fluxapi"
    with run(**environ) as first, run(**environ) as second, run("--no-history", **environ) as none:
        assert f"History: past jobs are kept in {folder}" in first.lines
        assert any(line.startswith("History: none, jobs are lost when") for line in none.lines)
        jobs = {begun(first.url), begun(second.url)}
        begun(none.url)
        for service in (first, second, none):
            service.end()
    assert set(stored(folder)) == jobs
    names = {path.name for path in folder.iterdir()}
    assert names <= {FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
