"""The declaration for jupyter-server-proxy; tests/proxy tries it for real."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

import pytest

from fluxapi.jupyter import setup
from fluxapi.settings import Settings, add_arguments

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]


def test_the_entry_point_names_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    place = project["entry-points"]["jupyter_serverproxy_servers"]["fluxapi"]
    module, _, name = place.partition(":")
    assert getattr(import_module(module), name) is setup


def test_its_command_listens_on_the_socket_of_the_proxy_alone(tmp_path: Path) -> None:
    declared = setup()
    assert declared["unix_socket"] is True
    path = tmp_path / "socket"
    command = [word.format(unix_socket=path) for word in declared["command"]]
    assert command[1:4] == ["-m", "fluxapi", "serve"]
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    settings = Settings.read(parser.parse_args(command[4:]), {})
    assert [str(address) for address in settings.addresses] == [f"unix:{path}"]
    assert settings.frame_ancestors == ("self",)
    assert settings.allowed_hosts == ("*",)


def test_the_tile_has_its_picture_where_the_dashboard_is_built() -> None:
    entry = setup()["launcher_entry"]
    if "icon_path" not in entry:
        pytest.skip("the dashboard is not built: make builds it")
    assert Path(entry["icon_path"]).read_text(encoding="utf-8").startswith("<svg")
