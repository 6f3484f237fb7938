"""The compiled templates are kept beside their sources."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import jinja2
import pytest

from fluxapi.web import compiled


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    (tmp_path / "page.html").write_text("Hello {{ name }}", encoding="utf-8")
    return tmp_path


def started(folder: Path) -> jinja2.Environment:
    loader, kept = jinja2.FileSystemLoader(folder), compiled._Bytecode(folder)
    return jinja2.Environment(loader=loader, bytecode_cache=kept, autoescape=True)


def rendered(folder: Path) -> str:
    return started(folder).get_template("page.html").render(name="you")


def test_a_second_start_compiles_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendered(folder) == "Hello you"
    assert list((folder / "__pycache__").iterdir())
    monkeypatch.setattr(jinja2.Environment, "compile", pytest.fail)
    assert rendered(folder) == "Hello you"


def test_a_changed_template_is_compiled_again(folder: Path) -> None:
    rendered(folder)
    (folder / "page.html").write_text("Bye {{ name }}", encoding="utf-8")
    assert rendered(folder) == "Bye you"


def test_a_folder_that_cannot_be_written_stops_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert rendered(folder) == "Hello you"


def test_nothing_is_kept_where_python_keeps_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered(folder) == "Hello you"
    assert [it.name for it in folder.iterdir()] == ["page.html"]
